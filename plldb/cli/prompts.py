"""A question on the terminal that Ctrl-C can still interrupt. Talks to the console."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from plldb.cli.output.renderer import writing

if TYPE_CHECKING:
    from plldb.cli.output.renderer import Terminal


async def ask_yes(terminal: Terminal, question: str) -> bool:
    """Asks; everything but a clear yes is no, the end of the input too."""
    with writing():
        terminal.stdout.write(f"{question} [y/N] ")
        terminal.stdout.flush()
    try:
        answer = await _read_line(terminal.stdin)
    except asyncio.CancelledError:
        with suppress(OSError):
            terminal.stdout.write("\n")
        raise
    except OSError:  # the terminal has gone
        return False
    return answer.strip().lower() in ("y", "yes")


async def _read_line(stream: TextIO) -> str:
    """Waits in the event loop: a blocking read could not be interrupted, nor could a thread that does it."""
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
