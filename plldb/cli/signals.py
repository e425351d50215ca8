"""SIGINT and SIGTERM as something to wait for. Talks to this process's signals.

Small, because the loop must listen before the rest is imported: AWS's libraries take half a second.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE = 0.7
"""Seconds that the library has for closing after an interrupt, before the person is told."""
PATIENCE = 10.0
"""Seconds that it then has for cleaning up (a dry run removes its change set); Ctrl-C again ends that."""


def listen() -> asyncio.Event:
    """Returns what is set by the first SIGINT or SIGTERM."""
    stop = asyncio.Event()
    _react(stop.set)
    return stop


async def until_stopped(work: asyncio.Future[int], stop: asyncio.Event, report: Callable[[], None]) -> int:
    """Waits for ``work``, or cancels it on ``stop``; ``report`` then says so within a second."""
    waiter = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {work, waiter}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if work.done():
        return work.result()
    _react(lambda: os._exit(130))
    work.cancel()
    await asyncio.wait({work}, timeout=GRACE)
    if work.done() and not work.cancelled():
        return work.result()  # it had come to its end already
    report()
    await asyncio.wait({work}, timeout=PATIENCE)
    return 130


def _react(reaction: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Neither Windows nor a thread has them: KeyboardInterrupt is caught around the run.
        with suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, reaction)
