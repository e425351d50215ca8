"""The CloudFormation stack: what it is, what to do about it, and the stream of its events. Pure."""
