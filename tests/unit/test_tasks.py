"""Side by side: results in order, the one cause, nothing left running."""

from __future__ import annotations

import asyncio

import pytest

from plldb.tasks import cancel_all, gather_all, until_one


class Work:
    """Something that takes its time and says how it ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def last(self, name: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # cleaning up takes a turn of the loop
            self.ended.append(name)
            raise

    async def fail(self) -> None:
        await asyncio.sleep(0)
        raise OSError("the cause")


async def give(value: int, turns: int) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


def others() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_results_come_in_the_order_of_the_arguments() -> None:
    assert await gather_all(give(1, 9), give(2, 0), give(3, 4)) == (1, 2, 3)


async def test_nothing_to_do_is_done() -> None:
    assert await gather_all() == ()


async def test_the_first_failure_is_raised_as_it_is_when_the_others_have_ended() -> None:
    work = Work()
    with pytest.raises(OSError, match=r"^the cause$") as raised:
        await gather_all(work.last("a"), work.fail(), work.last("b"))
    assert work.ended == ["a", "b"]
    assert type(raised.value) is OSError
    assert others() == set()


async def test_two_failures_at_once_raise_one_and_leave_no_warning() -> None:
    work = Work()
    with pytest.raises(OSError, match=r"^the cause$"):
        await gather_all(work.fail(), work.fail())
    assert others() == set()


async def test_to_cancel_the_caller_is_to_cancel_and_await_all() -> None:
    work = Work()
    task = asyncio.ensure_future(gather_all(work.last("a"), work.last("b")))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.ended == ["a", "b"]


async def test_cancel_all_leaves_what_is_done_alone() -> None:
    done = asyncio.ensure_future(give(1, 0))
    await done
    work = Work()
    running = asyncio.ensure_future(work.last("a"))
    await asyncio.sleep(0)
    await cancel_all([done, running])
    assert (done.result(), running.cancelled()) == (1, True)


async def test_what_may_end_before_ends_nothing_unless_it_fails() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    over, done = asyncio.get_running_loop().create_future(), asyncio.ensure_future(asyncio.sleep(0))
    asyncio.get_running_loop().call_soon(lambda: done.add_done_callback(lambda _: over.set_result(None)))
    assert await until_one([over], [done]) == {over}
    with pytest.raises(ZeroDivisionError):
        await until_one([asyncio.get_running_loop().create_future()], [asyncio.ensure_future(fail())])
