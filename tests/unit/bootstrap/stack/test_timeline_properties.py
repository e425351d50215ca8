"""Any paging, duplication, interleaving, reordering of a valid history gives the same stream and outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plldb.bootstrap.events.stack import StackEvent, StackOperation
from plldb.bootstrap.stack.history import RawEvent, Request, last_operation
from plldb.bootstrap.stack.timeline import Timeline
from tests.unit.bootstrap.stack.histories import (
    CREATION,
    DELETION,
    FAILED_CREATION,
    FAILED_UPDATE,
    OURS,
    THEIRS,
    UPDATE,
    history,
    newest_first,
)

pytestmark = pytest.mark.once

KINDS: dict[tuple[str, ...], StackOperation] = {
    CREATION: "create",
    FAILED_CREATION: "create",
    UPDATE: "update",
    FAILED_UPDATE: "update",
    DELETION: "delete",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What CloudFormation holds in the end, oldest first, and what is ours in it."""

    before: list[RawEvent]
    events: list[RawEvent]
    operation: StackOperation
    outcome: str

    def timeline(self) -> Timeline:
        marker = frozenset(event.event_id for event in self.before)
        request = Request(token=OURS, operation_id="op-ours")
        return Timeline(operation=self.operation, request=request, marker=marker)


@st.composite
def cases(draw: st.DrawFn, *, tokenless: bool = False) -> Case:
    """An operation of ours, perhaps with others before and after it, its rollback under another id.

    A later one that is ``tokenless`` can be told from ours by its beginning only.
    """
    lines = draw(st.sampled_from([*KINDS]))
    before = history(*draw(st.sampled_from([(), CREATION, FAILED_UPDATE])), token=THEIRS)
    foreign = draw(st.sampled_from([(), UPDATE, FAILED_UPDATE]))
    after = draw(st.sampled_from([(), UPDATE, DELETION]))
    theirs = history(*foreign, token=THEIRS, operation_id="op-theirs", first=100)
    ours = history(*lines, token=OURS, operation_id="op-ours", first=200)
    if draw(st.booleans()):
        ours = [*ours[:4], *history(*lines, token=OURS, operation_id="op-back", first=200)[4:]]
    more = history(*after, token="" if tokenless else THEIRS, operation_id="op-more", first=300)
    return Case(
        before=before, events=theirs + ours + more, operation=KINDS[lines], outcome=str(ours[-1].status)
    )


@st.composite
def reads(draw: st.DrawFn, case: Case, *, ordered: bool) -> list[list[RawEvent]]:
    """What is read in each tick, newest first, with repetitions and pages that shift; at last everything."""
    order = [*range(len(case.events))] if ordered else draw(st.permutations(range(len(case.events))))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=6)))
    ticks = []
    for cut in cuts:
        visible = [case.events[index] for index in sorted(order[:cut])]
        events = case.before + visible
        ticks.append(draw(repeated(newest_first(events) if ordered else draw(st.permutations(events)))))
    return [*ticks, draw(repeated(newest_first(case.before + case.events)))]


@st.composite
def repeated(draw: st.DrawFn, events: list[RawEvent]) -> list[RawEvent]:
    """Pages, each of which may begin with some of the page before."""
    size = draw(st.integers(1, 12))
    overlap = draw(st.integers(0, 3))
    pages = [events[max(0, n - overlap) : n + size] for n in range(0, len(events), size)]
    return [event for page in pages for event in page]


def follow(case: Case, ticks: Sequence[Sequence[RawEvent]]) -> tuple[Timeline, list[list[StackEvent]]]:
    timeline = case.timeline()
    return timeline, [timeline.take(tick) for tick in ticks]


@given(st.data())
@settings(max_examples=150)
def test_however_events_are_read_the_stream_is_the_same_in_the_same_order(data: st.DataObject) -> None:
    case = data.draw(cases(tokenless=data.draw(st.booleans())))
    timeline, told = follow(case, data.draw(reads(case, ordered=True)))
    whole = case.timeline().take(newest_first(case.events))
    assert [event for tick in told for event in tick] == whole
    assert [event.event_id for event in whole] == [event.event_id for event in case.events]
    assert timeline.outcome == case.outcome


@given(st.data())
@settings(max_examples=150)
def test_however_late_events_turn_up_each_is_told_once_and_the_outcome_is_ours(data: st.DataObject) -> None:
    case = data.draw(cases())
    timeline, told = follow(case, data.draw(reads(case, ordered=False)))
    ids = [event.event_id for tick in told for event in tick]
    assert sorted(ids) == sorted(event.event_id for event in case.events)
    for tick in told:
        assert [event.timestamp for event in tick] == sorted(event.timestamp for event in tick)
    assert timeline.outcome == case.outcome
    whose = {event.event_id: event.started_by == "this_run" for tick in told for event in tick}
    assert whose == {event.event_id: event.token == OURS for event in case.events}


@given(st.data())
@settings(max_examples=150)
def test_what_became_of_it_and_why_does_not_depend_on_how_events_were_read(data: st.DataObject) -> None:
    """Also where ours is cut off in the middle, by a deletion or by an end under another token."""
    case = data.draw(cases(tokenless=data.draw(st.booleans())))
    if data.draw(st.booleans()):
        ours = [event for event in case.events if event.token == OURS]
        kept = ours[: data.draw(st.integers(1, len(ours) - 1))]
        case = replace(case, events=[e for e in case.events if e not in ours or e in kept])
    timeline, _ = follow(case, data.draw(reads(case, ordered=False)))
    straight = case.timeline()
    straight.take(newest_first(case.events))
    assert verdict_of(timeline) == verdict_of(straight)


def verdict_of(timeline: Timeline) -> object:
    failures = [(failure.logical_id, failure.reason) for failure in timeline.failures]
    ended = (timeline.outcome, timeline.outcome_seconds, timeline.overtaken, timeline.doubts)
    return (ended, timeline.began, timeline.all_finished, failures)


@given(st.data())
@settings(max_examples=100)
def test_no_duration_is_ever_negative(data: st.DataObject) -> None:
    case = data.draw(cases())
    _, told = follow(case, data.draw(reads(case, ordered=False)))
    assert all(event.seconds is None or event.seconds >= 0 for tick in told for event in tick)


@given(st.lists(st.sampled_from([UPDATE, FAILED_UPDATE]), max_size=4), st.sampled_from([*KINDS]), st.data())
@settings(max_examples=100)
def test_the_last_operation_is_found_behind_any_history(
    earlier: list[tuple[str, ...]], last: tuple[str, ...], data: st.DataObject
) -> None:
    lines = [line for operation in (CREATION, *earlier) for line in operation]
    running = data.draw(st.integers(1, len(last)))
    events = newest_first(history(*lines, *last[:running]))
    assert last_operation(events, whole=True) == (KINDS[last], running)
