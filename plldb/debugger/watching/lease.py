"""Notices the end of a lease, also after a sleep. Talks to the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def until_clock(moment: float, look: float, clock: Callable[[], float] = time.time) -> None:
    """Wait until the clock shows ``moment``, in POSIX seconds; look at it every ``look`` seconds.

    The clock of the event loop, by which is waited, stands still while the machine sleeps.
    """
    while (left := moment - clock()) > 0:  # noqa: ASYNC110 - nobody tells that the clock has moved
        await asyncio.sleep(min(left, look))
