"""Output for a terminal: a log that grows, and a live line below it. Talks to the console."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from plldb.cli.output.layout import Item, Spans, Tone, as_text, lay_out
from plldb.cli.output.live import live_line
from plldb.cli.output.renderer import (
    OutputClosedError,
    closing_lines,
    is_terminal,
    summary_lines,
    write_note,
    writing,
)
from plldb.cli.output.text import cell_width, choose_glyphs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plldb.cli.output.renderer import Outcome, Problem, RegionRun, Terminal

STYLES: dict[Tone, str] = {
    "plain": "",
    "dim": "dim",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "busy": "cyan",
    "strong": "bold",
    # Not those that say how something has gone.
    "hue1": "cyan",
    "hue2": "magenta",
    "hue3": "blue",
    "hue4": "bright_cyan",
    "hue5": "bright_magenta",
    "hue6": "bright_blue",
}
SPARE = 4
"""Columns that the live line leaves free: a terminal echoes ``^C`` after it."""
OVERRULED = ("TTY_COMPATIBLE", "TTY_INTERACTIVE", "FORCE_COLOR")
"""Variables by which rich would decide again what `is_terminal` has decided."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave the error to `writing`; rich itself would exit here."""
        raise


def open_console(terminal: Terminal) -> Console:
    """Open stdout, a terminal as `is_terminal` says; rich respects what TERM can do."""
    environ = {name: value for name, value in terminal.environ.items() if name not in OVERRULED}
    if environ.get("COLUMNS", "").strip("0") == "":
        environ.pop("COLUMNS", None)  # rich would believe it, and print nothing
    return _Console(file=terminal.stdout, force_terminal=True, force_interactive=True, _environ=environ)


class TerminalRenderer:
    """Prints items as they come and keeps one live line for each region that is at work.

    rich's own Live is not used: it does not know that a narrowed terminal breaks a drawn line in two.
    """

    patience: float | None = 0.25

    def __init__(self, console: Console, terminal: Terminal, runs: Sequence[RegionRun[Any]]) -> None:
        self._console = console
        self._terminal = terminal
        self._glyphs = choose_glyphs(console.encoding, terminal.environ)
        self._label_width = max((len(run.label) for run in runs), default=0)
        self._working: list[RegionRun[Any]] = []
        self._drawn: list[int] = []  # widths of the live lines that are on the screen
        self._frame = 0

    def show(self, run: RegionRun[Any], event: Any) -> None:
        """Print what there is to say about an event, and move the live line below it."""
        if run not in self._working:
            self._working.append(run)
        now = datetime.fromtimestamp(self._terminal.clock(), UTC)
        self._print(run.words(event, now), run.label)

    def idle(self, run: RegionRun[Any]) -> None:
        """Advance the spinner and the clock, also while waiting for the first answer of AWS."""
        if run not in self._working:
            self._working.append(run)
        if run is self._working[0]:
            self._frame += 1
        self._print([], "")

    def done(self, run: RegionRun[Any], exit_code: int) -> None:  # noqa: ARG002 - the last event has said it
        """Remove the live line of a region."""
        self._working = [other for other in self._working if other is not run]
        self._print([], "")

    def fail(self, run: RegionRun[Any] | None, problem: Problem) -> None:
        """Print the failure screen."""
        self._working = [other for other in self._working if run is not None and other is not run]
        label = run.label if run else ""
        with suppress(OutputClosedError):  # the lines on stderr may still be read
            self._print(problem.lines, label)
        # What reads a file breaks lines itself; a terminal breaks them within words.
        on_terminal = is_terminal(self._terminal.stderr, self._terminal.environ)
        for line in closing_lines(problem, self._console.width if on_terminal else None, label):
            self.note(line)

    def summarise(self, outcomes: Sequence[Outcome]) -> None:
        """Print one line for each region."""
        self._print(summary_lines(outcomes), "")

    def pause(self) -> None:
        """Remove the live lines until the next event."""
        with writing(), self._console:
            self._erase()

    def note(self, text: str) -> None:
        """Write one line to stderr, above the live line."""
        with suppress(OutputClosedError):
            self.pause()
        write_note(self._terminal.stderr, text)
        with suppress(OutputClosedError):
            self._print([], "")

    def _print(self, items: Iterable[Item], label: str) -> None:
        """Erase, print and draw in one write, so that nothing flickers."""
        front = label.ljust(self._label_width) if label else ""
        width, tz = self._console.width, self._terminal.tz
        with writing(), self._console:
            self._erase()
            for item in items:
                for spans in lay_out(item, width=width, glyphs=self._glyphs, label=front, tz=tz):
                    self._put(spans)
            self._draw()

    def _erase(self) -> None:
        rows = sum(ceil(width / self._console.width) or 1 for width in self._drawn)
        self._drawn.clear()
        if rows:
            up = [(ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)] * (rows - 1)
            self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up))

    def _draw(self) -> None:
        for index, run in enumerate(self._working):
            if index:
                self._console.line()
            spans = live_line(
                run.progress.activity(self._terminal.clock()),
                width=self._console.width - SPARE,
                glyphs=self._glyphs,
                frame=self._frame,
                label=run.label.ljust(self._label_width),
            )
            self._put(spans, end="")
            self._drawn.append(cell_width(as_text(spans)))

    def _put(self, spans: Spans, end: str = "\n") -> None:
        """Print a line as it is: no markup, no highlighting, no wrapping, no cutting."""
        plain = self._console.no_color  # bold and dim go too, as in ruff, uv, pytest and cargo
        text = Text.assemble(*((span.text, "" if plain else STYLES[span.tone]) for span in spans), end=end)
        self._console.print(text, soft_wrap=True, highlight=False, end=end)
