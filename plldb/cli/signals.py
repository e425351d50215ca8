"""SIGINT and SIGTERM as something to wait for. Talks to this process's signals.

Small, because the loop must listen before the rest is imported: AWS's libraries take half a second.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from plldb.cli.early import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

GRACE = 0.7
"""Seconds that the library has for closing after an interrupt, before the person is told."""
PATIENCE = 10.0
"""Seconds that it then has for cleaning up (a dry run removes its change set); Ctrl-C again ends that."""
NOTICED = 1.0
"""Seconds of cleaning up after which the person is told what is still waited for."""


def listen() -> asyncio.Event:
    """Returns what is set by the next SIGINT or SIGTERM."""
    stop = asyncio.Event()
    react(stop.set)
    return stop


async def until_stopped(
    work: asyncio.Future[int],
    stop: asyncio.Event,
    report: Callable[[], None],
    note: Callable[[str], None],
) -> int:
    """Waits for ``work``, or cancels it on ``stop``; ``report`` then says so within a second.

    A second signal ends the waiting at once. The work may then still be under way, and so may its threads:
    who is told `INTERRUPTED` ends the process.
    """
    await _either(work, stop)
    if work.done():
        return work.result()
    again = listen()
    work.cancel()
    await _either(work, again, GRACE)
    if work.done() and not work.cancelled():
        return work.result()  # it had come to its end already
    report()
    await _either(work, again, NOTICED)
    if not work.done() and not again.is_set():
        note("still cleaning up; Ctrl-C again ends that, too.")
        await _either(work, again, PATIENCE)
    return INTERRUPTED


async def _either(work: asyncio.Future[int], event: asyncio.Event, seconds: float | None = None) -> None:
    """Waits for one of both, or for so many seconds."""
    waiter = asyncio.ensure_future(event.wait())
    both: set[asyncio.Future[Any]] = {work, waiter}
    await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()


def react(reaction: Callable[[], object]) -> None:
    """Lets ``reaction`` be what SIGINT and SIGTERM do from now on."""
    loop = asyncio.get_running_loop()

    def handle(_: int, frame: FrameType | None) -> None:
        if _asks_for_a_secret(frame):
            raise KeyboardInterrupt
        try:
            loop.call_soon_threadsafe(reaction)
        except RuntimeError:  # the loop is closed: the program is about to end
            reaction()

    for number in (signal.SIGINT, signal.SIGTERM):
        # A thread has none: KeyboardInterrupt is caught around the run.
        with suppress(ValueError):
            signal.signal(number, handle)


def _asks_for_a_secret(frame: FrameType | None) -> bool:
    """Whether botocore asks for an MFA code: it does that in the event loop, which then hears nothing."""
    while frame is not None:
        if frame.f_globals.get("__name__") == "getpass":
            return True
        frame = frame.f_back
    return False
