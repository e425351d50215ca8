"""One invocation of an attached session: what is told, noted and done besides running it. Pure."""
