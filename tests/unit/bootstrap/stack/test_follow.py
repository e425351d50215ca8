"""The live stream before a scripted stack: it ends when the operation does, and by nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from plldb.aws.errors import TryAgainError
from plldb.bootstrap.events.stack import EventsDelayed, StackEvent
from plldb.bootstrap.pace import Pace
from plldb.bootstrap.stack.client import Stack
from plldb.bootstrap.stack.decide import Seen, StackSnapshot
from plldb.bootstrap.stack.follow import follow
from plldb.bootstrap.stack.history import RawEvent, Request
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.bootstrap.stack.timeline import Timeline
from plldb.errors import AwsError, CredentialsError, UnreachableError
from plldb.streams import Tell, stream
from tests.unit.bootstrap.stack.histories import (
    BEGAN,
    CREATION,
    FAILED_CREATION,
    FAILED_UPDATE,
    STACK_ID,
    UPDATE,
    history,
    newest_first,
)

AT_ONCE = Pace(
    poll=0, poll_eager=0, poll_quiet=0, poll_troubled=0, quiet_after=1000, stall_after=1000, first_wait=0
)
STALLS = Pace(poll=0, poll_eager=0, poll_quiet=0, poll_troubled=0, quiet_after=1000, stall_after=0)
THROTTLED = TryAgainError(UnreachableError("Rate exceeded"), throttled=True)
Answer = Sequence[RawEvent] | Exception


@dataclass
class ScriptedStack:
    """Answers in turn; ``last`` is what the last, patient read gets, and every read after the script."""

    answers: list[Answer]
    last: Answer
    pace: Pace = AT_ONCE
    name: str = "plldb"
    statuses: list[Status | Exception | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    reads_at_once: int = 0
    snapshots: list[StackSnapshot | None] = field(default_factory=list)
    after: Seen | None = None

    async def read_new(
        self, stack_id: str, is_known: Callable[[str], bool], *, patiently: bool = False
    ) -> list[RawEvent]:
        self.asked.append("last" if patiently else "events")
        self.reads_at_once += 1
        await asyncio.sleep(0)
        self.reads_at_once -= 1
        answer = self.last if patiently or not self.answers else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return newest_first(answer)

    async def read_status(self, stack_id: str, *, patiently: bool = False) -> Status | None:
        if patiently:  # at the end, of a stack that `look` does not show: it was deleted since
            return Status("DELETE_COMPLETE")
        self.asked.append("status")
        answer = self.statuses.pop(0) if self.statuses else Status("CREATE_IN_PROGRESS")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def look(self) -> Seen:
        self.asked.append("stack")
        return Seen(snapshot=self.snapshots.pop(0) if self.snapshots else None)

    def follow(self, timeline: Timeline) -> AsyncGenerator[StackEvent | EventsDelayed | None, None]:
        """What is told; None is the end, and what `follow` returned is in ``after`` then."""

        async def work(tell: Tell[StackEvent | EventsDelayed]) -> None:
            self.after = await follow(cast("Stack", self), STACK_ID, timeline, tell)

        return stream(work)


async def told(stack: ScriptedStack, timeline: Timeline) -> list[str]:
    """Ids of the events, and ``slow`` for each time that polling slowed down."""
    events = stack.follow(timeline)
    async with asyncio.timeout(120):  # a stream that never ends fails the test, and does not hang it
        return [
            event.event_id if isinstance(event, StackEvent) else "slow" async for event in events if event
        ]


def ids(events: Sequence[RawEvent]) -> list[str]:
    return [event.event_id for event in events]


async def test_a_stack_that_finishes_before_the_first_poll_is_told_whole() -> None:
    events = history(*CREATION)
    timeline, stack = Timeline(operation="create", request=Request()), ScriptedStack([events], events)
    assert await told(stack, timeline) == ids(events)
    assert timeline.outcome == "CREATE_COMPLETE"
    assert stack.asked == ["events", "last", "stack"]


async def test_events_come_as_they_appear_each_once() -> None:
    events = history(*CREATION)
    stack = ScriptedStack([[], events[:3], events[:3], [], events[:6], events[4:]], events)
    assert await told(stack, Timeline(operation="create", request=Request())) == ids(events)


async def test_throttled_for_long_it_says_so_and_goes_on() -> None:
    events = history(*CREATION)
    stack = ScriptedStack([events[:2], *[THROTTLED] * 30, events], events)
    timeline = Timeline(operation="create", request=Request())
    assert await told(stack, timeline) == [*ids(events[:2]), *["slow"] * 30, *ids(events[2:])]
    assert timeline.outcome == "CREATE_COMPLETE"


async def test_throttled_for_hours_it_still_goes_on() -> None:
    events = history(*CREATION)
    stack = ScriptedStack([THROTTLED] * 3000, events)
    found = await told(stack, Timeline(operation="create", request=Request()))
    assert found == ["slow"] * 3000 + ids(events)


async def test_trouble_is_told_with_its_reason_and_when_it_goes_on() -> None:
    events = history(*CREATION)
    pace = Pace(poll=0.01, poll_troubled=0.02)
    stack = ScriptedStack([THROTTLED], events, pace=pace)
    slowed = [
        e
        async for e in stack.follow(Timeline(operation="create", request=Request()))
        if isinstance(e, EventsDelayed)
    ]
    assert [each.reason for each in slowed] == ["Rate exceeded"]
    assert 0.01 <= slowed[0].seconds <= 0.02


async def test_credentials_that_expire_end_it_with_that_error() -> None:
    stack = ScriptedStack([history(CREATION[0]), CredentialsError("expired")], [])
    events = stack.follow(Timeline(operation="create", request=Request()))
    assert (await anext(events)).event_id == "e0"  # type: ignore[union-attr]
    with pytest.raises(CredentialsError):
        await anext(events)


async def test_an_event_that_turns_up_after_the_end_is_told_by_the_last_read() -> None:
    events = history(*CREATION)
    stack = ScriptedStack([[*events[:4], *events[5:]]], events)
    found = await told(stack, Timeline(operation="create", request=Request()))
    assert sorted(found) == sorted(ids(events))
    assert found[-1] == "e4"


@pytest.mark.parametrize(
    "last",
    [
        AwsError("refused"),
        UnreachableError("gone"),
        [*history(*CREATION), *history("plldb UPDATE_IN_PROGRESS", "plldb UPDATE_FAILED no", first=50)],
        [*history(*CREATION), *history("plldb DELETE_IN_PROGRESS", token="theirs", first=50)],
        [],
    ],
)
async def test_the_last_read_cannot_change_the_outcome(last: Answer) -> None:
    timeline = Timeline(operation="create", request=Request())
    await told(ScriptedStack([history(*CREATION)], last), timeline)
    assert (timeline.outcome, timeline.overtaken) == ("CREATE_COMPLETE", False)


async def test_a_stall_is_settled_by_the_status_of_the_stack() -> None:
    events = history(*CREATION[:3])
    statuses: list[Status | Exception | None] = [THROTTLED, Status("CREATE_IN_PROGRESS")]
    stack = ScriptedStack([], events, pace=STALLS, statuses=[*statuses, Status("CREATE_COMPLETE")])
    timeline = Timeline(operation="create", request=Request())
    assert await told(stack, timeline) == ids(events)
    assert timeline.outcome == "CREATE_COMPLETE"
    assert stack.asked.count("status") == 3


@pytest.mark.parametrize("known_after", [True, False])
async def test_a_stack_that_is_unknown_is_an_error_only_when_it_is_not_new_any_more(
    known_after: bool,
) -> None:
    unknown = AwsError("Stack [arn] does not exist", aws_code="ValidationError")
    events = history(*CREATION)
    pace = AT_ONCE if known_after else replace(AT_ONCE, unknown_for=0)
    stack = ScriptedStack([unknown, unknown, events], events, pace=pace)
    timeline = Timeline(operation="create", request=Request())
    if known_after:
        assert await told(stack, timeline) == ["slow", *ids(events)]
    else:
        with pytest.raises(AwsError, match="does not exist"):
            await told(stack, timeline)


@pytest.mark.parametrize(("unknown_for", "outcome"), [(30, "CREATE_COMPLETE"), (0, "DELETE_COMPLETE")])
async def test_a_status_that_is_unknown_is_a_deletion_only_when_the_stack_is_not_new(
    unknown_for: float, outcome: str
) -> None:
    pace = replace(STALLS, unknown_for=unknown_for)
    stack = ScriptedStack([], [], pace=pace, statuses=[None, Status("CREATE_COMPLETE")])
    timeline = Timeline(operation="create", request=Request())
    await told(stack, timeline)
    assert timeline.outcome == outcome


async def test_events_that_come_while_a_stall_is_settled_are_told_and_say_more_than_the_status() -> None:
    events = history(*FAILED_CREATION)
    stack = ScriptedStack([events[:3], []], events, pace=STALLS, statuses=[Status("ROLLBACK_COMPLETE")])
    timeline = Timeline(operation="create", request=Request())
    assert await told(stack, timeline) == ids(events)
    assert timeline.outcome == "ROLLBACK_COMPLETE"
    assert timeline.outcome_seconds == 8


async def test_an_end_that_is_not_ours_makes_it_ask_the_stack_at_once() -> None:
    began = history(*FAILED_UPDATE[:2], token="ours")
    cancelled = [*began, *history(*FAILED_UPDATE[3:], token="theirs", first=50)]
    statuses: list[Status | Exception | None] = [Status("UPDATE_ROLLBACK_COMPLETE")]
    stack = ScriptedStack([began, cancelled, cancelled], cancelled, statuses=statuses)
    timeline = Timeline(operation="update", request=Request(token="ours"))
    assert await told(stack, timeline) == ids(cancelled)
    assert timeline.outcome == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.asked == ["events", "events", "status", "events", "last", "stack"]


async def test_an_end_of_what_was_before_is_no_end_when_the_stack_says_that_ours_runs() -> None:
    before = history(*FAILED_UPDATE, token="theirs")
    ours = history(*UPDATE, token="ours", first=50)
    statuses: list[Status | Exception | None] = [Status("UPDATE_IN_PROGRESS")]
    stack = ScriptedStack([before, [*before, *ours]], [*before, *ours], statuses=statuses)
    timeline = Timeline(operation="update", request=Request(token="ours"))
    assert await told(stack, timeline) == ids([*before, *ours])
    assert timeline.outcome == "UPDATE_COMPLETE"
    assert stack.asked == ["events", "status", "events", "last", "stack"]


async def test_a_deletion_by_somebody_else_ends_it_without_an_outcome() -> None:
    events = [
        *history(CREATION[0], token="ours"),
        *history("plldb DELETE_IN_PROGRESS", token="x", first=9),
    ]
    timeline = Timeline(operation="create", request=Request(token="ours"))
    assert await told(ScriptedStack([events], events), timeline) == ids(events)
    assert (timeline.outcome, timeline.overtaken) == (None, True)


def seen(status: StackStatus, stack_id: str = STACK_ID) -> StackSnapshot:
    return StackSnapshot(
        stack_id=stack_id,
        name="plldb",
        status=status,
        status_reason="",
        protected=False,
        tags=(),
        outputs=(),
        created=BEGAN,
        updated=None,
    )


@pytest.mark.parametrize("lagging", [StackStatus.CREATE_IN_PROGRESS, StackStatus.ROLLBACK_IN_PROGRESS])
async def test_a_stack_whose_status_lags_behind_its_events_is_looked_at_until_it_does_not(
    lagging: StackStatus,
) -> None:
    events = history(*CREATION)
    snapshots = [seen(lagging), seen(lagging), seen(StackStatus.CREATE_COMPLETE)]
    stack = ScriptedStack([events], events, snapshots=[*snapshots])
    await told(stack, Timeline(operation="create", request=Request()))
    assert stack.after == Seen(snapshot=snapshots[-1])
    assert stack.asked.count("stack") == 3


@pytest.mark.parametrize(
    "other",
    [
        seen(StackStatus.UPDATE_IN_PROGRESS),
        seen(StackStatus.DELETE_IN_PROGRESS),
        seen(StackStatus.CREATE_IN_PROGRESS, "arn:another"),
        None,
    ],
)
async def test_another_operation_that_has_begun_since_is_not_waited_for(other: StackSnapshot | None) -> None:
    events = history(*CREATION)
    stack = ScriptedStack([events], events, snapshots=[other])
    await told(stack, Timeline(operation="create", request=Request()))
    assert stack.asked.count("stack") == 1


async def test_a_status_that_lags_for_too_long_is_given_up() -> None:
    events = history(*CREATION)
    stack = ScriptedStack(
        [events],
        events,
        pace=replace(AT_ONCE, last_read=0),
        snapshots=[seen(StackStatus.CREATE_IN_PROGRESS)] * 5,
    )
    await told(stack, Timeline(operation="create", request=Request()))
    assert stack.asked.count("stack") == 1


async def test_who_stops_listening_leaves_nothing_running() -> None:
    events = history(*CREATION)
    stack = ScriptedStack([events[:3]], events)
    async with aclosing(stack.follow(Timeline(operation="create", request=Request()))) as told_so_far:
        async for _ in told_so_far:
            break
    await asyncio.sleep(0.01)
    assert stack.asked == ["events"]
    assert stack.reads_at_once == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_who_is_cancelled_in_the_last_read_leaves_nothing_running() -> None:
    class Hanging(ScriptedStack):
        async def look(self) -> Seen:
            await super().look()
            return await asyncio.Future()

    events = history(*CREATION)
    stack = Hanging([events], events)
    task = asyncio.ensure_future(told(stack, Timeline(operation="create", request=Request())))
    while "stack" not in stack.asked:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
