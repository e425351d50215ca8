"""What each status means."""

from __future__ import annotations

import pytest

from plldb.bootstrap.stack.statuses import StackStatus, Status

# What the letters stand for: r running, f failed, c complete, b rolling back, d deleting, h healthy.
STACK = {
    "CREATE_IN_PROGRESS": "r",
    "CREATE_FAILED": "f",
    "CREATE_COMPLETE": "ch",
    "ROLLBACK_IN_PROGRESS": "rb",
    "ROLLBACK_FAILED": "fb",
    "ROLLBACK_COMPLETE": "cb",
    "DELETE_IN_PROGRESS": "rd",
    "DELETE_FAILED": "fd",
    "DELETE_COMPLETE": "cdh",
    "UPDATE_IN_PROGRESS": "r",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "r",
    "UPDATE_COMPLETE": "ch",
    "UPDATE_FAILED": "f",
    "UPDATE_ROLLBACK_IN_PROGRESS": "rb",
    "UPDATE_ROLLBACK_FAILED": "fb",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "rb",
    "UPDATE_ROLLBACK_COMPLETE": "cb",
    "REVIEW_IN_PROGRESS": "",
    "IMPORT_IN_PROGRESS": "r",
    "IMPORT_COMPLETE": "ch",
    "IMPORT_ROLLBACK_IN_PROGRESS": "rb",
    "IMPORT_ROLLBACK_FAILED": "fb",
    "IMPORT_ROLLBACK_COMPLETE": "cb",
}
# ResourceStatus of the CloudFormation API, as far as it is not the same as a stack's.
RESOURCE = {
    "DELETE_SKIPPED": "cdh",
    "EXPORT_IN_PROGRESS": "r",
    "EXPORT_FAILED": "f",
    "EXPORT_COMPLETE": "ch",
    "EXPORT_ROLLBACK_IN_PROGRESS": "rb",
    "EXPORT_ROLLBACK_FAILED": "fb",
    "EXPORT_ROLLBACK_COMPLETE": "cb",
    "IMPORT_FAILED": "f",
    "": "",
    "SOMETHING_NEW": "",
    "SOMETHING_NEW_IN_PROGRESS": "r",
}


def letters(status: Status) -> str:
    properties = {
        "r": status.in_progress,
        "f": status.failed,
        "c": status.complete,
        "b": status.rolling_back,
        "d": status.deleting,
        "h": status.succeeded,
    }
    return "".join(letter for letter, holds in properties.items() if holds)


@pytest.mark.parametrize(("text", "meaning"), [*STACK.items(), *RESOURCE.items()])
def test_each_status_means_what_it_says(text: str, meaning: str) -> None:
    status = Status(text)
    assert letters(status) == meaning
    assert status.settled is (status.failed or status.complete)
    assert not (status.settled and status.in_progress)


def test_the_table_has_every_status_of_a_stack() -> None:
    assert {str(status) for status in StackStatus} == STACK.keys()
    assert len(STACK) == 23


def test_a_status_is_its_text() -> None:
    assert str(StackStatus.CREATE_COMPLETE) == "CREATE_COMPLETE"
    assert Status(StackStatus.CREATE_COMPLETE) == "CREATE_COMPLETE"
    assert f"{Status('CREATE_COMPLETE')}" == "CREATE_COMPLETE"
