"""A coroutine that tells events, as a stream of them; a stream with its pauses. Pure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from plldb.tasks import cancel_all

Event = TypeVar("Event")
Result = TypeVar("Result")
Event_contra = TypeVar("Event_contra", contravariant=True)

Tell = Callable[[Event_contra], Awaitable[None]]
"""Hands an event to whoever reads the stream, and waits until that one asks for the next."""


def each_once(tell: Tell[Event]) -> Tell[Event]:
    """Return a teller that hands on what it has not handed on before."""
    told: set[Event] = set()

    async def tell_new(event: Event) -> None:
        if event not in told:
            told.add(event)
            await tell(event)

    return tell_new


async def stream(
    work: Callable[[Tell[Event]], Awaitable[Result]],
) -> AsyncGenerator[Event | Result, None]:
    """Yield what ``work`` tells and, once it has ended, its result.

    It begins when the first event is asked for, and after each event waits until the next one is asked for.
    What it raises is raised as it is. When the stream is closed, or its reader cancelled, the work is
    cancelled and awaited; what it raises then instead is raised.
    """
    loop = asyncio.get_running_loop()
    told: deque[tuple[Event, asyncio.Future[None]]] = deque()
    news = asyncio.Event()

    async def tell(event: Event) -> None:
        asked_for_next = loop.create_future()
        told.append((event, asked_for_next))
        news.set()
        await asked_for_next

    task = asyncio.ensure_future(work(tell))
    task.add_done_callback(lambda _: news.set())
    try:
        while told or not task.done():
            news.clear()
            while told:
                event, asked_for_next = told.popleft()
                if not asked_for_next.done():  # else who told it has been cancelled
                    yield event
                if not asked_for_next.done():
                    asked_for_next.set_result(None)
            if not task.done():
                await news.wait()
    except BaseException:
        await cancel_all([task])
        if not task.cancelled():
            task.result()
        raise
    yield task.result()


async def with_pauses(
    events: AsyncGenerator[Event, None], patience: float | None
) -> AsyncGenerator[Event | None, None]:
    """Yield what ``events`` yields, and None whenever nothing has come for ``patience`` seconds."""
    upcoming: asyncio.Task[Event | None] | None = None
    try:
        while True:
            upcoming = asyncio.create_task(_next(events))
            while not (await asyncio.wait({upcoming}, timeout=patience))[0]:
                yield None
            event = upcoming.result()
            if event is None:
                return
            yield event
    finally:
        if upcoming is not None and not upcoming.done():
            upcoming.cancel()
            with suppress(asyncio.CancelledError):
                await upcoming


async def _next(events: AsyncGenerator[Event, None]) -> Event | None:
    return await anext(events, None)
