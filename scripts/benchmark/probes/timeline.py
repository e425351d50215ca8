"""Feeds plldb's timeline 100,000 events, ten a tick in pages of 100; prints the cost of an event as JSON."""

import json
import statistics
import time
from datetime import UTC, datetime, timedelta

from plldb.bootstrap.statuses import EventStatus
from plldb.bootstrap.timeline import RawEvent, Timeline

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
    timeline = Timeline(operation="create")
    costs = []
    for end in range(A_TICK, EVENTS + 1, A_TICK):
        page = events[max(0, end - A_PAGE) : end][::-1]
        start = time.perf_counter()
        told = timeline.take(page)
        costs.append((time.perf_counter() - start) / A_TICK * 1e6)
        assert len(told) == A_TICK
    ticks = COMPARED // A_TICK
    # The first ticks have pages that are not full yet.
    first, last = costs[A_PAGE // A_TICK :][:ticks], costs[-ticks:]
    print(json.dumps({"first_us": statistics.median(first), "last_us": statistics.median(last)}))


main()
