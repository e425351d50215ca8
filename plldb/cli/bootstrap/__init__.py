"""The commands of `plldb bootstrap`, and their events in words. Pure."""
