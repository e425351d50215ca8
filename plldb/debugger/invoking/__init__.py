"""One event, sent to a function through the cloud. Pure."""
