"""Cargo: what a worker's process runs, on the project's Python. plldb never imports it. Talks to plldb."""
