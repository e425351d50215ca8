"""A progress bar in another tool: only counts, nothing of plldb's own output."""

import asyncio
import time

from plldb import bootstrap


def show(progress: bootstrap.Progress) -> None:
    """One line, drawn over itself; how many resources an update touches is not known before."""
    if progress.operation and progress.total:
        done, total = progress.done, progress.total
        print(f"\rInfrastructure {'#' * done}{'.' * (total - done)} {done}/{total}", end="", flush=True)


async def main() -> None:
    """Set up, and show how far it is."""
    progress = bootstrap.Progress()
    async for event in bootstrap.setup():
        progress.add(event, time.time())
        show(progress)
        if isinstance(event, bootstrap.SetupFinished):
            print("\nReady:", event.deployment.websocket_url)


asyncio.run(main())
