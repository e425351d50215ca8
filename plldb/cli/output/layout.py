"""What the text output says, and how it is laid out in columns. Pure.

Every text passes through `lay_out`, and is made safe there: nothing else may reach a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Literal, get_args

from plldb.cli.output.text import Glyphs, cell_width, clean, drop_escapes, fold, pad, wrap

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

Hue = Literal["hue1", "hue2", "hue3", "hue4", "hue5", "hue6"]
Tone = Literal["plain", "dim", "good", "bad", "warn", "busy", "strong"] | Hue
Mark = Literal["done", "same", "busy", "warn", "fail", "none"]

HUES: tuple[Hue, ...] = get_args(Hue)
NAME_WIDTH = 10
ID_WIDTH = 35
TYPE_WIDTH = 12
"""Columns of the type below `WIDE`: as many as the longest type of plldb's stack has (LayerVersion)."""
TIME_WIDTH = 8
TYPED = 70
"""Below this many columns the type is left out: beside it the names of most resources would not fit."""
WIDE = 120
"""From this many columns on, the reason of an event has a column of its own."""
NARROWEST = 60
"""Below this columns make no sense; the terminal then breaks the lines itself."""

_MARK_TONES: dict[Mark, Tone] = {
    "done": "good",
    "same": "dim",
    "busy": "busy",
    "warn": "warn",
    "fail": "bad",
    "none": "plain",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One statement: a sign, the stage or thing that it is about, and what is to be said.

    ``verbatim``: it is somebody else's output, whose spaces are kept.
    """

    mark: Mark = "none"
    name: str = ""
    text: str
    tone: Tone = "plain"
    verbatim: bool = False


def warning(name: str, text: str) -> Line:
    """Return a line that a person should not pass over."""
    return Line(mark="warn", name=name, text=text, tone="warn")


def last_line(text: str, *, good: bool) -> Line:
    """Return the line that says how a run has ended, or that it is attached."""
    return Line(mark="done" if good else "fail", name="plldb", text=text, tone="good" if good else "bad")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event of a resource. ``took`` is empty but for the end of its work; ``note`` may be empty."""

    time: datetime
    logical_id: str
    resource_type: str
    status: str
    tone: Tone
    took: str
    reason: str
    note: str


Item = Line | Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of text in one tone."""

    text: str
    tone: Tone = "plain"


Spans = tuple[Span, ...]
_Cell = tuple[str, int, Tone]
"""Text, columns, and tone."""


def lay_out(
    item: Item, *, width: int | None, glyphs: Glyphs, label: str = "", tz: tzinfo | None = None
) -> list[Spans]:
    """Turn one item into lines of at most ``width`` columns; None: one line, however long, in UTC.

    ``label`` is put in front of every line; it tells several regions apart. ``tz`` is the zone of times,
    None for that of the machine.
    """
    front = f"{clean(label)} " if label else ""
    room = None if width is None else max(width, NARROWEST) - cell_width(front)
    lines = _lay_line(item, room, glyphs) if isinstance(item, Line) else _lay_row(item, room, tz)
    return [_trim((Span(text=front, tone="strong"), *spans) if front else spans) for spans in lines]


def _lay_line(line: Line, room: int | None, glyphs: Glyphs) -> list[Spans]:
    sign = " " if line.mark == "none" else str(getattr(glyphs, line.mark))
    head = (
        Span(text=f"{sign} ", tone=_MARK_TONES[line.mark]),
        Span(text=pad(clean(line.name), NAME_WIDTH) + " ", tone=_tone_of_name(line.name)),
    )
    indent = 2 + cell_width(head[1].text)
    text = clean(drop_escapes(line.text).expandtabs() if line.verbatim else line.text)
    if room is None:
        first, *more = [text]
    else:
        narrow = room - indent
        first, *more = fold(text, narrow, at_spaces=True) if line.verbatim else wrap(text, narrow, room)
    return [
        (*head, Span(text=first, tone=line.tone)),
        *((_indent(text, indent, room), Span(text=text, tone=line.tone)) for text in more),
    ]


def _tone_of_name(name: str) -> Tone:
    """Things that go by numbers, ``#1``, have colours by which lines of several at once are told apart."""
    return HUES[int(name[1:]) % len(HUES)] if name[:1] == "#" and name[1:].isdecimal() else "dim"


def _indent(text: str, indent: int, room: int | None) -> Span:
    """Less of it before an ARN that would not fit: whole, it can be copied."""
    spare = indent if room is None else room - cell_width(text)
    return Span(text=" " * min(indent, spare))


def _lay_row(row: Row, room: int | None, tz: tzinfo | None) -> list[Spans]:
    """Side by side as far as there is room; below `WIDE` columns the reason goes under the resource."""
    if room is None:
        at = f"{row.time.astimezone(UTC):%H:%M:%S}Z"
        said = _joined(row.status, row.took, row.note, row.reason)
        cells = (pad(clean(row.logical_id), ID_WIDTH), pad(clean(short_type(row.resource_type)), 25))
        return [(Span(text=" ".join((at, *cells, clean(said)))),)]
    at = f"{row.time.astimezone(tz):%H:%M:%S}"
    tone: Tone = row.tone if row.tone == "bad" else "dim"
    if room < WIDE:
        type_width = TYPE_WIDTH + 1 if room >= TYPED else 0
        id_width, status_width = _share(room - TIME_WIDTH - type_width - 2)
        kind: _Cell = (row.resource_type.rpartition("::")[2], TYPE_WIDTH, "dim")
        lines = _columns(
            (at, TIME_WIDTH, "dim"),
            (row.logical_id, id_width, "plain"),
            *([kind] if type_width else []),
            (_joined(row.status, row.took, row.note), status_width, row.tone),
        )
        below: _Cell = ("", TIME_WIDTH + 2, "dim")
        return lines + (_columns(below, (row.reason, room - TIME_WIDTH - 3, tone)) if row.reason else [])
    id_width, type_width, status_width = (30, 32, 36) if room >= 150 else (ID_WIDTH, 25, 19)
    return _columns(
        (at, TIME_WIDTH, "dim"),
        (row.logical_id, id_width, "plain"),
        (row.resource_type if room >= 150 else short_type(row.resource_type), type_width, "dim"),
        (row.status, status_width, row.tone),
        (row.took, 6, "plain"),
        (_joined(row.note, row.reason), room - TIME_WIDTH - id_width - type_width - status_width - 11, tone),
    )


def _share(room: int) -> tuple[int, int]:
    """Columns for the id and for the status: first what most of them need, then what the longest do."""
    id_width = min(23, max(room - 23, 12))
    status_width = min(35, room - id_width)
    id_width = min(ID_WIDTH, room - status_width)
    return id_width, room - id_width


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _columns(*cells: _Cell) -> list[Spans]:
    """Set cells side by side, each wrapped inside its own width."""
    wrapped = [wrap(clean(text), width) for text, width, _ in cells]
    return [
        tuple(
            Span(text=pad(lines[index] if index < len(lines) else "", width) + " ", tone=tone)
            for lines, (_, width, tone) in zip(wrapped, cells, strict=True)
        )
        for index in range(max(map(len, wrapped)))
    ]


def short_type(resource_type: str) -> str:
    """``AWS::DynamoDB::Table`` without the part that they all share."""
    return resource_type.removeprefix("AWS::")


def _trim(spans: Spans) -> Spans:
    """Drop blanks at the end of a line: a narrowed terminal would break them into empty lines."""
    kept = list(spans)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Span(text=kept[-1].text.rstrip(), tone=kept[-1].tone)
    return tuple(kept)


def as_text(spans: Spans) -> str:
    """Return the characters of a line without their tones."""
    return "".join(span.text for span in spans)
