"""Text for people: made safe, measured, wrapped; durations and sizes in words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


_CSI = r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, movements
_COLOURS = re.compile(_CSI)
_ESCAPES = re.compile(
    rf"{_CSI}"
    r"|\x1b(?:[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)"  # OSC and the like: titles, links
    r"|[ -/]*[0-~])"
)
"""What controls a terminal, in the forms of ECMA-48."""
_WORDS = re.compile(r"(?:`[a-z][^`]*`|\S)+")
"""A command in backticks is one word: it must not be broken, to be copied."""


def drop_escapes(text: str) -> str:
    """Return ``text`` without sequences that colour it or move the cursor, of which `clean` leaves a part."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def clean(text: str) -> str:
    """Return ``text`` without anything that could control a terminal or begin a new line.

    What comes from AWS may have been written by anybody. Not printable in Python's sense are exactly the
    characters that do harm: C0 and C1 controls, bidi overrides, line separators, lone surrogates.
    """
    if text.isprintable():
        return text
    # An error may be coloured. What is longer than a colour may have no end, and would take the rest along.
    return "".join(char if char.isprintable() else " " for char in _COLOURS.sub("", text))


def cell_width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # its tables take 20 ms to load, and most text is ASCII

    return cell_len(text)


def wrap(text: str, width: int, longest: int = 0) -> list[str]:
    """Break ``text`` into lines of at most ``width`` columns (at least 2), between words where it can.

    A word that is longer than that, but not than ``longest``, stays whole on a line of its own, unless it
    is the first; nor is with ``longest`` a command in backticks ever broken. Nothing is lost but the spaces
    at the breaks; an empty text is one empty line.
    """
    lines = [""]
    for word in _WORDS.findall(text) if longest else text.split():
        room = width - cell_width(lines[-1]) - 1
        if lines[-1] and cell_width(word) <= room:
            lines[-1] += f" {word}"
        else:
            whole = " " in word or (lines != [""] and cell_width(word) <= longest)
            pieces = [word] if whole else fold(word, width)
            lines[-1:] = [*([lines[-1]] if lines[-1] else []), *pieces]
    return lines


def fold(text: str, width: int, *, at_spaces: bool = False) -> list[str]:
    """Break ``text`` into pieces of at most ``width`` columns (at least 2), ``at_spaces`` where it can."""
    pieces = [""]
    for char in text:
        if cell_width(pieces[-1] + char) > width:
            end = pieces[-1].rfind(" ") + 1 if at_spaces and char != " " else 0
            end = end if pieces[-1][:end].strip() else len(pieces[-1])
            pieces[-1:] = [pieces[-1][:end], pieces[-1][end:]]
        pieces[-1] += char
    return pieces


def clip(text: str, width: int, ellipsis: str) -> str:
    """Return ``text`` if it fits into ``width`` columns, else its beginning and ``ellipsis``."""
    if cell_width(text) <= width:
        return text
    kept = fold(text, max(width - cell_width(ellipsis), 2))[0]
    return (kept.rstrip() + ellipsis)[:width]


def pad(text: str, width: int) -> str:
    """Return ``text`` with spaces after it, up to ``width`` columns."""
    return text + " " * max(width - cell_width(text), 0)


def duration(seconds: float) -> str:
    """Say how long something took: ``0.4s``, ``32s``, ``1m05s``, ``1h02m``."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def short_time(seconds: float) -> str:
    """Say how long something took that may be over at once: ``12ms``, else as `duration` does."""
    return f"{round(max(seconds, 0) * 1000)}ms" if seconds < 0.1 else duration(seconds)


def age(seconds: float) -> str:
    """Say how long ago something was, in the largest unit that fits: ``3 days``, ``1 hour``."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(max(seconds, 0) // length)  # of a machine whose clock is ahead
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def size(count: int) -> str:
    """Say a number of bytes: ``812 B``, ``3.2 kB``, ``1.4 MB``."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def counted(count: int, thing: str) -> str:
    """Say how many: ``1 package``, ``4 packages``."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The characters that the output is drawn with."""

    done: str
    same: str
    busy: str
    warn: str
    fail: str
    bar: str
    rest: str
    ellipsis: str
    spinner: tuple[str, ...]


UNICODE = Glyphs(
    done="✔",
    same="=",
    busy="▸",
    warn="▲",
    fail="✘",
    bar="━",
    rest="─",
    ellipsis="…",
    spinner=tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"),
)
ASCII = Glyphs(
    done="+",
    same="=",
    busy=">",
    warn="!",
    fail="x",
    bar="#",
    rest="-",
    ellipsis="...",
    spinner=("|", "/", "-", "\\"),
)


def choose_glyphs(encoding: str | None, environ: Mapping[str, str]) -> Glyphs:
    """Return characters that ``encoding`` can express and that the locale asks for."""
    if _wants_ascii(environ):
        return ASCII
    try:
        "".join([UNICODE.done, UNICODE.bar, *UNICODE.spinner]).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def _wants_ascii(environ: Mapping[str, str]) -> bool:
    """Whether the locale is C or POSIX, which Python takes for UTF-8 (PEP 538, PEP 540)."""
    if "PYTHONUTF8" in environ or "PYTHONIOENCODING" in environ:
        return False
    ctype = environ.get("LC_CTYPE", "")
    if ctype in ("C.UTF-8", "C.utf8", "UTF-8"):
        ctype = ""  # what Python itself sets in the locale C
    return (environ.get("LC_ALL") or ctype or environ.get("LANG")) in ("C", "POSIX")
