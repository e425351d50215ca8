"""Two histories that AWS really emitted, told by the timeline. `data/README.md` says where they are from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plldb.bootstrap.stack.history import RawEvent, Request, last_operation
from plldb.bootstrap.stack.timeline import Timeline
from tests.unit.bootstrap.stack.histories import history, newest_first

RECORDED = json.loads((Path(__file__).parent / "data" / "aws-event-histories.json").read_text())["histories"]
CREATED = "create through a change set"
STUCK = "create fails, rollback fails, delete fails, delete that retains the resource"


def recorded(name: str) -> list[RawEvent]:
    lines = []
    for event in RECORDED[name]:
        who = "plldb" if event["logical_id"] == "STACK" else event["logical_id"]
        lines.append(f"{who} {event['status']} {event['reason'] or ''}")
    return history(*lines)


def test_a_creation_through_a_change_set_ends_well() -> None:
    timeline = Timeline(operation="create", request=Request())
    told = timeline.take(newest_first(recorded(CREATED)))
    assert len(told) == 6
    assert timeline.outcome == "CREATE_COMPLETE"
    assert timeline.outcome_seconds == 4
    assert timeline.failures == ()


@pytest.mark.parametrize(
    ("begin", "end", "operation", "outcome", "failed"),
    [
        (0, 8, "create", "ROLLBACK_FAILED", ["CREATE_FAILED", "DELETE_FAILED"]),
        (8, 12, "delete", "DELETE_FAILED", ["DELETE_FAILED"]),
        (12, 15, "delete", "DELETE_COMPLETE", []),
    ],
)
def test_each_operation_of_a_stack_that_got_stuck_is_told_by_itself(
    begin: int, end: int, operation: str, outcome: str, failed: list[str]
) -> None:
    events = recorded(STUCK)[:end]
    assert last_operation(newest_first(events), whole=True) == (operation, end - begin)
    marker = frozenset(event.event_id for event in events[:begin])
    timeline = Timeline(operation="delete" if begin else "create", request=Request(), marker=marker)
    told = timeline.take(newest_first(events))
    assert len(told) == end - begin
    assert timeline.outcome == outcome
    assert [str(failure.status) for failure in timeline.failures] == failed
    assert {failure.logical_id for failure in timeline.failures} <= {"BrokenPolicy"}


def test_the_first_operation_ends_the_timeline_whatever_comes_after_it() -> None:
    timeline = Timeline(operation="create", request=Request())
    assert len(timeline.take(newest_first(recorded(STUCK)))) == 15
    assert timeline.outcome == "ROLLBACK_FAILED"
