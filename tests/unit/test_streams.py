"""A stream of what a coroutine tells behaves like a generator that yields it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from plldb.streams import Tell, each_once, stream
from plldb.tasks import gather_all


class Work:
    """Tells ``count`` numbers and notes how far it has come and how it ended."""

    def __init__(self, count: int = 3) -> None:
        self.count = count
        self.steps: list[str] = []

    async def __call__(self, tell: Tell[int]) -> str:
        try:
            for number in range(self.count):
                self.steps.append(f"tell {number}")
                await tell(number)
            return "the result"
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # cleaning up takes a turn of the loop
            self.steps.append("cleaned up")
            raise


async def read(work: Callable[[Tell[Any]], Awaitable[object]], found: list[object]) -> None:
    """Note what comes, also what came before an error."""
    async for each in stream(work):
        found.append(each)  # noqa: PERF401


def others() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_result_comes_last_and_after_the_work_has_ended() -> None:
    found = []
    async for each in stream(Work()):
        found.append(each)
        if each == "the result":
            assert others() == set()
    assert found == [0, 1, 2, "the result"]


async def test_nothing_begins_before_the_first_event_is_asked_for() -> None:
    work = Work()
    events = stream(work)
    await turns()
    assert work.steps == []
    await events.aclose()
    assert work.steps == []


async def test_the_work_waits_until_the_next_event_is_asked_for() -> None:
    work = Work()
    async with aclosing(stream(work)) as events:
        assert await anext(events) == 0
        await turns()
        assert work.steps == ["tell 0"]
        assert await anext(events) == 1
        await turns()
        assert work.steps == ["tell 0", "tell 1"]


async def test_who_closes_it_in_the_middle_leaves_nothing_running() -> None:
    work = Work()
    async with aclosing(stream(work)) as events:
        async for _ in events:
            break
    assert work.steps == ["tell 0", "cleaned up"]
    assert others() == set()


async def test_to_cancel_the_reader_is_to_cancel_and_await_the_work() -> None:
    ended = []

    async def hang(tell: Tell[int]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    task = asyncio.ensure_future(anext(stream(hang)))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (ended, others()) == ([True], set())


async def test_a_timeout_around_the_reader_ends_the_work() -> None:
    async def hang(tell: Tell[int]) -> None:
        await tell(1)
        limit.reschedule(0)  # has passed
        await asyncio.Event().wait()

    found: list[object] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as limit:
            await read(hang, found)
    assert (found, others()) == ([1], set())


async def test_a_timeout_within_the_work_is_its_own() -> None:
    async def work(tell: Tell[str]) -> str:
        try:
            async with asyncio.timeout(None) as limit:
                await tell("before")
                limit.reschedule(0)  # has passed
                await asyncio.Event().wait()
        except TimeoutError:
            await tell("late")
        return "done"

    assert [each async for each in stream(work)] == ["before", "late", "done"]


async def test_what_the_work_raises_is_raised_as_it_is_after_what_it_has_told() -> None:
    async def fail(tell: Tell[int]) -> None:
        await tell(1)
        raise OSError("the cause")

    found: list[object] = []
    with pytest.raises(OSError, match=r"^the cause$") as raised:
        await read(fail, found)
    assert (found, type(raised.value), raised.value.__context__) == ([1], OSError, None)


async def test_side_by_side_tellers_are_heard_in_order_and_one_that_is_cancelled_no_more() -> None:
    async def one(tell: Tell[str]) -> None:
        await tell("a1")
        raise OSError("a")

    async def work(tell: Tell[str]) -> None:
        await gather_all(one(tell), tell("b1"))

    found: list[object] = []
    with pytest.raises(OSError, match=r"^a$"):
        await read(work, found)
    assert found == ["a1", "b1"]


async def test_what_goes_wrong_while_it_is_closed_is_raised() -> None:
    async def work(tell: Tell[int]) -> None:
        try:
            await tell(1)
        finally:
            raise OSError("cannot clean up")

    events = stream(work)
    await anext(events)
    with pytest.raises(OSError, match="cannot clean up"):
        await events.aclose()


async def test_what_is_thrown_into_it_ends_the_work_and_is_raised() -> None:
    work = Work()
    events = stream(work)
    await anext(events)
    with pytest.raises(KeyError):
        await events.athrow(KeyError("x"))
    assert work.steps == ["tell 0", "cleaned up"]


async def test_what_is_told_once_is_not_told_again() -> None:
    told: list[int] = []

    async def tell(number: int) -> None:
        told.append(number)

    once = each_once(tell)
    for number in (1, 2, 1, 2, 3):
        await once(number)
    assert told == [1, 2, 3]
