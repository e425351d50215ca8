"""Ctrl-C, SIGTERM and SIGHUP, from the first import to the exit. Talks to this process's signals.

In the order of a run: `hold` while the program is imported, `release` while the command line is parsed,
`listen` and `until_stopped` while the event loop runs, `leave_at_once` and `stop_listening` at the end.
Whoever imports this imports next to nothing: that keeps the moment short in which Python itself answers.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from plldb.platforms import hangups, hold_back, let_through

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable
    from types import FrameType

    LastStep = Callable[[], Coroutine[Any, Any, None]]
    """What is done where a second signal breaks off what was coming to its own end; raises nothing."""

INTERRUPTED = 130
"""The exit code of an interrupt: 128 and the number of SIGINT, as shells have it."""
CLOSING = 0.7
"""Seconds that the library has for closing after an interrupt, before the person is told."""
CLEANING_UP = 10.0
"""Seconds that it then has for cleaning up (a dry run deletes its change set); Ctrl-C again ends that."""
NOTICED = 1.0
"""Seconds of cleaning up after which the person is told what is still waited for."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def hold() -> None:
    """Hold SIGINT and SIGTERM back until `release`: an interrupted import would print a traceback."""
    # Until the event loop listens, SIGTERM shall be as polite as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hold_back(_SIGNALS)


def release() -> None:
    """Raise KeyboardInterrupt if a signal has arrived meanwhile, and from now on when one arrives."""
    let_through(_SIGNALS)


def listen() -> asyncio.Event:
    """Return what the first signal sets. Needs a running event loop.

    A terminal that is closed does so, too. It may send its signal twice, which is no impatience: it sets only
    this, also later on. Under nohup, or wherever else it was ignored, it stays so.
    """
    import asyncio

    stop = asyncio.Event()
    heard = [number for number in hangups() if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    _react(stop.set, (*_SIGNALS, *heard))
    return stop


async def until_stopped(
    work: asyncio.Future[int],
    stop: asyncio.Event,
    report: Callable[[], None],
    note: Callable[[str], None],
    leave_work: Callable[[], LastStep | None] = lambda: None,
) -> int:
    """Wait for ``work``, or cancel it on ``stop``; ``report`` then says so within a second.

    ``leave_work`` may ask it instead to come to its own end; then only a second signal breaks it off, after
    the step that it has returned, which has `CLOSING` seconds.

    A second signal, unless of a terminal that is closed, ends the waiting at once. The work may then still be
    under way, and so may its threads: whoever is returned `INTERRUPTED` calls `leave`.
    """
    import asyncio

    await _either(work, stop)
    if work.done():
        return work.result()
    again = asyncio.Event()
    _react(again.set)
    if last_step := leave_work():
        await _either(work, again)
        if not work.done():
            await _before_the_end(work, last_step)
        if work.done():
            return work.result()
        report()
        return INTERRUPTED
    work.cancel()
    await _either(work, again, CLOSING)
    if work.done() and not work.cancelled():
        return work.result()  # it had come to its end already
    report()
    await _either(work, again, NOTICED)
    if not work.done() and not again.is_set():
        note("still cleaning up; press Ctrl-C again to stop that, too.")
        await _either(work, again, CLEANING_UP)
    return INTERRUPTED


async def _before_the_end(work: asyncio.Future[int], last_step: LastStep) -> None:
    """Take a last step, as long as there is patience for it; the work goes on meanwhile."""
    import asyncio

    step = asyncio.ensure_future(last_step())
    both: set[asyncio.Future[Any]] = {work, step}
    await asyncio.wait(both, timeout=CLOSING, return_when=asyncio.FIRST_COMPLETED)
    step.cancel()


async def _either(work: asyncio.Future[int], event: asyncio.Event, seconds: float | None = None) -> None:
    """Wait for one of both, or for so many seconds."""
    import asyncio

    waiter = asyncio.ensure_future(event.wait())
    both: set[asyncio.Future[Any]] = {work, waiter}
    await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()


def leave_at_once() -> None:
    """Let the next signal end the process: the output is complete, only cleaning up is left."""
    _react(leave)


def _react(reaction: Callable[[], object], numbers: Iterable[signal.Signals] = _SIGNALS) -> None:
    """Let ``reaction`` be what these signals do from now on."""
    import asyncio

    loop = asyncio.get_running_loop()

    def handle(_: int, frame: FrameType | None) -> None:
        if _asks_for_a_secret(frame):
            raise KeyboardInterrupt
        try:
            loop.call_soon_threadsafe(reaction)
        except RuntimeError:  # the loop is closed: the program is about to end
            reaction()

    for number in numbers:
        # A thread has no signals: KeyboardInterrupt is caught around the run.
        with suppress(ValueError):
            signal.signal(number, handle)


def _asks_for_a_secret(frame: FrameType | None) -> bool:
    """Return whether botocore asks for an MFA code: that blocks the event loop, which then gets no signal."""
    while frame is not None:
        if frame.f_globals.get("__name__") == "getpass":
            return True
        frame = frame.f_back
    return False


def stop_listening() -> None:
    """Let a signal end the process from now on, without a traceback."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def leave(code: int = INTERRUPTED) -> NoReturn:
    """End the process at once.

    The interpreter would first join its threads, and one that asks a name server for an address cannot be
    stopped: whoever pressed Ctrl-C would wait for its timeout. Everything has been closed as well as
    `until_stopped` had the patience for. And it would take apart all that botocore has made, one by one: that
    takes longer than a help page.
    """
    gc.disable()  # it would tell of the tasks that are still pending
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
