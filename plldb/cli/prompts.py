"""A question at the keyboard that Ctrl-C can still interrupt. Talks to the console."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from plldb.cli.output.renderer import writing
from plldb.cli.output.text import clean, wrap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from plldb.cli.output.renderer import Terminal


async def ask_yes(terminal: Terminal, questions: Sequence[str]) -> bool:
    """Ask; everything but a clear yes is no, the end of the input too. Without a keyboard it is yes.

    Where the output goes elsewhere the question goes to stderr, for it must be read to be answered.
    """
    if not terminal.stdin.isatty():
        return True
    stream = terminal.stdout if terminal.stdout.isatty() else terminal.stderr
    with writing():
        stream.write(question_text(questions, _columns_of(stream, terminal.environ)) + " ")
        stream.flush()
    try:
        answer = await _read_line(terminal.stdin)
    except asyncio.CancelledError:
        with suppress(OSError):
            stream.write("\n")
        raise
    except OSError:  # the terminal has gone
        return False
    if not answer.endswith("\n"):  # Ctrl-D: what follows would begin beside the question
        with suppress(OSError):
            stream.write("\n")
    return answer.strip().lower() in ("y", "yes")


def question_text(questions: Sequence[str], columns: int | None) -> str:
    """Return the questions and what may be answered, broken between words only; None: not at all.

    What is asked about must be read as a whole: a name that is longer than a line is left to the terminal.
    """
    text = [clean(question) for question in questions]
    text[-1] += " [y/N]"
    if columns is None:
        return "\n".join(text)
    room = columns - len(" yes")  # for what is typed
    return "\n".join(line for each in text for line in wrap(each, room, longest=len(each)))


def _columns_of(stream: TextIO, environ: Mapping[str, str]) -> int | None:
    if (said := environ.get("COLUMNS", "")).isdecimal() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):  # no terminal after all, or one that tells no size
        return None


async def _read_line(stream: TextIO) -> str:
    """Wait in the event loop: a blocking read could not be interrupted, nor could a thread that does it."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(stream.fileno(), ready.set)
    except (NotImplementedError, PermissionError):  # Windows; a regular file is always ready
        return stream.readline()
    try:
        await ready.wait()
    finally:
        loop.remove_reader(stream.fileno())
    return stream.readline()


class SharedQuestion:
    """One question for several regions, put when each has asked or has come to its end."""

    def __init__(self, regions: Sequence[str], put: Callable[[Sequence[str]], Awaitable[bool]]) -> None:
        self._expected = set(regions)
        self._everybody = asyncio.Event()
        self._put = put
        self._questions: list[str] = []
        self._answer: asyncio.Future[bool] | None = None

    async def ask(self, region: str, question: str) -> bool:
        """Wait for the other regions, then for the one answer."""
        self._questions.append(question)
        self.leave(region)
        await self._everybody.wait()
        if self._answer is None:
            self._answer = asyncio.ensure_future(self._put(self._questions))
        return await self._answer

    def leave(self, region: str) -> None:
        """Note that this region is not waited for, or not any more."""
        self._expected.discard(region)
        if not self._expected:
            self._everybody.set()
