"""The live line below the log: how far, how long, waiting for what. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.output.layout import Span, Spans
from plldb.cli.output.text import Glyphs, cell_width, clean, clip, duration

if TYPE_CHECKING:
    from plldb.bootstrap.progress import Progress

_GAP = "  "


def live_line(
    progress: Progress, *, now: float, width: int, glyphs: Glyphs, frame: int, label: str = ""
) -> Spans:
    """Returns one line of at most ``width`` columns; ``frame`` turns the spinner."""
    spin = f"{glyphs.spinner[frame % len(glyphs.spinner)]} "
    head = [Span(text=spin, tone="busy")]
    if label:
        head.append(Span(text=f"{clean(label)} ", tone="strong"))
    if progress.operation is not None:
        head += _how_far(progress, 20 if width < 120 else 40, glyphs)
    head.append(Span(text=f"{duration(progress.elapsed(now))}{_GAP}"))
    room = width - sum(cell_width(span.text) for span in head)
    return (*head, Span(text=_what(progress, now, room, glyphs), tone="dim"))


def _how_far(progress: Progress, length: int, glyphs: Glyphs) -> list[Span]:
    if progress.total is None:
        return [Span(text=f"{progress.done} done{_GAP}")]
    total = max(progress.total, progress.done, 1)
    filled = length * progress.done // total
    return [
        Span(text=glyphs.bar * filled, tone="warn" if progress.rolling_back else "good"),
        Span(text=glyphs.rest * (length - filled), tone="dim"),
        Span(text=f" {progress.done}/{total}{_GAP}"),
    ]


def _what(progress: Progress, now: float, room: int, glyphs: Glyphs) -> str:
    """Names as many resources as there is room for, the one that takes longest first."""
    if progress.operation is None:
        return clip("working" if progress.region else "waiting for AWS", room, glyphs.ellipsis)
    waiting = [f"{clean(name)} {duration(age)}" for name, age in progress.waiting(now)]
    verb = "undoing" if progress.rolling_back else "waiting for"
    if not waiting:
        return clip(f"{verb} CloudFormation", room, glyphs.ellipsis)
    for count in range(len(waiting), 0, -1):
        more = f" +{len(waiting) - count}" if count < len(waiting) else ""
        text = f"{verb} {', '.join(waiting[:count])}{more}"
        if cell_width(text) <= room:
            return text
    return clip(f"{verb} {waiting[0]}", room, glyphs.ellipsis)
