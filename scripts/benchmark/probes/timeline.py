"""Feeds plldb's timeline 100,000 events, ten a tick in pages of 100; prints the cost of an event as JSON.

A young timeline and an old one are fed in turn: whatever else the machine does then slows both.
"""

import json
import statistics
import time
from datetime import UTC, datetime, timedelta

from plldb.bootstrap.stack.statuses import EventStatus
from plldb.bootstrap.stack.timeline import RawEvent, Timeline

EVENTS, A_TICK, A_PAGE, COMPARED = 100_000, 10, 100, 1_000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def invent(number: int) -> RawEvent:
    """An event of a resource that begins or ends."""
    return RawEvent(
        event_id=f"event-{number}",
        timestamp=BEGIN + timedelta(milliseconds=number),
        logical_id=f"Resource{number // 2}",
        physical_id="",
        resource_type="AWS::Test::Resource",
        status=EventStatus("CREATE_COMPLETE" if number % 2 else "CREATE_IN_PROGRESS"),
        reason="",
        detailed_status="",
        is_stack=False,
        token="",
        operation_id="",
    )


def main() -> None:
    """Take the events and print microseconds an event, of the first and of the last thousand."""
    events = [invent(number) for number in range(EVENTS)]
    young, old = Timeline(operation="create"), Timeline(operation="create")
    # The first pages are not full yet.
    feed(young, events, 0, A_PAGE)
    feed(old, events, 0, EVENTS - COMPARED)
    first, last = [], []
    for step in range(0, COMPARED, A_TICK):
        first += feed(young, events, A_PAGE + step, A_PAGE + step + A_TICK)
        last += feed(old, events, EVENTS - COMPARED + step, EVENTS - COMPARED + step + A_TICK)
    print(json.dumps({"first_us": statistics.median(first), "last_us": statistics.median(last)}))


def feed(timeline: Timeline, events: list[RawEvent], begin: int, end: int) -> list[float]:
    """Take those events, a tick after the other; microseconds an event, of each tick."""
    costs = []
    for now in range(begin + A_TICK, end + 1, A_TICK):
        page = events[max(0, now - A_PAGE) : now][::-1]
        start = time.perf_counter()
        told = timeline.take(page)
        costs.append((time.perf_counter() - start) / A_TICK * 1e6)
        assert len(told) == A_TICK
    return costs


main()
