"""The connection of a session to the WebSocket API. Pure."""
