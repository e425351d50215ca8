"""What a worker prints, as lines. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

Stream = Literal["stdout", "stderr"]

LONGEST_LINE = 256 * 1024
"""Bytes after which a line is cut: the largest event of CloudWatch Logs."""


@dataclass(frozen=True, slots=True)
class Output:
    """One line that a function, its runtime or a library has printed, without the end of the line."""

    stream: Stream
    text: str


TellOutput = Callable[[Output], Awaitable[None]]


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
