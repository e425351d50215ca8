"""Cargo: nothing in here is imported by plldb."""
