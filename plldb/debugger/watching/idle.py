"""Notices that nothing is invoked any more. Talks to the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until_idle(
    seconds: float, is_busy: Callable[[], bool], count: Callable[[], int], look: float
) -> None:
    """Wait until no invocation has come, and none was under way, for so many seconds.

    ``count`` tells how many have come so far. Looked at every ``look`` seconds, so it may end that much late.
    """
    loop = asyncio.get_running_loop()
    since, seen = loop.time(), count()
    while (left := since + seconds - loop.time()) > 0:
        await asyncio.sleep(min(left, look))
        if is_busy() or count() != seen:
            since, seen = loop.time(), count()
