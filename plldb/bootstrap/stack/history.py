"""The events of a stack: each once, in order, and the operations that they belong to. Pure.

The list of operations is computed from all of the stack's own events in order of time, so it does not matter
in which order and in which pages they were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from plldb.bootstrap.events.stack import StackOperation, StartedBy
from plldb.bootstrap.stack.statuses import NO_STATUS, Status

TOKEN_PREFIX = "plldb-"
OPERATIONS: tuple[StackOperation, ...] = ("create", "update", "delete", "import")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEvent:
    """One stack event as DescribeStackEvents reports it. ``token`` and ``operation_id`` may be empty."""

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
    hook_type: str = ""
    hook_status: Status = NO_STATUS
    hook_warns: bool = False

    @property
    def is_cause(self) -> bool:
        """Whether it says why an operation fails: a resource failed, or a Hook while the work still goes on.

        What the stack says of itself is a summary.
        """
        hook_failed = self.hook_status.failed and not self.hook_warns
        return hook_failed or (self.status.failed and not self.is_stack)

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
        # A settled status of the stack, older than a beginning, ended the operation before this one.
        if began is not None and event.ends_operation:
            return operation_of(began.status), count
        if event.status.in_progress:
            began, count = event, index + 1
            # A deletion may begin while something else runs: it is an operation of its own.
            if event.status.deleting:
                return "delete", count
    return (operation_of(began.status), count) if began is not None and whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The request of this run whose operation is followed; an id that AWS does not report is empty."""

    token: str = ""
    operation_id: str = ""

    def began(self, event: RawEvent) -> bool:
        """Tell whether the operation that this event begins, or ends, is the one that was asked for.

        The token comes first: an automatic rollback may carry another operation id.
        """
        if event.token:
            return event.token == self.token
        if self.operation_id and event.operation_id:
            return event.operation_id == self.operation_id
        # AWS repeats our token in every event, so one with an operation id and no token is foreign;
        # moto reports neither.
        return not event.operation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One operation on the stack.

    Attributes:
        kind: of operation; a rollback belongs to what is rolled back.
        whose: who began it.
        began: when; None if only its end was reported, as by some emulators.
        end: when it ended; None while it runs, and if a deletion took its place.
        ended: the status that ended it; None like ``end``.
        ended_by: who the event that ended it belongs to. An update that somebody cancels is rolled back under
            the token of that request; but it may also be a late event of an earlier operation.
    """

    kind: StackOperation
    whose: StartedBy
    began: datetime | None
    end: datetime | None = None
    ended: Status | None = None
    ended_by: StartedBy | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs, and if its beginning was not reported."""
        return (self.end - self.began).total_seconds() if self.began and self.end else None

    def holds(self, event: RawEvent) -> bool:
        """Tell whether an event came while it ran."""
        began = self.began or self.end
        after = began is not None and began <= event.timestamp
        return after and (self.end is None or event.timestamp <= self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the segments say of the operation that is followed.

    Attributes:
        followed: the segment that ended it; None while it runs.
        overtaken: whether somebody else's operation took the place of ours.
        doubts: how many ends that are not ours have come while we waited for ours. They may be late events of
            an earlier operation, or the only end that will come: the status of the stack decides.
    """

    followed: Segment | None = None
    overtaken: bool = False
    doubts: int = 0


def whose(event: RawEvent, request: Request | None) -> StartedBy:
    """Return who began the operation that this event of the stack begins, or ends."""
    return "this_run" if request and request.began(event) else started_by(event.token)


def segments_of(root: Iterable[RawEvent], request: Request | None) -> tuple[Segment, ...]:
    """Return the operations in the stack's own events, which come oldest first."""
    found: list[Segment] = []
    for event in root:
        running = found.pop() if found and found[-1].ended is None else None
        if event.ends_operation:
            found.append(_ended(running, event, request))
        elif event.status.in_progress and (running is None or _interrupts(event, running)):
            found += [running] if running else []
            found.append(
                Segment(kind=operation_of(event.status), whose=whose(event, request), began=event.timestamp)
            )
        elif running:
            found.append(running)
    return tuple(found)


def _interrupts(event: RawEvent, running: Segment) -> bool:
    """A deletion may begin while something else runs."""
    return event.status.deleting and running.kind != "delete"


def _ended(running: Segment | None, event: RawEvent, request: Request | None) -> Segment:
    by = whose(event, request)
    if running is None:
        running = Segment(kind=operation_of(event.status), whose=by, began=None)
    elif not event.token:
        by = running.whose
    return replace(running, end=event.timestamp, ended=event.status, ended_by=by)


def judge(segments: Sequence[Segment], request: Request | None) -> Verdict:
    """Return what became of the operation of ``request``; without one, of the first that came to an end."""
    doubts = 0
    ours_was_cut_off = False
    for segment in segments:
        is_ours = segment.whose == "this_run"
        if ours_was_cut_off and not is_ours:
            return Verdict(overtaken=True, doubts=doubts)
        ours_was_cut_off = is_ours and segment.ended is None
        if segment.ended is None:
            continue
        if request is None or segment.ended_by == "this_run":
            return Verdict(followed=segment, doubts=doubts)
        if segment.ended.deleting and segment.ended.complete:
            # Whoever's deletion it was: nothing can follow.
            return Verdict(overtaken=True, doubts=doubts)
        doubts += 1
    return Verdict(doubts=doubts)
