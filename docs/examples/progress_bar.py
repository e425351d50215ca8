"""A progress bar in another tool: only counts, nothing of plldb's own output."""

import asyncio

from plldb import bootstrap


def show(done: int, total: int) -> None:
    """One line, drawn over itself."""
    print(f"\rInfrastructure {'#' * done}{'.' * (total - done)} {done}/{total}", end="", flush=True)


async def main() -> None:
    """Set up, and show how far it is."""
    total, finished = 0, set[str]()
    async for event in bootstrap.setup():
        match event:
            # How many resources an update touches is not known before: None.
            case bootstrap.OperationStarted(operation="create", resources=int(total)):
                finished.clear()
            case bootstrap.StackEvent(is_stack=False) if total and event.status.complete:
                finished.add(event.logical_id)
                show(len(finished), total)
            case bootstrap.SetupFinished():
                print("\nReady:", event.deployment.websocket_url)


asyncio.run(main())
