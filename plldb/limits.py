"""Which numbers a caller may choose for a setting. Pure."""

from __future__ import annotations

import math

from plldb.errors import Hint, SettingsError


def check_number(
    name: str, value: object, *, least: float = 0, most: float | None = None, above: bool = False
) -> None:
    """Raise SettingsError for what is no number from ``least`` to ``most``, which None leaves open.

    ``above``: ``least`` itself is too little. Not a number, nan, is never possible.
    """
    limit = math.inf if most is None else most
    if isinstance(value, int | float) and least <= value <= limit and not (above and value == least):
        return
    start = f"above {least:g}" if above else f"of at least {least:g}"
    end = "" if most is None else f" and at most {most:g}"
    hint = Hint("fix-argument", f"Give a number {start}{end}.")
    raise SettingsError(f"{name} cannot be {value!r}: it is a number {start}{end}.", hint=hint)
