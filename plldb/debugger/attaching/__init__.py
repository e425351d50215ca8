"""Attaching: invocations of a deployed function run on this machine, and what is known of it. Pure."""
