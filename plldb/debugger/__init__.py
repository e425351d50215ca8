"""Debugger: a deployed function runs on the caller's own machine while the cloud invokes it. Pure."""
