"""What a face is, and which one fits. Pure.

A face is how one run looks: on a terminal, in a pipe, or for a program. Each is imported only when it is
the one: piped and JSON runs never pay for rich.
"""

from __future__ import annotations

import errno
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TextIO

from plldb.bootstrap.progress import Progress
from plldb.cli.output.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from plldb.cli.jobs import JobName, OutputName, Shown
    from plldb.cli.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One region of a run.

    ``label`` is empty if it is the only one; ``region`` is None if AWS's own settings name it.
    """

    label: str = ""
    region: str | None = None
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended in one region. ``said`` in a few words."""

    lane: Lane
    exit_code: int
    said: str


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


class Face(Protocol):
    """How one run looks. ``patience``: after how many quiet seconds `idle` wants to be called."""

    @property
    def patience(self) -> float | None:
        """Seconds without an event after which `idle` wants to be called; None for never."""

    def show(self, lane: Lane, event: Shown) -> None:
        """Shows an event."""

    def idle(self, lane: Lane) -> None:
        """Shows that work goes on though nothing happens."""

    def done(self, lane: Lane, exit_code: int) -> None:
        """The stream of a region came to its end without an error."""

    def fail(self, lane: Lane | None, problem: Problem) -> None:
        """The stream of a region ended in a problem; None: the whole run did."""

    def summarise(self, outcomes: Sequence[Outcome]) -> None:
        """All of several regions are done."""

    def pause(self) -> None:
        """Makes room for a question."""

    def note(self, text: str) -> None:
        """Passes one line of diagnostics to stderr."""


class OutputClosedError(Exception):
    """Stdout takes nothing any more; the message says why. ``| head`` does that, and a full disk."""


@contextmanager
def writing() -> Iterator[None]:
    """Raises `OutputClosedError` where the system says that it cannot write."""
    try:
        yield
    except OSError as error:
        # EIO is what a terminal says that is gone.
        gone = isinstance(error, BrokenPipeError) or error.errno == errno.EIO
        reason = "the reader of the output went away" if gone else f"no output possible ({error.strerror})"
        raise OutputClosedError(reason) from error


def write_line(stream: TextIO, line: str) -> None:
    """Writes a line so that it is seen at once."""
    with writing():
        stream.write(line + "\n")
        stream.flush()


def write_note(stream: TextIO, line: str) -> None:
    """Writes a line of diagnostics; that nobody hears it does not end the run."""
    with suppress(OutputClosedError):
        write_line(stream, clean(line))


def is_live(terminal: Terminal) -> bool:
    """Whether stdout is a terminal that can rewrite a line."""
    return terminal.stdout.isatty() and terminal.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")


def choose_face(output: OutputName, job: JobName, terminal: Terminal, lanes: Sequence[Lane]) -> Face:
    """Returns the face for where the output goes."""
    if output == "json":
        from plldb.cli.output.jsonlines import JsonFace

        return JsonFace(job, terminal, several=len(lanes) > 1)
    if not is_live(terminal):
        from plldb.cli.output.plain import PlainFace

        return PlainFace(terminal, lanes)
    from plldb.cli.output.console import ConsoleFace, open_console

    return ConsoleFace(open_console(terminal), terminal, lanes)
