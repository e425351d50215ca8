"""A session that ends by itself once nothing is invoked any more."""

from __future__ import annotations

import asyncio
from itertools import count, repeat

from plldb.debugger.watching.idle import until_idle


async def test_what_runs_and_what_has_come_and_gone_begins_the_time_anew() -> None:
    # Busy at two looks, then two invocations that came and went between looks, then nothing.
    busy, come = iter([True, True, *repeat(False, 1000)]), iter([0, 0, 0, 1, 1, 2, 2, *repeat(2, 1000)])
    looks = count()

    def is_busy() -> bool:
        next(looks)
        return next(busy)

    await until_idle(0.4, is_busy, lambda: next(come), 0.001)
    assert next(looks) > 4, "it ended while something ran"
    waiting = asyncio.create_task(until_idle(0.01, lambda: True, lambda: 0, 0.001))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    waiting.cancel()
