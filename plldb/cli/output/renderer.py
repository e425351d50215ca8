"""What a renderer is, and what it is given. Talks to the streams that it is given.

A renderer is how one run looks: on a terminal, in a pipe, or for a program. It knows no capability.
"""

from __future__ import annotations

import errno
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TextIO

from plldb.cli.output.layout import NARROWEST, Item, Line
from plldb.cli.output.progress import ProgressT
from plldb.cli.output.text import clean, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRun(Generic[ProgressT]):
    """The run of a command in one region.

    ``label`` is empty if it is the only one; ``region`` is None if AWS's own settings name it. ``words``
    says an event in words, now that it has come; it is given all of them in order.
    """

    label: str = ""
    region: str | None = None
    words: Callable[[Any, datetime], Sequence[Item]]
    progress: ProgressT


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the last event of a run says: a word for programs, a few for people, and the exit code."""

    name: str
    summary: str
    exit_code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended in one region, in a few words."""

    run: RegionRun[Any]
    exit_code: int
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do next: what for, and the command."""

    purpose: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why there is no result.

    ``stack``, ``status`` and ``failures`` say to a program what ``lines`` say to a person; ``steps`` are
    what to do next, best first.
    """

    operation: str | None
    code: str
    message: str
    hint: str
    exit_code: int
    stack: str = ""
    status: str | None = None
    failures: tuple[object, ...] = ()
    lines: tuple[Line, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Where a run reads and writes, and its settings of time.

    ``quiet`` is after how many seconds without an event plain output says what goes on. ``tz`` is the zone
    of times on a terminal, None for that of the machine. ``clock`` gives POSIX seconds.
    """

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]
    quiet: float = 30.0
    tz: tzinfo | None = None
    clock: Callable[[], float] = time.time


class Renderer(Protocol):
    """How one run looks."""

    @property
    def patience(self) -> float | None:
        """Seconds without an event after which `idle` wants to be called; None for never."""

    def show(self, run: RegionRun[Any], event: Any) -> None:
        """Show an event."""

    def idle(self, run: RegionRun[Any]) -> None:
        """Show that the run is still at work although no event came."""

    def done(self, run: RegionRun[Any], exit_code: int) -> None:
        """Take note that the run of a region came to its end without an error."""

    def fail(self, run: RegionRun[Any] | None, problem: Problem) -> None:
        """Show the problem in which a region, or with None the whole run, has ended."""

    def summarise(self, outcomes: Sequence[Outcome]) -> None:
        """Show how several regions have ended."""

    def pause(self) -> None:
        """Make room for a question."""

    def note(self, text: str) -> None:
        """Pass one line of diagnostics to stderr."""


def is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether ``stream`` is a terminal that can rewrite a line: everything goes by this alone.

    TTY_COMPATIBLE=0 is how rich is told that what looks like a terminal is none.
    """
    able = environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
    return stream.isatty() and able and environ.get("TTY_COMPATIBLE") != "0"


class OutputClosedError(Exception):
    """Stdout accepts no more output; the message says why. ``| head`` does that, and a full disk."""


@contextmanager
def writing() -> Iterator[None]:
    """Raise `OutputClosedError` where the system says that it cannot write."""
    try:
        yield
    except OSError as error:
        # EIO is what a terminal says that is gone.
        gone = isinstance(error, BrokenPipeError) or error.errno == errno.EIO
        reason = (
            "the reader of the output went away" if gone else f"cannot write the output ({error.strerror})"
        )
        raise OutputClosedError(reason) from error


def write_line(stream: TextIO, line: str) -> None:
    """Write a line so that it is seen at once."""
    with writing():
        stream.write(line + "\n")
        stream.flush()


def write_note(stream: TextIO, line: str) -> None:
    """Write a line of diagnostics; that nobody reads it does not end the run."""
    with suppress(OutputClosedError):
        write_line(stream, clean(line))


def closing_lines(problem: Problem, columns: int | None = None, label: str = "") -> list[str]:
    """Return the last lines, for stderr: what is wrong, the way out, and the commands for it.

    ``label`` is put in front of each; it tells several regions apart.
    Sentences are broken at ``columns``, between words only; commands are not, so that they can be copied.
    """
    front = f"{label} " if label else ""
    columns = None if columns is None else columns - len(front)
    said = _sentence("error: ", problem.message, columns)
    if problem.hint:
        said += _sentence("hint: ", problem.hint, columns)
    width = max((len(step.purpose) for step in problem.steps), default=0)
    said += [f"  {step.purpose + ':':<{width + 1}} {step.command}" for step in problem.steps]
    return [front + line for line in said]


def _sentence(front: str, text: str, columns: int | None) -> list[str]:
    if columns is None:
        return [front + text]
    first, *more = wrap(clean(text), max(columns, NARROWEST) - len(front), longest=len(text))
    return [front + first, *(" " * len(front) + line for line in more)]


def summary_lines(outcomes: Sequence[Outcome]) -> list[Line]:
    """Return one line for each region: how it ended."""
    return [
        Line(mark="fail" if o.exit_code else "done", name="summary", text=f"{o.run.label}: {o.summary}")
        for o in outcomes
    ]
