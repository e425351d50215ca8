"""Side by side, and nothing left running. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, overload

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")


@overload
async def gather_all(first: Awaitable[T1], second: Awaitable[T2], /) -> tuple[T1, T2]: ...
@overload
async def gather_all(
    first: Awaitable[T1], second: Awaitable[T2], third: Awaitable[T3], /
) -> tuple[T1, T2, T3]: ...
@overload
async def gather_all(
    first: Awaitable[T1], second: Awaitable[T2], third: Awaitable[T3], fourth: Awaitable[T4], /
) -> tuple[T1, T2, T3, T4]: ...
@overload
async def gather_all(
    first: Awaitable[T1],
    second: Awaitable[T2],
    third: Awaitable[T3],
    fourth: Awaitable[T4],
    fifth: Awaitable[T5],
    /,
) -> tuple[T1, T2, T3, T4, T5]: ...
@overload
async def gather_all(*awaitables: Awaitable[T]) -> tuple[T, ...]: ...
async def gather_all(*awaitables: Awaitable[Any]) -> tuple[Any, ...]:
    """Await all side by side and return their results in order.

    When one fails, the others are cancelled and awaited, and its exception is raised as it is: the
    caller sees the one cause, never an ExceptionGroup, and nothing goes on behind its back.
    """
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        await cancel_all(tasks)


async def unless(event: asyncio.Event, awaitable: Awaitable[T]) -> T | None:
    """Await something and return its result; None if ``event`` is set before: then it is cancelled."""
    task, waiter = asyncio.ensure_future(awaitable), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        await cancel_all([task, waiter])


async def until_one(
    ends: Iterable[asyncio.Future[Any]], others: Iterable[asyncio.Future[Any]] = ()
) -> set[asyncio.Future[Any]]:
    """Wait until one of ``ends`` is done, and return it. A failure is raised, also of ``others``."""
    ends, waiting = set(ends), {*ends, *others}
    while True:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
        if done & ends:
            return done & ends


async def finish(awaitable: Awaitable[T]) -> T:
    """Await something to its end, however often cancelled meanwhile: the cancellation is raised after it."""
    task = asyncio.ensure_future(awaitable)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # else asyncio would complain that nobody has looked
    raise cancelled


@asynccontextmanager
async def ended(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Run something beside a block; it is cancelled and awaited at the end of the block.

    What it raises is raised to whoever awaits the task, and else nowhere.
    """
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        await cancel_all([task])
        if not task.cancelled():
            task.exception()  # else asyncio would complain that nobody has looked


async def cancel_all(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel what still runs and wait until it has ended."""
    unfinished = [task for task in tasks if not task.done()]
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
