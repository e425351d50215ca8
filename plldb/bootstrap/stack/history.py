"""The events of a stack as CloudFormation tells them: each once, in order, and what they belong to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from plldb.bootstrap.events import StackOperation, StartedBy
from plldb.bootstrap.stack.statuses import Status

TOKEN_PREFIX = "plldb-"
OPERATIONS: tuple[StackOperation, ...] = ("create", "update", "delete", "import")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEvent:
    """One stack event as DescribeStackEvents tells it. ``token`` and ``operation_id`` may be empty."""

    event_id: str
    timestamp: datetime
    logical_id: str
    physical_id: str
    resource_type: str
    status: Status
    reason: str
    detailed_status: str
    is_stack: bool
    token: str
    operation_id: str

    @property
    def ends_operation(self) -> bool:
        """Whether nothing more comes of the operation. A validation that failed is still rolled back."""
        return self.is_stack and self.status.settled and self.detailed_status != "VALIDATION_FAILED"


class EventLog:
    """What has been read of a history: gives out what is new in a page, and knows nothing of its meaning.

    No clock decides what is new, and no timestamp: new is what has an id that was not known.

    Attributes:
        marker: ids of events that were there before; never given out.
    """

    def __init__(self, marker: frozenset[str] = frozenset()) -> None:
        self.marker = marker
        self._taken: set[str] = set()

    def knows(self, event_id: str) -> bool:
        """Tell whether an event was given out already, or was there before."""
        return event_id in self._taken or event_id in self.marker

    def take(self, newest_first: Iterable[RawEvent]) -> list[RawEvent]:
        """Return what is new among the events read, oldest first."""
        fresh: dict[str, RawEvent] = {}
        for event in newest_first:
            if not self.knows(event.event_id):
                fresh.setdefault(event.event_id, event)
        self._taken.update(fresh)
        return in_order(reversed(fresh.values()))


def in_order(events: Iterable[RawEvent]) -> list[RawEvent]:
    """Return events in the order of time; those of one instant stay in the order that they have."""
    return sorted(events, key=lambda event: event.timestamp)


def started_by(token: str) -> StartedBy:
    """Return who began an operation that this run did not begin, from the token of its request."""
    return "plldb" if token.startswith(TOKEN_PREFIX) else "others"


def operation_of(status: Status) -> StackOperation:
    """Return the kind of operation that a status in progress of a stack belongs to."""
    if status.rolling_back:
        return "rollback"
    for operation in OPERATIONS:
        if status.startswith(operation.upper()):
            return operation
    return "update"


def last_operation(newest_first: Sequence[RawEvent], *, whole: bool) -> tuple[StackOperation, int] | None:
    """Find the newest operation in a history: its kind, and how many of the events belong to it.

    None if the history does not reach back to its beginning; ``whole`` says that there is no more of it.
    """
    began: RawEvent | None = None
    count = 0
    for index, event in enumerate(newest_first):
        if not event.is_stack:
            continue
        # A settled word of the stack, older than a beginning, ends the operation before this one.
        if began is not None and event.ends_operation:
            return operation_of(began.status), count
        if event.status.in_progress:
            began, count = event, index + 1
            # A deletion may begin while something else runs: it is an operation of its own.
            if event.status.deleting:
                return "delete", count
    return (operation_of(began.status), count) if began is not None and whole else None
