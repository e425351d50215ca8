"""The command ``plldb replay``. Pure."""
