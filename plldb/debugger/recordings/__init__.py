"""Invocations that are kept as files. Pure."""
