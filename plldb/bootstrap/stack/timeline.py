"""Raw stack events become one ordered stream, each event once: whose, how long, why. Pure.

No clock decides here, and no timestamp says what is new. What is new is what has an id that was not
known; what is over is said by an event of the stack itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from plldb.bootstrap.events import Failure, StackEvent, StackOperation, StartedBy
from plldb.bootstrap.stack.statuses import Status
from plldb.bootstrap.template import TemplateResource

TOKEN_PREFIX = "plldb-"
OPERATIONS: tuple[StackOperation, ...] = ("create", "update", "delete", "import")
# What CloudFormation writes for resources that it stopped because another one failed. Only the
# beginning counts: the same words in the middle of a reason may belong to a real error.
CANCELLED = ("Resource creation cancelled", "Resource update cancelled")


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


class Timeline:
    """One operation on a stack, fed with pages of events, newest first, as they are read.

    Attributes:
        marker: ids of events that were there before the operation; never shown.
        outcome: the settled status that ended the followed operation, None while it runs.
        overtaken: whether somebody else's operation took the place of ours while it ran.
        began: when the followed operation did, None before its first event.
        doubtful: whether an end that is not ours has come while ours was awaited. It may be a late word of
            what was before, or all that ever comes: an update that somebody cancels is undone under the
            token of who cancelled it. Only the stack itself can tell.
    """

    def __init__(
        self,
        *,
        operation: StackOperation,
        marker: frozenset[str] = frozenset(),
        ours: bool = True,
        token: str = "",
        operation_id: str = "",
        resources: Sequence[TemplateResource] = (),
    ) -> None:
        self.operation: StackOperation = operation
        self.marker = marker
        self.ours = ours
        self.outcome: Status | None = None
        self.outcome_seconds: float | None = None
        self.overtaken = False
        self.doubtful = False
        self.began: datetime | None = None
        self._token = token
        self._operation_id = operation_id
        self._lines = {each.logical_id: each.line for each in resources}
        self._seen: set[str] = set()
        self._began: dict[str, datetime] = {}
        self._finished: set[str] = set()
        self._failures: list[Failure] = []
        # Whose operation the events belong to that are being read; None between two operations.
        self._running: bool | None = None
        self._deleting = operation == "delete"
        self._last_word: StackEvent | None = None

    def knows(self, event_id: str) -> bool:
        """Tell whether an event was taken already, or was there before the operation."""
        return event_id in self._seen or event_id in self.marker

    def take(self, newest_first: Iterable[RawEvent]) -> list[StackEvent]:
        """Return what is new among the events read, oldest first."""
        unseen: dict[str, RawEvent] = {}
        for event in newest_first:
            if not self.knows(event.event_id):
                unseen.setdefault(event.event_id, event)
        self._seen.update(unseen)
        # A stable sort: within one instant the order of CloudFormation, reversed, is the order.
        oldest_first = [*reversed(unseen.values())]
        oldest_first.sort(key=lambda event: event.timestamp)
        return [self._tell(event) for event in oldest_first]

    def settle(self, status: Status) -> None:
        """Accept the status of the stack itself as the outcome, when no event tells it."""
        if not self.is_over():
            self.outcome = status

    def is_over(self) -> bool:
        """Tell whether there is nothing left to wait for."""
        return self.outcome is not None or self.overtaken

    @property
    def all_finished(self) -> bool:
        """Whether every known resource has finished, so that only the stack is awaited."""
        return bool(self._lines) and self._finished >= self._lines.keys()

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed, root cause first. Cancellations are no causes, unless there is nothing else."""
        in_order = sorted(self._failures, key=lambda failure: failure.timestamp)
        causes = [failure for failure in in_order if not failure.reason.startswith(CANCELLED)]
        return tuple(causes or in_order or self._word_of_the_stack())

    def _tell(self, raw: RawEvent) -> StackEvent:
        if raw.is_stack:
            self._follow_stack(raw)
        ours = self._is_ours(raw)
        followed = ours == self.ours
        event = StackEvent(
            event_id=raw.event_id,
            timestamp=raw.timestamp,
            logical_id=raw.logical_id,
            physical_id=raw.physical_id,
            resource_type=raw.resource_type,
            status=raw.status,
            reason=raw.reason,
            detailed_status=raw.detailed_status,
            is_stack=raw.is_stack,
            started_by="this_run" if ours else started_by(raw.token),
            seconds=self._time(raw),
            template_line=self._lines.get(raw.logical_id),
        )
        self._note(event, followed=followed)
        return event

    def _is_ours(self, raw: RawEvent) -> bool:
        running = self.ours if self._running is None else self._running
        if raw.ends_operation:
            self._running = None
        return self._is_mine(raw) if raw.token else running

    def _follow_stack(self, raw: RawEvent) -> None:
        """Keep track of whose operation runs, by the stack's own events."""
        taken_away = raw.status.deleting and not self._deleting and self._running is not None
        if raw.status.in_progress and (self._running is None or taken_away):
            was_ours, self._running = self._running, self._is_mine(raw)
            self._deleting = raw.status.deleting
            self.overtaken |= self.ours and was_ours is True and not self._running
        elif raw.ends_operation and self.outcome is None:
            # Some emulators tell the end only; and an event may come late, when another operation runs.
            running = self._is_mine(raw) if self._running is None or raw.token else self._running
            if running == self.ours:
                self.outcome = raw.status
            elif raw.status.deleting and raw.status.complete:
                self.overtaken = True  # whoever's deletion it was: nothing can follow
            else:
                self.doubtful = True
            self._running = running

    def _is_mine(self, raw: RawEvent) -> bool:
        """Tell whether the operation that this event belongs to, or begins, is the followed one.

        The token comes first: an automatic rollback may carry another operation id.
        """
        if not self.ours:
            return False
        if raw.token:
            return raw.token == self._token
        if self._operation_id and raw.operation_id:
            return raw.operation_id == self._operation_id
        # AWS repeats our token in every event, so one with an operation id and no token is foreign;
        # moto tells neither.
        return not raw.operation_id

    def _time(self, raw: RawEvent) -> float | None:
        if raw.status.in_progress:
            self._began.setdefault(raw.logical_id, raw.timestamp)
            return None
        began = self._began.get(raw.logical_id)
        if began is None or began > raw.timestamp:  # a late event: that is the beginning of something newer
            return None
        del self._began[raw.logical_id]
        return (raw.timestamp - began).total_seconds()

    def _note(self, event: StackEvent, *, followed: bool) -> None:
        if followed and self.began is None:
            self.began = event.timestamp
        if event.is_stack:
            if followed and event.reason and (event.status.failed or event.status.rolling_back):
                self._last_word = self._last_word or event
            if followed and self.outcome == event.status and self.outcome_seconds is None:
                self.outcome_seconds = event.seconds
        elif event.status.in_progress:
            self._finished.discard(event.logical_id)  # begun anew: a rollback, or a deletion after all
        elif event.status.settled:
            self._finished.add(event.logical_id)
            if event.status.failed and followed:
                self._failures.append(failure_of(event))

    def _word_of_the_stack(self) -> list[Failure]:
        return [failure_of(self._last_word)] if self._last_word else []


def failure_of(event: StackEvent) -> Failure:
    """Return a failed event as a failure."""
    return Failure(
        logical_id=event.logical_id,
        resource_type=event.resource_type,
        physical_id=event.physical_id,
        status=event.status,
        reason=event.reason,
        timestamp=event.timestamp,
        seconds=event.seconds,
        template_line=event.template_line,
    )


def started_by(token: str) -> StartedBy:
    """Return who began an operation that this run did not begin, from the token of its request."""
    return "plldb" if token.startswith(TOKEN_PREFIX) else "others"


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


def operation_of(status: Status) -> StackOperation:
    """Return the kind of operation that a status in progress of a stack belongs to."""
    if status.rolling_back:
        return "rollback"
    for operation in OPERATIONS:
        if status.startswith(operation.upper()):
            return operation
    return "update"
