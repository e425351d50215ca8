"""What the text faces say, and how it is laid out in columns. Pure.

Every text passes through `lay_out`, and is made safe there: nothing else may reach a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plldb.cli.output.text import Glyphs, cell_width, clean, pad, wrap

Tone = Literal["plain", "dim", "good", "bad", "warn", "busy", "strong"]
Mark = Literal["done", "same", "busy", "warn", "fail", "none"]

NAME_WIDTH = 10
TIME_WIDTH = 9
ID_WIDTH = 35
TYPE_WIDTH = 11
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
    """One statement: a sign, the stage or thing that it is about, and what is to be said."""

    mark: Mark = "none"
    name: str = ""
    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event of the stack. ``took`` is empty but for the end of a resource's work."""

    time: str
    logical_id: str
    resource_type: str
    status: str
    tone: Tone
    took: str
    reason: str
    theirs: bool


Item = Line | Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of text in one tone."""

    text: str
    tone: Tone = "plain"


Spans = tuple[Span, ...]


def lay_out(item: Item, *, width: int | None, glyphs: Glyphs, label: str = "") -> list[Spans]:
    """Turns one item into physical lines of at most ``width`` columns; None: one line, however long.

    ``label`` is put in front of every line; it tells several regions apart.
    """
    front = f"{clean(label)} " if label else ""
    room = None if width is None else max(width, NARROWEST) - cell_width(front)
    lines = _lay_line(item, room, glyphs) if isinstance(item, Line) else _lay_row(item, room)
    return [_trim((Span(text=front, tone="strong"), *spans) if front else spans) for spans in lines]


def _lay_line(line: Line, room: int | None, glyphs: Glyphs) -> list[Spans]:
    sign = "" if line.mark == "none" else str(getattr(glyphs, line.mark))
    head = (
        Span(text=pad(sign, 2), tone=_MARK_TONES[line.mark]),
        Span(text=pad(clean(line.name), NAME_WIDTH) + " ", tone="dim"),
    )
    indent = sum(cell_width(span.text) for span in head)
    first, *more = [clean(line.text)] if room is None else wrap(clean(line.text), room - indent, room)
    return [
        (*head, Span(text=first, tone=line.tone)),
        *((_indent(text, indent, room), Span(text=text, tone=line.tone)) for text in more),
    ]


def _indent(text: str, indent: int, room: int | None) -> Span:
    """Less of it before an ARN that would not fit: whole, it can be copied."""
    spare = indent if room is None else room - cell_width(text)
    return Span(text=" " * min(indent, spare))


def _lay_row(row: Row, room: int | None) -> list[Spans]:
    if room is None:
        return [_plain_row(row)]
    if room < WIDE:
        return _narrow_row(row, room)
    return _wide_row(row, room)


def _plain_row(row: Row) -> Spans:
    """All on one line, in an order that stays aligned: the reason has no end."""
    cells = _columns(
        [
            (row.time, 9, "plain"),
            (row.logical_id, ID_WIDTH, "plain"),
            (short_type(row.resource_type), 25, "plain"),
        ]
    )
    rest = " ".join(part for part in (row.status, row.took, _theirs(row), row.reason) if part)
    return (*cells[0], Span(text=clean(rest)))


def _narrow_row(row: Row, room: int) -> list[Spans]:
    """The last part of the type must do, and the reason gets lines of its own, under the resource."""
    id_width, status_width = _share(room - TIME_WIDTH - TYPE_WIDTH - 2)
    status = " ".join(part for part in (row.status, row.took, _theirs(row)) if part)
    cells: list[tuple[str, int, Tone]] = [
        (row.time, TIME_WIDTH - 1, "dim"),
        (row.logical_id, id_width, "plain"),
        (row.resource_type.rpartition("::")[2], TYPE_WIDTH, "dim"),
        (status, status_width, row.tone),
    ]
    below = wrap(clean(row.reason), room - TIME_WIDTH - 2) if row.reason else []
    tone: Tone = row.tone if row.tone == "bad" else "dim"
    return [*_columns(cells), *((Span(text=" " * (TIME_WIDTH + 2)), Span(text=s, tone=tone)) for s in below)]


def _share(room: int) -> tuple[int, int]:
    """Columns for the id and for the status: first what most of them need, then what the longest do."""
    id_width = min(23, max(room - 23, 12))
    status_width = min(35, room - id_width)
    id_width = min(ID_WIDTH, room - status_width)
    return id_width, room - id_width


def _wide_row(row: Row, room: int) -> list[Spans]:
    """Everything side by side; type and status in full where there is room for it."""
    full = room >= 150
    cells: list[tuple[str, int, Tone]] = [
        (row.time, TIME_WIDTH - 1, "dim"),
        (row.logical_id, 30 if full else ID_WIDTH, "plain"),
        (row.resource_type if full else short_type(row.resource_type), 32 if full else 25, "dim"),
        (row.status, 36 if full else 19, row.tone),
        (row.took, 6, "plain"),
    ]
    said = " ".join(part for part in (_theirs(row), row.reason) if part)
    used = sum(width + 1 for _, width, _ in cells)
    return _columns([*cells, (said, room - used, row.tone if row.tone == "bad" else "dim")])


def _columns(cells: list[tuple[str, int, Tone]]) -> list[Spans]:
    """Sets cells side by side, each wrapped inside its own width."""
    wrapped = [wrap(clean(text), width) for text, width, _ in cells]
    height = max(len(lines) for lines in wrapped)
    return [
        tuple(
            Span(text=pad(lines[index] if index < len(lines) else "", width) + " ", tone=tone)
            for lines, (_, width, tone) in zip(wrapped, cells, strict=True)
        )
        for index in range(height)
    ]


def short_type(resource_type: str) -> str:
    """``AWS::DynamoDB::Table`` without the part that they all share."""
    return resource_type.removeprefix("AWS::")


def _theirs(row: Row) -> str:
    return "[not ours]" if row.theirs else ""


def _trim(spans: Spans) -> Spans:
    """Drops blanks at the end of a line: a narrowed terminal would break them into empty lines."""
    kept = list(spans)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Span(text=kept[-1].text.rstrip(), tone=kept[-1].tone)
    return tuple(kept)


def as_text(spans: Spans) -> str:
    """The characters of a line without their tones."""
    return "".join(span.text for span in spans)
