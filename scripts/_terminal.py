"""A program in a terminal of its own, and its screen as a picture. Talks to processes.

What the program writes goes through a terminal emulator (pyte); its screen is drawn by rich.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import itertools
import os
import pty
import struct
import termios
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType

# rich's own frame, without the web font that it would load from elsewhere.
_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img"
 aria-label="LABEL">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
 font-size: {char_height}px; line-height: {line_height}px; white-space: pre; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g></g></svg>
"""


class Terminal:
    """A program in a terminal. The screen changes only while it is waited for: it can be drawn in between."""

    def __init__(self, process: asyncio.subprocess.Process, terminal: int, columns: int, rows: int) -> None:
        self.process = process
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._terminal = terminal

    async def wait_for(self, is_there: Callable[[str], bool]) -> None:
        """Until the screen's text is as wanted; SystemExit if the program ends before."""
        while not is_there("\n".join(self.screen.display)):
            if not await self._read():
                raise SystemExit(f"The program ended before that:\n{self.text()}")

    async def end(self) -> None:
        """Until the program has ended; SystemExit if it failed."""
        while await self._read():
            pass
        if code := await self.process.wait():
            raise SystemExit(f"The program ended with exit code {code}:\n{self.text()}")

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self.screen.display).rstrip()

    def rows(self) -> list[Text]:
        """The screen with its colours, without the empty rows below."""
        rows = [_read_row(self.screen, number) for number in range(self.screen.lines)]
        while rows and not rows[-1].plain.strip():
            rows.pop()
        return rows

    async def _read(self) -> bool:
        """Feed what the program writes next to the screen; False at its end."""
        with suppress(OSError):  # how Linux says that the program has closed its terminal
            written = await asyncio.to_thread(os.read, self._terminal, 65536)
            self._stream.feed(written)
            return bool(written)
        return False


@asynccontextmanager
async def open_terminal(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, *, columns: int, rows: int
) -> AsyncIterator[Terminal]:
    """Run a program in a terminal of this size, with the same colours wherever this is run."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    kept = {key: value for key, value in environment.items() if key not in _OF_TERMINALS}
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=theirs, stdout=theirs, stderr=theirs, env=kept | _TERMINAL, cwd=folder
        )
    finally:
        os.close(theirs)
    try:
        yield Terminal(process, ours, columns, rows)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


_TERMINAL = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONUTF8": "1"}
_OF_TERMINALS = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONPATH")


def draw(rows: Sequence[RenderableType], *, columns: int, title: str, label: str) -> str:
    """The rows as SVG; ``label`` says what the picture shows. Pure."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    for row in rows:
        console.print(row, soft_wrap=isinstance(row, Text), highlight=False)
    return console.export_svg(
        title=title, theme=DIMMED_MONOKAI, code_format=_FORMAT.replace("LABEL", label), unique_id="plldb"
    )


def _read_row(screen: pyte.Screen, number: int) -> Text:
    """One row with its colours."""
    row = Text()
    cells = [screen.buffer[number][column] for column in range(screen.columns)]
    # Runs of one colour, not cells: an element each would make the picture ten times as large.
    for style, run in itertools.groupby(cells, _style_of):
        row.append("".join(cell.data for cell in run), style)
    row.rstrip()
    return row


def _style_of(cell: pyte.screens.Char) -> Style:
    """The colours of one cell."""
    colour = None if cell.fg == "default" else {"brown": "yellow"}.get(cell.fg, cell.fg)
    return Style(color=colour, bold=cell.bold)
