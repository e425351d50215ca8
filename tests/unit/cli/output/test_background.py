"""Output that a thread writes, on real pipes."""

import asyncio
import io
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TextIO

import pytest

from plldb.cli.output.background import MOST_NOTES, open_terminal, written
from plldb.cli.output.renderer import OutputClosedError, Terminal


class Pipe:
    """A pipe; the end that is written, as text, and what can be read."""

    def __init__(self) -> None:
        self.reading, writing = os.pipe()
        self.writing = open(writing, "w", encoding="utf-8", errors="replace")  # noqa: SIM115 - `close` does

    async def read(self, size: int) -> str:
        read = b""
        while len(read) < size:
            read += await asyncio.to_thread(os.read, self.reading, size - len(read))
        return read.decode()

    def close(self) -> None:
        self.writing.close()
        with suppress(OSError):  # a test has closed it
            os.close(self.reading)


@pytest.fixture
def pipes() -> Iterator[tuple[Pipe, Pipe]]:
    out, err = Pipe(), Pipe()
    yield out, err
    out.close()
    err.close()


def opened(out: TextIO, err: TextIO) -> Terminal:
    return open_terminal(io.StringIO(), out, err, {})


async def test_who_writes_goes_on_although_nobody_reads_and_all_is_there_in_order(
    pipes: tuple[Pipe, Pipe],
) -> None:
    out, err = pipes
    terminal = opened(out.writing, err.writing)
    lines = [f"{number:7}\n" for number in range(100_000)]
    for line in lines:  # more than any pipe holds
        terminal.stdout.write(line)
    waiting = asyncio.create_task(written(terminal.stdout))
    terminal.stderr.write("told all the same\n")
    assert await err.read(18) == "told all the same\n"
    assert not waiting.done()
    assert await out.read(800_000) == "".join(lines)
    await waiting


async def test_diagnostics_that_nobody_reads_are_counted_and_left_out(pipes: tuple[Pipe, Pipe]) -> None:
    out, err = pipes
    terminal = opened(out.writing, err.writing)
    for text in ("x" * MOST_NOTES, "one too many\n", "another\n"):
        terminal.stderr.write(text)
    await err.read(MOST_NOTES)
    await written(terminal.stderr)
    terminal.stderr.write("last\n")
    said = "2 lines not shown\nlast\n"
    assert await err.read(len(said)) == said


async def test_a_reader_who_has_gone_is_told_to_who_waits_and_to_who_writes(
    pipes: tuple[Pipe, Pipe],
) -> None:
    out, err = pipes
    terminal = opened(out.writing, err.writing)
    os.close(out.reading)
    terminal.stdout.write("nobody reads this\n")
    with pytest.raises(OutputClosedError, match="the reader of the output went away"):
        await written(terminal.stdout)
    with pytest.raises(BrokenPipeError):
        terminal.stdout.write("nor this\n")


async def test_what_is_in_memory_is_written_as_it_is() -> None:
    memory = io.StringIO()
    assert opened(memory, memory).stdout is memory
    await written(memory)


async def test_an_encoding_marks_the_beginning_of_the_output_only(pipes: tuple[Pipe, Pipe]) -> None:
    out, err = pipes
    out.writing.reconfigure(encoding="utf-16")
    terminal = opened(out.writing, err.writing)
    terminal.stdout.write("a")
    terminal.stdout.write("b")
    await written(terminal.stdout)
    assert os.read(out.reading, 100).decode("utf-16") == "ab"
