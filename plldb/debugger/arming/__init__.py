"""Arming: a function is prepared for the debugger, and restored afterwards. Pure."""
