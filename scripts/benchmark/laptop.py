"""A session as `plldb attach` has it, without arming: a process to be measured. Talks to a gateway.

    python -m scripts.benchmark.laptop URL FOLDER TOKEN

It tells its session on standard output, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import plldb.cli.debugger.commands
import plldb.cli.output.live
import plldb.cli.run  # noqa: F401 - as much is loaded as by the command
from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger import wire
from plldb.debugger.arming.naming.stacks import Infrastructure
from plldb.debugger.arming.restore import open_places
from plldb.debugger.attaching.held import HeldFunctions
from plldb.debugger.attaching.runner import Runner
from plldb.debugger.attaching.serve import Service
from plldb.debugger.attaching.telling import Telling
from plldb.debugger.link import rows
from plldb.debugger.link.link import open_link
from plldb.debugger.pace import DEFAULT_PACE
from plldb.debugger.workers.pool import open_workers
from plldb.debugger.workers.source import Project
from tests.support.frames import FUNCTION
from tests.support.workers import FUNCTION as SETTINGS


async def take(_: object) -> None:
    """Take an event, as a reader who shows nothing."""


async def main(url: str, folder: str, token: str) -> None:
    """Serve until standard input ends."""
    project = Project(folder=Path(folder), python=Path(sys.executable))
    async with AsyncExitStack() as stack:
        aws = await stack.enter_async_context(open_aws(Place(), DEFAULT_PACE))
        row = await rows.make_row(aws, stack="shop", host="here", now=time.time(), seconds=3600)
        workers = await stack.enter_async_context(open_workers(project, {FUNCTION: SETTINGS}))
        link = await stack.enter_async_context(
            open_link(aws, websocket=url, row=row, tokens={FUNCTION: token})
        )
        telling = await stack.enter_async_context(Telling(take, 2.0))
        held = HeldFunctions(
            places=await open_places(aws, DEFAULT_PACE),
            row=row,
            infrastructure=Infrastructure(websocket_url=url, layer=""),
            url=url,
            tokens={FUNCTION: token},
            settings={FUNCTION: SETTINGS},
            where=(),
            telling=telling,
        )
        runner = Runner(link, workers, held, {FUNCTION: project.folder})
        await stack.enter_async_context(Service(link, workers, held, runner))
        told = {"session": wire.session_name(row.id), "connection": link.connection}
        print(json.dumps(told), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
