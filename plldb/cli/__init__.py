"""The command line: options in, events out. Pure.

Nothing is imported here: a help page must not pay for AWS.
"""
