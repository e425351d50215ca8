"""Events for a reader who may be slow, or stand still."""

import asyncio

from plldb import debugger as ev
from plldb.debugger.attaching.telling import MOST_EVENTS, MOST_OUTPUT, Telling

END = ev.ConnectionRestored(seconds=0)


def line(text: str) -> ev.Output:
    return ev.Output(request_id="1", function="f", stream="stdout", text=text)


class Reader:
    """Takes events once it may."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.told: list[ev.AttachEvent] = []

    async def tell(self, event: ev.AttachEvent) -> None:
        await self.reads.wait()
        self.told.append(event)


async def test_output_waits_for_a_slow_reader_and_nothing_else_does() -> None:
    reader = Reader()
    async with Telling(reader.tell, patience=60) as telling:
        for number in range(MOST_OUTPUT):
            await telling.put_output(line(str(number)))
        telling.put(END)
        output = asyncio.create_task(telling.put_output(line("late")))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not output.done()
        reader.reads.set()
        await output
        await telling.flush()
    assert reader.told == [*map(line, map(str, range(MOST_OUTPUT))), END, line("late")]


async def test_what_is_printed_for_a_reader_who_stands_still_is_counted_where_it_is_missing() -> None:
    reader = Reader()
    async with Telling(reader.tell, patience=0) as telling:
        await telling.put_output(line("x" * 16_000_000))
        for _ in range(3):
            await telling.put_output(line("missing"))
        telling.put(END)
        reader.reads.set()
        await telling.flush()
        await telling.put_output(line("shown"))
        await telling.flush()
    assert reader.told[1:] == [ev.EventsSkipped(lines=3, invocations=0), END, line("shown")]


async def test_of_very_many_invocations_that_nobody_sees_only_the_number_is_kept() -> None:
    reader = Reader()
    start = ev.InvocationStarted(request_id="1", function="f", trigger="Invoke")
    async with Telling(reader.tell, patience=0) as telling:
        told = [telling.put_start(start) for _ in range(MOST_EVENTS + 2)]
        reader.reads.set()
        await telling.flush()
    assert (told.count(False), told[-2:]) == (2, [False, False])
    assert reader.told[-1] == ev.EventsSkipped(lines=0, invocations=2)
