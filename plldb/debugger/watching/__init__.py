"""What a session notices of its functions while it is attached. Pure."""
