"""Kept invocations, run once more with no AWS. Pure."""
