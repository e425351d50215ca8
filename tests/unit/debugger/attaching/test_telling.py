"""Events for a reader who may be slow."""

import asyncio

from plldb.debugger.attaching.telling import MOST_WAITING, Telling


async def test_output_waits_for_a_slow_reader_and_nothing_else_does() -> None:
    reads = asyncio.Event()
    told: list[int] = []

    async def tell(number: int) -> None:
        await reads.wait()
        told.append(number)

    async with Telling(tell) as telling:
        for number in range(MOST_WAITING):
            await telling.put_when_read(number)
        telling.put(-1)
        output = asyncio.create_task(telling.put_when_read(-2))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not output.done()
        reads.set()
        await output
        await telling.flush()
    assert told == [*range(MOST_WAITING), -1, -2]
