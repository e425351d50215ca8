"""CloudFormation's words for the state of a stack and of a resource, and what they mean. Pure.

A status is wrapped here once; nobody tests its spelling elsewhere.
"""

from __future__ import annotations

from enum import Enum


class Status(str):
    """Status of the stack or of one of its resources.

    Open: CloudFormation adds values, and a new one must not end the stream.
    """

    __slots__ = ()

    @property
    def in_progress(self) -> bool:
        """Whether work goes on. Not so in review, where CloudFormation waits for a person."""
        return self.endswith("_IN_PROGRESS") and not self.startswith("REVIEW_")

    @property
    def failed(self) -> bool:
        """Whether it says that something failed (``CREATE_FAILED``, ``UPDATE_ROLLBACK_FAILED``, …)."""
        return self.endswith("_FAILED")

    @property
    def complete(self) -> bool:
        """Whether what was begun has been done (for a rollback: has been undone)."""
        return self.endswith(("_COMPLETE", "_SKIPPED"))

    @property
    def settled(self) -> bool:
        """Whether nothing goes on any more."""
        return self.failed or self.complete

    @property
    def rolling_back(self) -> bool:
        """Whether it belongs to the undoing of something that failed."""
        return "ROLLBACK" in self

    @property
    def deleting(self) -> bool:
        """Whether it belongs to a deletion."""
        return self.startswith("DELETE_")

    @property
    def succeeded(self) -> bool:
        """Whether, as the status of a stack, it says that what was asked for has been done."""
        return self.complete and not self.rolling_back


NO_STATUS = Status("")
"""That of an event which tells none."""


class StackStatus(Status, Enum):
    """Status of a stack, as DescribeStacks tells it (all 23 values of the CloudFormation API, 2026)."""

    __str__ = str.__str__

    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    ROLLBACK_COMPLETE = "ROLLBACK_COMPLETE"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_ROLLBACK_IN_PROGRESS = "UPDATE_ROLLBACK_IN_PROGRESS"
    UPDATE_ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
    UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_ROLLBACK_COMPLETE = "UPDATE_ROLLBACK_COMPLETE"
    REVIEW_IN_PROGRESS = "REVIEW_IN_PROGRESS"
    IMPORT_IN_PROGRESS = "IMPORT_IN_PROGRESS"
    IMPORT_COMPLETE = "IMPORT_COMPLETE"
    IMPORT_ROLLBACK_IN_PROGRESS = "IMPORT_ROLLBACK_IN_PROGRESS"
    IMPORT_ROLLBACK_FAILED = "IMPORT_ROLLBACK_FAILED"
    IMPORT_ROLLBACK_COMPLETE = "IMPORT_ROLLBACK_COMPLETE"

    @property
    def works(self) -> bool:
        """Whether the stack is whole: as it was asked for last, or as it was before a change that failed."""
        return self in (
            StackStatus.CREATE_COMPLETE,
            StackStatus.UPDATE_COMPLETE,
            StackStatus.UPDATE_ROLLBACK_COMPLETE,
            StackStatus.IMPORT_COMPLETE,
            StackStatus.IMPORT_ROLLBACK_COMPLETE,
        )
