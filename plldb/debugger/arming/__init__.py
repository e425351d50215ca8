"""Arming: a function is made ready for the debugger, and given back as it was. Pure."""
