"""Whose operation is it? Tokens, operation ids, neither; before ours, instead of ours, after ours."""

from __future__ import annotations

import pytest

from plldb.bootstrap.stack.history import RawEvent, Request
from plldb.bootstrap.stack.statuses import Status
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

DELETE_FAILS = (
    "plldb DELETE_IN_PROGRESS User Initiated",
    "Table DELETE_FAILED in use",
    "plldb DELETE_FAILED The following resource(s) failed to delete: [Table].",
)


def followed(*, operation_id: str = "") -> Timeline:
    return Timeline(operation="update", request=Request(token=OURS, operation_id=operation_id))


def theirs(*lines: str, first: int = 0) -> list[RawEvent]:
    return history(*lines, token=THEIRS, operation_id="op-theirs", first=first)


def ours(*lines: str, first: int = 0) -> list[RawEvent]:
    return history(*lines, token=OURS, operation_id="op-ours", first=first)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_somebody_elses_operation_before_ours_is_shown_as_theirs(size: int) -> None:
    timeline, told = followed(), []
    events = theirs(*FAILED_UPDATE) + ours(*UPDATE, first=50)
    for begin in range(0, len(events), size):
        told += timeline.take(newest_first(events[begin : begin + size]))
    assert [event.started_by == "this_run" for event in told] == [False] * 7 + [True] * 5
    assert timeline.outcome == "UPDATE_COMPLETE"
    assert timeline.outcome_seconds == 4
    assert timeline.failures == ()


def test_somebody_elses_operation_after_ours_changes_nothing() -> None:
    timeline = followed()
    told = timeline.take(newest_first(ours(*UPDATE) + theirs(*DELETION, first=50)))
    assert [event.started_by == "this_run" for event in told] == [True] * 5 + [False] * 6
    assert timeline.outcome == "UPDATE_COMPLETE"
    assert not timeline.overtaken


@pytest.mark.parametrize("end", [1, 4, 6])
def test_a_deletion_by_somebody_else_that_overtakes_ours_ends_it_without_an_outcome(end: int) -> None:
    timeline = followed()
    told = timeline.take(newest_first(ours(*UPDATE[:2]) + theirs(*DELETION[:end], first=50)))
    assert [event.started_by == "this_run" for event in told] == [True] * 2 + [False] * end
    assert timeline.overtaken
    assert timeline.is_over()
    assert timeline.outcome is None


def test_what_deletes_the_stack_for_somebody_else_is_no_outcome_of_ours_by_its_status_either() -> None:
    timeline = followed()
    timeline.take(newest_first(ours(*UPDATE[:2]) + theirs(*DELETION, first=50)))
    timeline.conclude(Status("DELETE_COMPLETE"))
    assert timeline.outcome is None


def test_a_deletion_of_ours_is_not_overtaken_by_its_own_events() -> None:
    timeline = Timeline(operation="delete", request=Request(token=OURS))
    timeline.take(newest_first(ours(*DELETION)))
    assert not timeline.overtaken
    assert timeline.outcome == "DELETE_COMPLETE"


def test_of_two_deletions_at_once_the_end_of_the_other_is_the_end_but_no_outcome_of_ours() -> None:
    timeline = Timeline(operation="delete", request=Request(token=OURS))
    told = timeline.take(newest_first(theirs(*DELETION[:5])))
    assert not timeline.is_over()
    told += timeline.take(theirs(DELETION[5], first=5))
    assert not any(event.started_by == "this_run" for event in told)
    assert (timeline.overtaken, timeline.outcome) == (True, None)


def test_a_deletion_does_not_take_the_place_of_a_deletion() -> None:
    timeline = Timeline(operation="delete", request=Request(token=OURS))
    timeline.take(newest_first(ours(DELETION[0]) + theirs(DELETION[0], first=1) + ours(DELETION[5], first=2)))
    assert (timeline.overtaken, timeline.outcome) == (False, "DELETE_COMPLETE")


def test_a_deletion_of_theirs_that_fails_is_not_the_end_of_ours() -> None:
    timeline = Timeline(operation="delete", request=Request(token=OURS))
    timeline.take(newest_first(theirs(*DELETE_FAILS)))
    assert not timeline.is_over()


def test_an_update_of_ours_that_somebody_cancels_leaves_a_doubt_that_the_stack_settles() -> None:
    timeline = followed()
    told = timeline.take(newest_first(ours(*FAILED_UPDATE[:2]) + theirs(*FAILED_UPDATE[3:6], first=50)))
    assert timeline.doubts == 0
    told += timeline.take(theirs(FAILED_UPDATE[6], first=56))
    assert [event.started_by == "this_run" for event in told] == [True] * 2 + [False] * 4
    assert (timeline.doubts, timeline.is_over()) == (1, False)
    timeline.conclude(Status("UPDATE_ROLLBACK_COMPLETE"))
    assert timeline.outcome == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.parametrize("token", [OURS, ""])
def test_an_automatic_rollback_with_another_operation_id_is_still_ours(token: str) -> None:
    timeline = followed(operation_id="op-ours")
    began = history(*FAILED_UPDATE[:3], token=token, operation_id="op-ours")
    rest = history(*FAILED_UPDATE[3:], token=token, operation_id="op-rollback", first=3)
    told = timeline.take(newest_first(began + rest))
    assert all(event.started_by == "this_run" for event in told)
    assert timeline.outcome == "UPDATE_ROLLBACK_COMPLETE"
    assert [failure.logical_id for failure in timeline.failures] == ["Function"]


def test_our_token_is_enough_when_only_the_rollback_of_ours_is_seen() -> None:
    timeline = followed(operation_id="op-ours")
    timeline.take(history(FAILED_UPDATE[3], token=OURS, operation_id="op-rollback"))
    timeline.take(history(FAILED_UPDATE[6], token=OURS, operation_id="op-rollback", first=1))
    assert timeline.outcome == "UPDATE_ROLLBACK_COMPLETE"


def test_where_neither_token_nor_operation_id_is_told_everything_is_ours() -> None:
    timeline = Timeline(operation="create", request=Request(token=OURS))
    told = timeline.take(newest_first(history(*CREATION)))
    assert all(event.started_by == "this_run" for event in told)
    assert timeline.outcome == "CREATE_COMPLETE"


def test_where_only_the_end_is_told_it_is_the_end() -> None:
    timeline = Timeline(operation="create", request=Request(token=OURS))
    timeline.take(history("plldb CREATE_COMPLETE"))
    assert timeline.outcome == "CREATE_COMPLETE"
    assert timeline.outcome_seconds is None


def test_a_token_alone_is_enough() -> None:
    timeline = followed()
    timeline.take(newest_first(history(*UPDATE, token=OURS)))
    assert timeline.outcome == "UPDATE_COMPLETE"


def test_an_operation_id_alone_is_enough() -> None:
    timeline = followed(operation_id="op-ours")
    events = history(*UPDATE, operation_id="op-theirs") + history(*UPDATE, operation_id="op-ours", first=50)
    told = timeline.take(newest_first(events[:5]))
    assert not timeline.is_over()
    told += timeline.take(newest_first(events[5:]))
    assert [event.started_by == "this_run" for event in told] == [False] * 5 + [True] * 5
    assert timeline.outcome == "UPDATE_COMPLETE"


def test_an_operation_id_without_our_token_is_somebody_elses() -> None:
    timeline = followed()
    timeline.take(newest_first(history(*UPDATE, operation_id="op-theirs")))
    assert timeline.outcome is None


def test_the_end_of_theirs_that_comes_late_is_not_the_end_of_ours() -> None:
    earlier, running = theirs(*FAILED_UPDATE), ours(*UPDATE, first=50)
    timeline = followed()
    timeline.take(newest_first(earlier[:6]))
    timeline.take([running[0]])
    timeline.take([earlier[6]])
    assert timeline.outcome is None
    timeline.take(newest_first(running[1:]))
    assert timeline.outcome == "UPDATE_COMPLETE"


def test_failures_of_somebody_else_are_no_cause_of_ours() -> None:
    timeline = Timeline(operation="delete", request=Request(token=OURS))
    timeline.take(newest_first(theirs(*DELETE_FAILS) + ours(*DELETE_FAILS, first=50)))
    (failure,) = timeline.failures
    assert failure.timestamp.second == 51


def test_who_attaches_gets_the_outcome_of_somebody_elses_operation() -> None:
    timeline = Timeline(operation="create", request=None)
    told = timeline.take(newest_first(theirs(*FAILED_CREATION)))
    assert not any(event.started_by == "this_run" for event in told)
    assert timeline.outcome == "ROLLBACK_COMPLETE"
    assert [failure.logical_id for failure in timeline.failures] == ["Table"]
    assert not timeline.overtaken


def test_who_attaches_follows_a_deletion_that_interrupts_to_its_end() -> None:
    timeline = Timeline(operation="update", request=None)
    timeline.take(newest_first(theirs(*UPDATE[:2]) + ours(*DELETION, first=50)))
    assert timeline.outcome == "DELETE_COMPLETE"
