"""What a worker prints, as lines. Talks to the pipes of its process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from plldb.tasks import cancel_all

Stream = Literal["stdout", "stderr"]

LONGEST_LINE = 256 * 1024
"""Bytes after which a line is cut: the largest event of CloudWatch Logs."""


@dataclass(frozen=True, slots=True)
class Output:
    """One line that a function, its runtime or a library has printed, without the end of the line."""

    stream: Stream
    text: str


TellOutput = Callable[[Output], Awaitable[None]]


class Printed:
    """All that one process prints: each line is told to ``tell``, while that is set."""

    def __init__(
        self, pipes: Mapping[Stream, asyncio.StreamReader], mark: str, read: Callable[[], None]
    ) -> None:
        """Begin; ``read`` is called whenever something was read."""
        self.tell: TellOutput | None = None
        self._lines = {stream: Lines(mark.encode()) for stream in pipes}
        self._read = read
        self._readers = [asyncio.create_task(self._read_all(*each)) for each in pipes.items()]

    def has(self, marks: int) -> bool:
        """Whether so many marks were read in each stream."""
        return all(lines.marks >= marks for lines in self._lines.values())

    async def close(self, within: float) -> None:
        """Read to the end. A process that has left the group may keep the pipes open for ever."""
        await asyncio.wait(self._readers, timeout=within)
        await cancel_all(self._readers)

    async def _read_all(self, stream: Stream, pipe: asyncio.StreamReader) -> None:
        lines = self._lines[stream]
        while data := await pipe.read(65536):
            await self._print(stream, lines.feed(data))
            self._read()
        await self._print(stream, lines.end())

    async def _print(self, stream: Stream, lines: list[str]) -> None:
        for line in lines:
            if self.tell is not None:
                await self.tell(Output(stream, line))


class Lines:
    """Cuts what comes through a pipe into lines, and counts the marks between invocations.

    A worker writes the mark into each of its streams before it answers, so that all that an invocation has
    printed is known to be here.
    """

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._rest = b""
        self.marks = 0

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that are complete with these bytes."""
        first, *others = (self._rest + data).split(self._mark)
        lines: list[str] = []
        for part in others:
            lines += _lines(first)  # what stands before a mark is complete
            self.marks += 1
            first = part
        whole, end, self._rest = first.rpartition(b"\n")
        lines += _lines(whole + end)
        if len(self._rest) > LONGEST_LINE:
            lines += self.end()
        return lines

    def end(self) -> list[str]:
        """Return the last line if it has no end."""
        rest, self._rest = self._rest, b""
        return _lines(rest)


def _lines(data: bytes) -> list[str]:
    if not data:
        return []
    # awslambdaric writes an error of several lines with carriage returns and indents it with no-break spaces,
    # so that it stays one event in CloudWatch Logs.
    text = data.decode(errors="replace").removesuffix("\n").replace("\r\n", "\n").removesuffix("\r")
    return [_indent(line) for line in text.replace("\r", "\n").split("\n")]


def _indent(line: str) -> str:
    rest = line.lstrip("\u00a0")
    return " " * (len(line) - len(rest)) + rest
