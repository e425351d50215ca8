"""Raw events become one stream: order, once each, durations, causes, the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plldb.bootstrap.stack.history import RawEvent, Request
from plldb.bootstrap.stack.statuses import Status
from plldb.bootstrap.stack.timeline import Timeline
from tests.unit.bootstrap.stack.histories import (
    CREATION,
    DELETION,
    FAILED_CREATION,
    at,
    history,
    newest_first,
    resources,
)


def ids(events: list[RawEvent]) -> list[str]:
    return [event.event_id for event in events]


def test_events_come_out_oldest_first_and_the_stack_ends_it() -> None:
    events = history(*CREATION)
    timeline = Timeline(operation="create", request=Request())
    told = timeline.take(newest_first(events))
    assert [event.event_id for event in told] == ids(events)
    assert timeline.outcome == "CREATE_COMPLETE"
    assert timeline.is_over()


def test_an_event_is_told_once_however_often_it_is_read() -> None:
    events = history(*CREATION)
    timeline = Timeline(operation="create", request=Request())
    first = timeline.take(newest_first(events[:4]) * 2)
    second = timeline.take(newest_first(events) + newest_first(events[:3]))
    assert [event.event_id for event in first + second] == ids(events)
    assert timeline.take(newest_first(events)) == []


def test_events_of_one_instant_keep_the_order_of_cloudformation() -> None:
    events = [at(5, event) for event in history(*CREATION)]
    told = Timeline(operation="create", request=Request()).take(newest_first(events))
    assert [event.event_id for event in told] == ids(events)


def test_events_read_out_of_order_are_told_in_the_order_of_time() -> None:
    events = history(*CREATION)
    read = [events[n] for n in (3, 7, 0, 5, 1, 6, 2, 4)]
    assert [event.event_id for event in Timeline(operation="create", request=Request()).take(read)] == ids(
        events
    )


def test_an_event_that_turns_up_late_between_known_ones_is_told_when_it_comes() -> None:
    events = history(*CREATION)
    timeline = Timeline(operation="create", request=Request())
    early = [event for event in events[:6] if event.event_id != "e3"]
    assert [event.event_id for event in timeline.take(newest_first(early))] == ids(early)
    assert [event.event_id for event in timeline.take(newest_first(events[:6]))] == ["e3"]


def test_what_was_there_before_is_known_and_never_told() -> None:
    before, events = history(*CREATION), history(*DELETION, first=20)
    timeline = Timeline(operation="delete", request=Request(), marker=frozenset(ids(before)))
    assert timeline.log.knows("e0")
    assert not timeline.log.knows("e20")
    assert [event.event_id for event in timeline.take(newest_first(before + events))] == ids(events)
    assert timeline.log.knows("e20")
    assert timeline.outcome == "DELETE_COMPLETE"


def test_a_page_that_shifts_while_it_is_read_repeats_events_that_are_told_once() -> None:
    events = history(*CREATION)
    shifted = newest_first(events)[:4] + newest_first(events)[2:]
    assert len(Timeline(operation="create", request=Request()).take(shifted)) == len(events)


def test_a_history_of_ten_thousand_events_is_told_in_order() -> None:
    events = history(*(f"R{n} CREATE_COMPLETE" for n in range(9_999)), "plldb UPDATE_COMPLETE")
    timeline = Timeline(operation="update", request=Request(), marker=frozenset(ids(events[:9_000])))
    told = timeline.take(newest_first(events))
    assert [event.event_id for event in told] == ids(events[9_000:])


def test_durations_are_told_on_the_event_that_ends_the_work() -> None:
    timeline = Timeline(operation="create", request=Request())
    told = timeline.take(newest_first(history(*CREATION)))
    assert [event.seconds for event in told] == [None, None, None, None, None, 3, 5, 7]
    assert timeline.outcome_seconds == 7


def test_a_resource_that_is_deleted_in_the_rollback_gets_the_time_of_that() -> None:
    told = Timeline(operation="create", request=Request()).take(newest_first(history(*FAILED_CREATION)))
    seconds = {(event.logical_id, str(event.status)): event.seconds for event in told}
    assert seconds["Table", "CREATE_FAILED"] == 2
    assert seconds["Role", "DELETE_COMPLETE"] == 1
    assert seconds["plldb", "ROLLBACK_COMPLETE"] == 8


def test_a_duration_is_never_negative_when_an_event_comes_late() -> None:
    events = history("Role CREATE_IN_PROGRESS", "Role CREATE_COMPLETE", "Role DELETE_IN_PROGRESS")
    timeline = Timeline(operation="create", request=Request())
    timeline.take([events[2], events[0]])
    assert [event.seconds for event in timeline.take([events[1]])] == [1]
    (gone,) = timeline.take(history("Role DELETE_COMPLETE", first=5))
    assert gone.seconds is None or gone.seconds > 0
    other = Timeline(operation="create", request=Request())
    other.take([events[2]])
    assert [event.seconds for event in other.take([events[1]])] == [None]


def test_each_event_has_the_line_of_its_resource() -> None:
    timeline = Timeline(operation="create", request=Request(), resources=resources("Table", "Other"))
    lines = {e.logical_id: e.template_line for e in timeline.take(newest_first(history(*CREATION)))}
    assert lines == {"plldb": None, "Table": 10, "Role": None}


def test_the_root_cause_is_the_first_failure_and_cancellations_are_none() -> None:
    timeline = Timeline(operation="create", request=Request(), resources=resources("Table"))
    timeline.take(newest_first(history(*FAILED_CREATION)))
    (cause,) = timeline.failures
    assert (cause.logical_id, cause.reason) == ("Table", "PLLDBSessions already exists")
    assert (cause.seconds, cause.template_line, cause.status) == (2, 10, "CREATE_FAILED")
    assert timeline.outcome == "ROLLBACK_COMPLETE"


def test_a_hook_that_fails_while_the_resource_is_in_progress_is_the_root_cause() -> None:
    began, table, hook, failed = history(
        *("plldb CREATE_IN_PROGRESS", "Table CREATE_IN_PROGRESS", "Table CREATE_IN_PROGRESS no tag owner"),
        "Table CREATE_FAILED The following hook(s) failed: [Corp::Rule::Hook]",
    )
    hook = replace(hook, hook_type="Corp::Rule::Hook", hook_status=Status("HOOK_COMPLETE_FAILED"))
    timeline = Timeline(operation="create", request=Request())
    told = timeline.take([failed, hook, table, began])
    assert (told[2].hook_type, told[2].hook_status) == ("Corp::Rule::Hook", "HOOK_COMPLETE_FAILED")
    cause, follows = timeline.failures
    assert (cause.reason, cause.status, cause.hook_type) == (
        *("no tag owner", "HOOK_COMPLETE_FAILED", "Corp::Rule::Hook"),
    )
    assert (follows.status, follows.hook_type) == ("CREATE_FAILED", "")


def test_causes_stand_in_the_order_of_time_even_when_the_first_is_told_last() -> None:
    events = history("A CREATE_FAILED first", "B CREATE_FAILED second", "C CREATE_FAILED third")
    timeline = Timeline(operation="create", request=Request())
    timeline.take([events[2], events[1]])
    timeline.take([events[0]])
    assert [failure.reason for failure in timeline.failures] == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("reason", "is_cause"),
    [
        ("Resource creation cancelled", False),
        ("Resource update cancelled", False),
        ("Resource creation cancelled because of another", False),
        ("Handler said: Resource creation cancelled", True),
        ("resource creation cancelled", True),
        ("", True),
    ],
)
def test_a_cancellation_is_known_by_the_beginning_of_its_reason(reason: str, is_cause: bool) -> None:
    timeline = Timeline(operation="create", request=Request())
    timeline.take(newest_first(history(f"A CREATE_FAILED {reason}", "B CREATE_FAILED a real one")))
    assert ("A" in [failure.logical_id for failure in timeline.failures]) is is_cause


def test_cancellations_are_told_when_there_is_nothing_else() -> None:
    timeline = Timeline(operation="create", request=Request())
    timeline.take(history("A CREATE_FAILED Resource creation cancelled"))
    assert [failure.logical_id for failure in timeline.failures] == ["A"]


def test_the_first_word_of_the_stack_is_the_cause_when_no_resource_failed() -> None:
    timeline = Timeline(operation="create", request=Request())
    lines = (
        "plldb CREATE_IN_PROGRESS",
        "plldb ROLLBACK_IN_PROGRESS no such role",
        "plldb ROLLBACK_COMPLETE x",
    )
    timeline.take(newest_first(history(*lines)))
    assert [failure.reason for failure in timeline.failures] == ["no such role"]


def test_an_operation_that_went_well_has_no_failures() -> None:
    timeline = Timeline(operation="create", request=Request())
    timeline.take(newest_first(history(*CREATION)))
    assert timeline.failures == ()


def test_a_skipped_resource_has_finished_and_has_not_failed() -> None:
    timeline = Timeline(operation="delete", request=Request(), resources=resources("Policy"))
    timeline.take(newest_first(history("plldb DELETE_IN_PROGRESS", "Policy DELETE_SKIPPED")))
    assert timeline.all_finished
    assert timeline.failures == ()
    assert not timeline.is_over()


def test_all_are_finished_only_while_none_has_begun_anew() -> None:
    timeline = Timeline(operation="create", request=Request(), resources=resources("Table", "Role"))
    finished = []
    for number, line in enumerate([*CREATION[:7], "Role DELETE_IN_PROGRESS"]):
        timeline.take(history(line, first=number))
        finished.append(timeline.all_finished)
    assert finished == [False] * 6 + [True, False]


def test_review_begins_and_ends_nothing() -> None:
    timeline = Timeline(operation="create", request=Request())
    timeline.take(history("plldb REVIEW_IN_PROGRESS User Initiated"))
    assert not timeline.is_over()
    timeline.take(newest_first(history(*CREATION, first=1)))
    assert timeline.outcome == "CREATE_COMPLETE"
    assert timeline.outcome_seconds == 7


def test_settle_ends_it_once_and_a_late_event_changes_nothing() -> None:
    timeline = Timeline(operation="create", request=Request())
    timeline.conclude(Status("CREATE_COMPLETE"))
    timeline.conclude(Status("ROLLBACK_COMPLETE"))
    timeline.take(newest_first(history(*FAILED_CREATION)))
    assert timeline.outcome == "CREATE_COMPLETE"


def test_a_validation_that_failed_is_not_the_end_but_its_rollback_is() -> None:
    began, failed, *rest = history(
        "plldb CREATE_IN_PROGRESS",
        "plldb CREATE_FAILED invalid",
        "plldb ROLLBACK_IN_PROGRESS",
        "plldb ROLLBACK_COMPLETE",
    )
    timeline = Timeline(operation="create", request=Request())
    timeline.take([replace(failed, detailed_status="VALIDATION_FAILED"), began])
    assert not timeline.is_over()
    timeline.take(newest_first(rest))
    assert timeline.outcome == "ROLLBACK_COMPLETE"
    assert [failure.reason for failure in timeline.failures] == ["invalid"]
