"""Which numbers a caller may choose for a setting. Pure."""

from __future__ import annotations

import math

from plldb.errors import Hint, SettingsError


def check_number(
    name: str,
    value: object,
    *,
    least: float = 0,
    most: float | None = None,
    above: bool = False,
    whole: bool = False,
) -> None:
    """Raise SettingsError for what is no number from ``least`` to ``most``, which None leaves open.

    ``above``: ``least`` itself is too little. ``whole``: only an int. Never possible are nan, and True and
    False, which are of type int: as a port, True would be 1.
    """
    limit = math.inf if most is None else most
    number = _number_of(value, whole=whole)
    if least <= number <= limit and not (above and number == least):
        return
    kind = "whole number" if whole else "number"
    start = f"above {least:g}" if above else f"of at least {least:g}"
    end = "" if most is None else f" and at most {most:g}"
    hint = Hint("fix-argument", f"Give a {kind} {start}{end}.")
    raise SettingsError(f"{name} cannot be {value!r}: it is a {kind} {start}{end}.", hint=hint)


def _number_of(value: object, *, whole: bool) -> float:
    """Return a number as it is, and nan, which is in no range, for all else."""
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return math.nan
    return value
