"""Reads values that others wrote: each is of the expected kind, or `WireError` is raised. Pure."""

from __future__ import annotations

import re
from typing import TypeVar

from plldb.debugger import wire
from plldb.debugger.wire import WireError

T = TypeVar("T")

HEX = r"[0-9a-f]{1,64}"
NAME = r"[A-Za-z0-9_:./$-]{1,256}"
CONNECTION = r"[A-Za-z0-9_=-]{1,128}"  # goes into the path of a request: nothing that has a meaning there


def get(told: dict[str, object], name: str, kind: type[T]) -> T:
    """Return a value of exactly this type."""
    value = told.get(name)
    if type(value) is not kind:  # True does not count as a number
        raise WireError(f"{name} is not {kind.__name__}")
    return value


def match_text(told: dict[str, object], name: str, pattern: str) -> str:
    """Return a text that matches as a whole."""
    value = get(told, name, str)
    if not re.fullmatch(pattern, value):
        raise WireError(f"{name} is malformed")
    return value


def get_time(told: dict[str, object], name: str) -> float:
    """Return a time, in seconds of the epoch."""
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise WireError(f"{name} is not a time")
    return float(value)


def number_of_piece(value: object) -> int:
    """Return the number of a piece of a body."""
    if type(value) is not int or not 0 <= value < wire.PIECES_LIMIT:
        raise WireError("no such piece")
    return value


def get_pairs(told: dict[str, object], name: str) -> tuple[tuple[str, str], ...]:
    """Return headers, their names in lower case."""
    return tuple(map(_pair, get(told, name, list)))


def _pair(value: object) -> tuple[str, str]:
    match value:
        case [str(name), str(text)] if not re.search(r"[\0\r\n]", text):
            return name.lower(), text
        case _:
            raise WireError("malformed header")
