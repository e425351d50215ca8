"""The two pictures of the documentation, of real runs. Talks to MiniStack and the test cloud.

A proxy lets MiniStack's events come one after another, as AWS's do.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from rich.text import Text

from scripts._picture_attach import assume_role, dim_the_endpoint, draw_attach
from scripts._terminal import draw, open_terminal
from tests.support.behaviours import on
from tests.support.environment import aws_settings, isolated
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy
from tests.support.servers import ministack

DOCS = Path(__file__).parents[1] / "docs"
STREAM_SECONDS = 12.0
LONGEST_SECONDS = 60.0
COLUMNS, ROWS = 100, 40
# The picture shows the screen when so many of the resources are done: full, and still at work.
DONE = 11
LABEL = "plldb bootstrap setup in a terminal: every event of the stack, and a progress bar below"


async def draw_setup(*, seconds: float = STREAM_SECONDS) -> str:
    """Run setup against a fresh MiniStack, and draw its screen in the middle of it."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ministack())
        proxy = await stack.enter_async_context(Proxy(server.url))
        proxy.use(on(PacedEvents(Pacing(seconds=seconds)), "cloudformation"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plldb-picture-")))
        environment = isolated(os.environ, folder)
        environment |= aws_settings(proxy.url, await assume_role(server.url))
        command = (sys.executable, "-m", "plldb", "bootstrap", "setup")
        terminal = await stack.enter_async_context(
            open_terminal(command, environment, folder, columns=COLUMNS, rows=ROWS)
        )
        async with asyncio.timeout(LONGEST_SECONDS):
            await terminal.wait_for(lambda text: done_on(text) >= DONE)
            seen = terminal.rows()
            dim_the_endpoint(seen)
            # A line above for the command; the program does not write it itself.
            rows = [Text.assemble(("$ ", "dim"), ("plldb bootstrap setup", "bold")), *seen]
            await terminal.end()
    return draw(rows, columns=COLUMNS, title="plldb bootstrap setup", label=LABEL)


def done_on(text: str) -> int:
    """How many resources the live line says are done; 0 without one. Pure."""
    found = re.search(r" (\d+)/\d+  ", text)
    return int(found[1]) if found else 0


async def main() -> None:
    """Draw both."""
    pictures = {"setup.svg": await draw_setup(), "attach.svg": await draw_attach()}
    for name, picture in pictures.items():
        (DOCS / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
