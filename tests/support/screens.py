"""The program on a terminal of its own, and what is to be seen on it. Talks to processes and terminals."""

from __future__ import annotations

import asyncio
import codecs
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

# Makes standard input the controlling terminal, so that what is typed there can interrupt.
_LOGIN = "import os, sys; os.login_tty(0); os.execv(sys.executable, [sys.executable, '-m', *sys.argv[1:]])"
ROWS = 50


class Screen:
    """A program on a terminal; ``text`` is all that it has written there."""

    def __init__(self, process: asyncio.subprocess.Process, terminal: int, columns: int) -> None:
        self.process = process
        self.text = ""
        self._terminal = terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character
        self.resize(columns)

    def resize(self, columns: int) -> None:
        """What a person does with the mouse."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))

    def type(self, keys: str) -> None:
        """What a person does with the keyboard; Ctrl-C is ``\\x03``."""
        os.write(self._terminal, keys.encode())

    def hang_up(self) -> None:
        """What a person does who closes the window: SIGHUP comes, and nothing can be written any more."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, self._terminal)
        os.close(nowhere)

    async def read_until(self, pattern: str, *, seconds: float = 120.0) -> re.Match[str]:
        """Read on until something on the screen fits the pattern."""
        async with asyncio.timeout(seconds):
            while not (found := re.search(pattern, on_screen(self.text))):
                if not await self._read():
                    raise AssertionError(f"it ended without {pattern!r}:\n{on_screen(self.text)}")
        return found

    async def read_more(self, pattern: str, *, seconds: float = 120.0) -> None:
        """Read on until something that is written from now on fits the pattern, escapes and all."""
        start = len(self.text)
        async with asyncio.timeout(seconds):
            while not re.search(pattern, self.text[start:]):
                if not await self._read():
                    raise AssertionError(f"it ended without {pattern!r}:\n{on_screen(self.text)}")

    async def finish(self, *, seconds: float = 120.0) -> int:
        """Read to the end; return the exit code."""
        async with asyncio.timeout(seconds):
            while await self._read():
                pass
            return await self.process.wait()

    async def _read(self) -> bool:
        try:
            written = await asyncio.to_thread(os.read, self._terminal, 65536)
        except OSError:  # how Linux says that the program has closed its terminal
            return False
        self.text += self._decoder.decode(written)
        return bool(written)


@asynccontextmanager
async def on_terminal(
    *arguments: str, env: Mapping[str, str], cwd: Path, columns: int = 80
) -> AsyncIterator[Screen]:
    """``python -m plldb`` on a terminal of so many columns; killed if it still runs at the end."""
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _LOGIN, "plldb", *arguments),
            stdin=theirs,
            env={**env, "TERM": "xterm-256color", "PYTHONUTF8": "1"},
            cwd=cwd,
        )
        os.close(theirs)
        screen = Screen(process, ours, columns)
        try:
            yield screen
        finally:
            if process.returncode is None:
                process.kill()
                await screen.finish()
    finally:
        os.close(ours)


def on_screen(text: str) -> str:
    """What is left on a terminal after ``text``: just the moves that the console face makes."""
    rows, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", text):
        if piece == "\n":
            row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
        elif piece == "\r":
            column = 0
        elif piece.endswith("A") and piece.startswith("\x1b"):
            row -= 1
        elif piece.endswith("K") and piece.startswith("\x1b"):
            rows[row] = ""
        elif not piece.startswith("\x1b"):
            rows[row] = rows[row][:column].ljust(column) + piece
            column += len(piece)
    return "\n".join(rows)
