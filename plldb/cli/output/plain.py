"""Output for pipes, files and CI: plain lines, nothing rewritten. Talks to the console."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from plldb.cli.output.layout import Line, as_text, lay_out
from plldb.cli.output.renderer import OutputClosedError, closing_lines, summary_lines, write_line, write_note
from plldb.cli.output.text import choose_glyphs, duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plldb.cli.output.layout import Item
    from plldb.cli.output.renderer import Outcome, Problem, RegionRun, Terminal


class PlainRenderer:
    """Writes each item as one line, however long, and flushes it. Times are UTC: logs are read elsewhere."""

    def __init__(self, terminal: Terminal, runs: Sequence[RegionRun[Any]]) -> None:
        self._terminal = terminal
        self._glyphs = choose_glyphs(terminal.stdout.encoding, terminal.environ)
        self._label_width = max((len(run.label) for run in runs), default=0)

    @property
    def patience(self) -> float | None:
        """After the terminal's ``quiet`` seconds a line says what is still in progress."""
        return self._terminal.quiet

    def show(self, run: RegionRun[Any], event: Any) -> None:
        """Write what there is to say about an event."""
        now = datetime.fromtimestamp(self._terminal.clock(), UTC)
        self._write(run.words(event, now), run.label)

    def idle(self, run: RegionRun[Any]) -> None:
        """Write what is still in progress."""
        activity = run.progress.activity(self._terminal.clock())
        if activity.idle:
            return
        text = f"still at work after {duration(activity.seconds)}"
        if activity.waiting:
            named = ", ".join(f"{name} ({duration(age)})" for name, age in activity.waiting)
            text += f", waiting for {named}"
        self._write([Line(mark="busy", name="waiting", text=text)], run.label)

    def done(self, run: RegionRun[Any], exit_code: int) -> None:
        """Do nothing: the last event has said it."""

    def fail(self, run: RegionRun[Any] | None, problem: Problem) -> None:
        """Write the causes to stdout, the closing lines to stderr."""
        label = run.label if run else ""
        with suppress(OutputClosedError):  # the lines on stderr may still be read
            self._write(problem.lines, label)
        for line in closing_lines(problem, label=label):
            self.note(line)

    def summarise(self, outcomes: Sequence[Outcome]) -> None:
        """Write one line for each region."""
        self._write(summary_lines(outcomes), "")

    def pause(self) -> None:
        """Do nothing: there is no live line to remove."""

    def note(self, text: str) -> None:
        """Write one line to stderr."""
        write_note(self._terminal.stderr, text)

    def _write(self, items: Iterable[Item], label: str) -> None:
        front = label.ljust(self._label_width) if label else ""
        for item in items:
            for spans in lay_out(item, width=None, glyphs=self._glyphs, label=front):
                write_line(self._terminal.stdout, as_text(spans))
