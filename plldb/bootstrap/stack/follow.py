"""The live stream: one operation on the stack, event by event, to its end. Talks to CloudFormation."""

from __future__ import annotations

import asyncio
import logging
import random

from plldb.aws.errors import TryAgainError
from plldb.bootstrap.events.stack import EventsDelayed, StackEvent
from plldb.bootstrap.pace import Pace
from plldb.bootstrap.stack.client import Stack, is_unknown
from plldb.bootstrap.stack.decide import Seen
from plldb.bootstrap.stack.history import RawEvent, operation_of
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.bootstrap.stack.timeline import Timeline
from plldb.errors import AwsError
from plldb.streams import Tell
from plldb.tasks import ended, gather_all

log = logging.getLogger(__name__)


class Unknown:
    """That CloudFormation does not know the stack: right after an accepted request it means "not yet"."""

    def __init__(self, stack: Stack, tell: Tell[EventsDelayed]) -> None:
        self._stack = stack
        self._tell = tell
        self._until = asyncio.get_running_loop().time() + stack.pace.unknown_for
        self._told = False

    async def may_be_new(self) -> bool:
        """Return whether the stack may be so new that it is not known yet; reports that once."""
        if asyncio.get_running_loop().time() >= self._until:
            return False
        if not self._told:
            self._told = True
            reason = f"CloudFormation does not know the stack {self._stack.name} yet"
            await self._tell(EventsDelayed(reason=reason, seconds=self._stack.pace.poll))
        return True


async def look_until_known(stack: Stack, unknown: Unknown) -> Seen:
    """Look at a stack of which CloudFormation has said that it is there."""
    while True:
        seen = await stack.look()
        if seen.snapshot or not await unknown.may_be_new():
            return seen
        await asyncio.sleep(stack.pace.poll)


async def follow(
    stack: Stack, stack_id: str, timeline: Timeline, tell: Tell[StackEvent | EventsDelayed]
) -> Seen | None:
    """Tell the events of an operation until it is over; ``timeline`` holds the outcome then.

    Returns what the stack looks like at its end, None if that has to be looked at again.

    Throttling, server errors and lost connections never end the stream and never change the outcome.
    There is no limit on the time that the operation takes.

    Raises:
        AwsError: AWS refuses to return the events (for example because the credentials have expired).
    """
    loop = asyncio.get_running_loop()
    troubles = doubts = 0
    heard = checked = loop.time()
    unknown = Unknown(stack, tell)
    last: list[StackEvent] = []
    while not timeline.is_over():
        began = loop.time()
        fresh, trouble = await _read(stack, stack_id, timeline, unknown)
        troubles = 0 if trouble is None else troubles + 1
        if timeline.is_over():
            last = fresh
            break
        for event in fresh:
            await tell(event)
        now = loop.time()
        if fresh:
            heard = now
        stalled = not fresh and now - max(heard, checked) >= stack.pace.stall_after
        if not troubles and (stalled or timeline.doubts > doubts):
            checked = now
            doubts = timeline.doubts
            for event in await _ask_the_stack(stack, stack_id, timeline, unknown):
                await tell(event)
        wait = next_wait(stack.pace, quiet=now - heard, troubles=troubles, eager=timeline.all_finished)
        if trouble is not None:
            await tell(EventsDelayed(reason=trouble, seconds=wait))
        # From start to start: a slow answer must not slow the polling down.
        await asyncio.sleep(max(0.0, began + wait - loop.time()))
    # Back to the beginning once more: events may turn up late. It cannot change the outcome.
    reads = gather_all(
        _read_back(stack, stack_id, timeline), _look_at_the_end(stack, stack_id, timeline, unknown)
    )
    async with ended(reads) as reading:
        for event in last:
            await tell(event)
        late, seen = await reading
    for event in timeline.take(late):
        await tell(event)
    return seen


async def _read(
    stack: Stack, stack_id: str, timeline: Timeline, unknown: Unknown
) -> tuple[list[StackEvent], str | None]:
    """Return the new events, and why they could not be read; None if they were."""
    try:
        return timeline.take(await stack.read_new(stack_id, timeline.log.knows)), None
    except TryAgainError as again:
        return [], str(again.error)
    except AwsError as error:
        if not is_unknown(error) or not await unknown.may_be_new():
            raise
        return [], None


def next_wait(pace: Pace, *, quiet: float, troubles: int, eager: bool) -> float:
    """Return the seconds from one read of the events to the next. Pure, but for the jitter of troubles."""
    if troubles:
        # Bounded before it is raised: a day of throttling makes a number that no float can hold.
        longest = min(pace.poll * 2 ** min(troubles, 16), pace.poll_troubled)
        return random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret
    if quiet <= pace.quiet_after:
        return pace.poll_eager if eager else pace.poll
    # Slower in proportion to the time without an event.
    longer = quiet / pace.quiet_after if pace.quiet_after else quiet
    return min(max(pace.poll * longer, pace.poll), pace.poll_quiet)


async def _ask_the_stack(
    stack: Stack, stack_id: str, timeline: Timeline, unknown: Unknown
) -> list[StackEvent]:
    """Read the status of the stack when no event has come for long, or where the events do not decide."""
    try:
        status = await stack.read_status(stack_id)
        if status is None:
            if await unknown.may_be_new():
                return []
            status = Status(StackStatus.DELETE_COMPLETE)
        if not status.settled:
            return []
        # Its last event may have come since: an event says more than a status.
        fresh = timeline.take(await stack.read_new(stack_id, timeline.log.knows))
    except TryAgainError:
        return []
    timeline.conclude(status)
    return fresh


async def _read_back(stack: Stack, stack_id: str, timeline: Timeline) -> list[RawEvent]:
    try:
        async with asyncio.timeout(stack.pace.last_read):
            return await stack.read_new(stack_id, timeline.log.marker.__contains__, patiently=True)
    except (AwsError, TimeoutError) as error:
        log.info("the last read of the events: %s", error)
        return []


async def _look_at_the_end(stack: Stack, stack_id: str, timeline: Timeline, unknown: Unknown) -> Seen | None:
    """Look at the stack until it says what its events have said: DescribeStacks may lag behind them."""
    loop, pace = asyncio.get_running_loop(), stack.pace
    give_up = loop.time() + pace.last_read
    try:
        seen = await stack.look()
        while loop.time() < give_up and (
            _lags(seen, stack_id, timeline)
            or (await _is_missing(stack, seen, stack_id, timeline) and await unknown.may_be_new())
        ):
            await asyncio.sleep(pace.poll_eager)
            seen = await stack.look()
    except AwsError as error:
        # The operation has ended all the same; a caller that needs the stack looks again.
        log.info("the last look at the stack: %s", error)
        return None
    return seen


async def _is_missing(stack: Stack, seen: Seen, stack_id: str, timeline: Timeline) -> bool:
    """Tell whether a stack that must be there is not known, although nobody has deleted it since."""
    if seen.snapshot or timeline.outcome is None or timeline.outcome.deleting:
        return False
    status = await stack.read_status(stack_id, patiently=True)
    return status is None or not status.deleting


def _lags(seen: Seen, stack_id: str, timeline: Timeline) -> bool:
    """Whether the stack still is where the operation that has ended put it; another's is none of ours."""
    if timeline.outcome is None or seen.snapshot is None or seen.snapshot.stack_id != stack_id:
        return False
    status = Status(seen.snapshot.status)
    return status.in_progress and operation_of(status) in (timeline.operation, "rollback")
