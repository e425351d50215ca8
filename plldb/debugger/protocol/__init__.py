"""Parts of the protocol between a sandbox and a laptop: docs/protocol.md. Pure."""
