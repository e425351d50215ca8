"""The command line of the debugger. Pure."""
