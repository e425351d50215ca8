"""Cargo: what runs in a sandbox of the function, beside or instead of its runtime. plldb never imports it."""
