"""The live line below the log: how far, how long, waiting for what. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from plldb.cli.output.layout import Span, Spans
from plldb.cli.output.text import Glyphs, cell_width, clean, clip, duration

_GAP = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """How much of the work is done. ``total`` is None if it is not known; ``undoing``: it is taken back."""

    done: int
    total: int | None
    undoing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What a region is busy with.

    ``seconds`` since it began; ``waiting`` are the things in progress, each with its seconds, the longest
    first; ``verb`` goes before their names, ``otherwise`` is said while there are none. ``idle``: nothing
    goes on that a log would have to tell.
    """

    seconds: float
    bar: Bar | None = None
    verb: str = "waiting for"
    waiting: tuple[tuple[str, float], ...] = ()
    otherwise: str
    idle: bool = False


def live_line(activity: Activity, *, width: int, glyphs: Glyphs, frame: int, label: str = "") -> Spans:
    """Return one line of at most ``width`` columns; ``frame`` turns the spinner."""
    spin = f"{glyphs.spinner[frame % len(glyphs.spinner)]} "
    head = [Span(text=spin, tone="busy")]
    if label:
        head.append(Span(text=f"{clean(label)} ", tone="strong"))
    if activity.bar is not None:
        head += _how_far(activity.bar, 20 if width < 120 else 40, glyphs)
    head.append(Span(text=f"{duration(activity.seconds)}{_GAP}"))
    room = width - sum(cell_width(span.text) for span in head)
    return (*head, Span(text=_what(activity, room, glyphs.ellipsis), tone="dim"))


def _how_far(bar: Bar, length: int, glyphs: Glyphs) -> list[Span]:
    if bar.total is None:
        return [Span(text=f"{bar.done} done{_GAP}")]
    total = max(bar.total, bar.done, 1)
    filled = length * bar.done // total
    return [
        Span(text=glyphs.bar * filled, tone="warn" if bar.undoing else "good"),
        Span(text=glyphs.rest * (length - filled), tone="dim"),
        Span(text=f" {bar.done}/{total}{_GAP}"),
    ]


def _what(activity: Activity, room: int, ellipsis: str) -> str:
    """Name as many things as there is room for, the one that takes longest first."""
    waiting = [f"{clean(name)} {duration(age)}" for name, age in activity.waiting]
    if not waiting:
        return clip(activity.otherwise, room, ellipsis)
    for count in range(len(waiting), 0, -1):
        more = f" +{len(waiting) - count}" if count < len(waiting) else ""
        text = f"{activity.verb} {', '.join(waiting[:count])}{more}"
        if cell_width(text) <= room:
            return text
    return clip(f"{activity.verb} {waiting[0]}", room, ellipsis)
