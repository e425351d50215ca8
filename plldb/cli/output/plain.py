"""The face for pipes, files and CI: plain lines, nothing rewritten. Talks to the console."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plldb.cli.bootstrap.explain import closing_lines, problem_lines
from plldb.cli.bootstrap.words import Narrator
from plldb.cli.output.layout import Line, as_text, lay_out
from plldb.cli.output.renderer import OutputClosedError, write_line, write_note
from plldb.cli.output.text import choose_glyphs, duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plldb.cli.jobs import Shown
    from plldb.cli.output.layout import Item
    from plldb.cli.output.renderer import Lane, Outcome, Terminal
    from plldb.cli.problems import Problem


class PlainFace:
    """Writes each item as one line, however long it is, and flushes it. Times are UTC: logs travel."""

    def __init__(self, terminal: Terminal, lanes: Sequence[Lane]) -> None:
        self._terminal = terminal
        self._glyphs = choose_glyphs(terminal.stdout.encoding, terminal.environ)
        self._narrators = {lane.label: Narrator(UTC, suffix="Z") for lane in lanes}
        self._label_width = max((len(lane.label) for lane in lanes), default=0)

    @property
    def patience(self) -> float | None:
        """After the terminal's ``quiet`` seconds a line says what is still in progress."""
        return self._terminal.quiet

    def show(self, lane: Lane, event: Shown) -> None:
        """Writes what there is to say about an event."""
        now = datetime.fromtimestamp(self._terminal.clock(), UTC)
        self._write(self._narrators[lane.label].tell(event, now), lane.label)

    def idle(self, lane: Lane) -> None:
        """Writes what is still in progress."""
        now = self._terminal.clock()
        waiting = ", ".join(f"{name} ({duration(age)})" for name, age in lane.progress.waiting(now))
        text = f"still at work after {duration(lane.progress.elapsed(now))}"
        if waiting:
            text += f", waiting for {waiting}"
        self._write([Line(mark="busy", name="waiting", text=text)], lane.label)

    def done(self, lane: Lane, exit_code: int) -> None:
        """Nothing to add: the last event has said it."""

    def fail(self, lane: Lane | None, problem: Problem) -> None:
        """Writes the failure screen: causes to stdout, the closing lines to stderr."""
        label = lane.label if lane else ""
        with suppress(OutputClosedError):  # the lines on stderr may still be read
            self._write(problem_lines(problem), label)
        for line in closing_lines(problem):
            self.note(f"{label} {line}" if label else line)

    def summarise(self, outcomes: Sequence[Outcome]) -> None:
        """Writes one line for each region."""
        self._write(summary_lines(outcomes), "")

    def pause(self) -> None:
        """Nothing to clear away."""

    def note(self, text: str) -> None:
        """Writes one line to stderr."""
        write_note(self._terminal.stderr, text)

    def _write(self, items: Iterable[Item], label: str) -> None:
        for item in items:
            front = label.ljust(self._label_width) if label else ""
            for spans in lay_out(item, width=None, glyphs=self._glyphs, label=front):
                write_line(self._terminal.stdout, as_text(spans))


def summary_lines(outcomes: Sequence[Outcome]) -> list[Line]:
    """How each region ended."""
    return [
        Line(mark="fail" if o.exit_code else "done", name="summary", text=f"{o.lane.label}: {o.said}")
        for o in outcomes
    ]
