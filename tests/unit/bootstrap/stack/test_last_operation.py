"""The newest operation in a history: its kind and where it begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plldb.bootstrap.events.stack import StackOperation
from plldb.bootstrap.stack.history import last_operation, operation_of
from plldb.bootstrap.stack.statuses import Status
from tests.unit.bootstrap.stack.histories import (
    CREATION,
    DELETION,
    FAILED_CREATION,
    FAILED_UPDATE,
    UPDATE,
    history,
    newest_first,
)

CONTINUED = (
    "plldb UPDATE_ROLLBACK_FAILED Function is in the way",
    "plldb UPDATE_ROLLBACK_IN_PROGRESS User Initiated",
    "Function UPDATE_COMPLETE",
    "plldb UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "plldb UPDATE_ROLLBACK_COMPLETE",
)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (CREATION, ("create", 8)),
        (CREATION[:3], ("create", 3)),
        (FAILED_CREATION, ("create", 9)),
        (("plldb REVIEW_IN_PROGRESS x", *CREATION), ("create", 8)),
        (CREATION + UPDATE, ("update", 5)),
        (CREATION + UPDATE[:1], ("update", 1)),
        (CREATION + FAILED_UPDATE, ("update", 7)),
        (CREATION + FAILED_UPDATE[:4], ("update", 4)),
        (CREATION + FAILED_UPDATE[:6] + CONTINUED, ("rollback", 4)),
        (CREATION + DELETION, ("delete", 6)),
        (CREATION[:4] + DELETION, ("delete", 6)),
        (CREATION + UPDATE[:2] + DELETION[:2], ("delete", 2)),
        (CREATION + DELETION[:2] + ("plldb DELETE_FAILED x",) + DELETION, ("delete", 6)),
        ((*CREATION, "plldb IMPORT_IN_PROGRESS", "plldb IMPORT_COMPLETE"), ("import", 2)),
        (("plldb CREATE_COMPLETE", "plldb UPDATE_COMPLETE"), None),
        (("plldb REVIEW_IN_PROGRESS x",), None),
        ((), None),
    ],
)
def test_the_newest_operation_is_found(
    lines: tuple[str, ...], expected: tuple[StackOperation, int] | None
) -> None:
    assert last_operation(newest_first(history(*lines)), whole=True) == expected


def test_more_of_the_history_is_wanted_until_the_beginning_is_certain() -> None:
    events = newest_first(history(*CREATION, *FAILED_UPDATE))
    found = [last_operation(events[:size], whole=False) for size in range(len(events))]
    assert found[:8] == [None] * 8
    assert found[8:] == [("update", 7)] * 7


@pytest.mark.parametrize(
    ("status", "operation"),
    [
        ("CREATE_IN_PROGRESS", "create"),
        ("UPDATE_IN_PROGRESS", "update"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "update"),
        ("DELETE_IN_PROGRESS", "delete"),
        ("IMPORT_IN_PROGRESS", "import"),
        ("ROLLBACK_IN_PROGRESS", "rollback"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "rollback"),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "rollback"),
        ("IMPORT_ROLLBACK_IN_PROGRESS", "rollback"),
        ("SOMETHING_NEW_IN_PROGRESS", "update"),
    ],
)
def test_each_status_in_progress_belongs_to_an_operation(status: str, operation: str) -> None:
    assert operation_of(Status(status)) == operation


def test_a_validation_that_failed_belongs_to_the_creation_that_is_rolled_back_after_it() -> None:
    began, failed, *rest = history(
        "plldb CREATE_IN_PROGRESS User Initiated",
        "plldb CREATE_FAILED Validation failed",
        "plldb ROLLBACK_IN_PROGRESS",
        "plldb ROLLBACK_COMPLETE",
    )
    events = [began, replace(failed, detailed_status="VALIDATION_FAILED"), *rest]
    assert last_operation(newest_first(events), whole=True) == ("create", 4)
