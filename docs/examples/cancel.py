"""Cancelling half-way: to stop is to stop iterating.

CloudFormation goes on with what it has accepted; the next setup, or watch, picks it up.
"""

import asyncio
from contextlib import aclosing

from plldb import bootstrap


async def main() -> None:
    """Leave after the third event of the stack, then follow what goes on without us."""
    seen = 0
    # aclosing closes the connections at once; a bare break would leave that to the garbage collector.
    async with aclosing(bootstrap.setup()) as events:
        async for event in events:
            seen += isinstance(event, bootstrap.StackEvent)
            if seen == 3:
                break
    print(f"left after {seen} events")

    async for told in bootstrap.watch():
        if isinstance(told, bootstrap.WatchFinished):
            print(f"the stack is in {told.status}")


asyncio.run(main())
