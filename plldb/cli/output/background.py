"""Output that is written by a thread: who writes never waits for who reads. Talks to streams.

A terminal that stands still (Ctrl-S), or a pipe that nobody reads, blocks a write for as long as it likes. In
the event loop that would stop the heartbeats of every invocation in hand.
"""

from __future__ import annotations

import asyncio
import codecs
import io
import os
import time
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TextIO, cast

from plldb.cli.output.renderer import Terminal, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_NOTES = 1_000_000
"""Characters of diagnostics that may wait to be written; what comes beyond is left out, and counted."""
TRY_AGAIN = 0.05
"""Seconds between two attempts at a stream that somebody has set not to block."""


class Writer:
    """Does what it is given, in order, on one thread; it ends with the process, and never holds it up."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.put = self._work.put
        Thread(target=self._run, name="output", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._work.get()()


class BackgroundStream:
    """A text stream whose writes are done by a `Writer`; all but writing is that of the stream itself.

    An error that the system gives is raised by `drained`, and by every write from then on.
    """

    def __init__(self, stream: TextIO, raw: io.RawIOBase, writer: Writer, most: int | None) -> None:
        """Begin; ``raw`` is what lies below, with ``most`` no more characters wait: the rest is counted."""
        self._stream = stream
        self._raw = raw
        self._writer = writer
        self._most = most
        self._put = self._written = self._left_out = 0
        self._error: OSError | None = None
        # One for all texts: some encodings begin a stream with a mark (UTF-16), and only that.
        self._encoder = codecs.getincrementalencoder(stream.encoding)(stream.errors or "strict")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Let a text be written soon."""
        if self._error:
            raise self._error
        if self._most is not None and self._put - self._written + len(text) > self._most:
            self._left_out += 1
            return len(text)
        if self._left_out:
            text, self._left_out = f"{self._left_out} lines not shown\n{text}", 0
        self._put += len(text)
        self._writer.put(lambda: self._write(text))
        return len(text)

    def flush(self) -> None:
        """Do nothing: everything is written as soon as can be."""

    async def drained(self) -> None:
        """Wait until all that was given has been written.

        Raises:
            OSError: it could not.
        """
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(done.set)

        self._writer.put(tell)
        await done.wait()
        if self._error:
            raise self._error

    def _write(self, text: str) -> None:
        try:
            if self._error is None:
                self._write_all(text)
        except OSError as error:
            self._error = error
        finally:
            self._written += len(text)

    def _write_all(self, text: str) -> None:
        if os.linesep != "\n":
            text = text.replace("\n", os.linesep)
        rest = memoryview(self._encoder.encode(text))
        while rest:
            written = self._raw.write(rest)
            if written is None:
                time.sleep(TRY_AGAIN)
            rest = rest[written or 0 :]


def open_terminal(stdin: TextIO, stdout: TextIO, stderr: TextIO, environ: Mapping[str, str]) -> Terminal:
    """Return the terminal of this process, whose output is written in the background.

    On a terminal stdout and stderr have one writer, so that their order is kept. Else each has its own: an
    error is told although nobody reads the output.
    """
    writer = Writer()
    others = writer if stdout.isatty() and stderr.isatty() else Writer()
    return Terminal(
        stdin=stdin,
        stdout=_in_background(stdout, writer),
        stderr=_in_background(stderr, others, most=MOST_NOTES),
        environ=environ,
    )


def _in_background(stream: TextIO, writer: Writer, most: int | None = None) -> TextIO:
    # Not through a buffer: a thread that hangs there holds a lock that Python wants at its end.
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # the same if Python is told not to buffer (PYTHONUNBUFFERED)
    if not isinstance(raw, io.RawIOBase):  # in memory: nothing can hold it up
        return stream
    stream.flush()
    return cast("TextIO", BackgroundStream(stream, raw, writer, most))


async def written(stream: TextIO) -> None:
    """Wait until all that was given to a stream has been written.

    Raises:
        OutputClosedError: it could not.
    """
    if isinstance(stream, BackgroundStream):
        with writing():
            await stream.drained()
