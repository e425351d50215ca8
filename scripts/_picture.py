"""A picture of a real run: ``plldb bootstrap setup`` in a terminal of its own. Talks to MiniStack.

What the program writes goes through a terminal emulator (pyte); its screen, at the moment when most
resources are there, is drawn by rich. A proxy lets MiniStack's events come one after another, as AWS's do.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from tests.support.behaviours import on
from tests.support.environment import Credentials, aws_settings, isolated
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy
from tests.support.servers import ministack

PICTURE = Path(__file__).parents[1] / "docs" / "setup.svg"
ACCOUNT = "123456789012"
STREAM_SECONDS = 12.0
LONGEST_SECONDS = 60.0
COLUMNS, ROWS = 100, 40
# The picture shows the screen when so many of the resources are done: full, and still at work.
DONE = 11
# rich's own frame, without the web font that it would load from elsewhere.
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img"
 aria-label="plldb bootstrap setup in a terminal: every event of the stack, and a progress bar below">
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


async def record(target: Path, *, seconds: float = STREAM_SECONDS) -> None:
    """Run setup against a fresh MiniStack and draw its screen into ``target``."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ministack())
        proxy = await stack.enter_async_context(Proxy(server.url))
        proxy.use(on(PacedEvents(Pacing(seconds=seconds)), "cloudformation"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plldb-picture-")))
        settings = aws_settings(proxy.url, Credentials(access_key_id=ACCOUNT))
        # The colours and the width are those of the picture, whatever terminal the script is run in.
        terminal = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONUTF8": "1"}
        environment = isolated(os.environ, folder) | settings | terminal
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONPATH"):
            environment.pop(name, None)
        async with asyncio.timeout(LONGEST_SECONDS):
            screen = await watch_setup(environment, folder)
    target.write_text(draw(screen), encoding="utf-8")  # noqa: ASYNC240 - nothing else waits


async def watch_setup(environment: dict[str, str], folder: Path) -> pyte.Screen:
    """The screen as it was when `DONE` resources were done; the run goes on to its good end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "plldb", "bootstrap", "setup"),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            cwd=folder,
        )
    finally:
        os.close(theirs)
    try:
        seen = await asyncio.to_thread(look_at, ours)
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
    if code or seen is None:
        raise SystemExit(f"plldb ended with exit code {code}; there was no moment to draw.")
    return seen


def look_at(terminal: int) -> pyte.Screen | None:
    """Feed what the program writes to a screen, to its end; return a copy of the wanted moment."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    frozen: pyte.Screen | None = None
    with suppress(OSError):  # how Linux says that the program has closed its terminal
        while written := os.read(terminal, 65536):
            if frozen is None:
                stream.feed(written)
                if done_on(screen) >= DONE:
                    frozen = screen
    return frozen


def done_on(screen: pyte.Screen) -> int:
    """How many resources the live line says are done; 0 without one. Pure."""
    found = re.search(r" (\d+)/\d+  ", "\n".join(screen.display))
    return int(found[1]) if found else 0


def draw(screen: pyte.Screen) -> str:
    """The screen as SVG, without the empty rows below. Pure."""
    rows = [row_of(screen, number) for number in range(ROWS)]
    while rows and not rows[-1].plain.strip():
        rows.pop()
    # A line above for the command; the program does not write it itself.
    command = Text.assemble(("$ ", "dim"), ("plldb bootstrap setup", "bold"))
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    for row in (command, *rows):
        console.print(row, soft_wrap=True, highlight=False)
    return console.export_svg(
        title="plldb bootstrap setup", theme=DIMMED_MONOKAI, code_format=FORMAT, unique_id="plldb"
    )


def row_of(screen: pyte.Screen, number: int) -> Text:
    """One row with its colours."""
    row = Text()
    cells = [screen.buffer[number][column] for column in range(COLUMNS)]
    # Runs of one colour, not cells: an element each would make the picture ten times as large.
    for style, run in itertools.groupby(cells, style_of):
        row.append("".join(cell.data for cell in run), style)
    row.rstrip()
    return row


def style_of(cell: pyte.screens.Char) -> Style:
    """The colours of one cell."""
    colour = None if cell.fg == "default" else {"brown": "yellow"}.get(cell.fg, cell.fg)
    return Style(color=colour, bold=cell.bold)


if __name__ == "__main__":
    asyncio.run(record(PICTURE))
