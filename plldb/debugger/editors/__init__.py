"""Configuration files of editors. Pure."""
