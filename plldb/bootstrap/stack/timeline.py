"""One operation on a stack, event by event: whose, how long, how far, why it failed. Pure.

What is new, and what has ended, is for `history` to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from plldb.bootstrap.events.stack import Failure, StackEvent, StackOperation, StartedBy
from plldb.bootstrap.stack.history import (
    EventLog,
    RawEvent,
    Request,
    Segment,
    Verdict,
    in_order,
    judge,
    segments_of,
    started_by,
)
from plldb.bootstrap.stack.statuses import Status
from plldb.bootstrap.template import TemplateResource

# What CloudFormation writes for resources that it stopped because another one failed. Only the
# beginning counts: the same words in the middle of a reason may belong to a real error.
CANCELLED = ("Resource creation cancelled", "Resource update cancelled")


class Timeline:
    """One operation on a stack, fed with pages of events, newest first, as they are read.

    ``request`` is the request of this run that began it; None if another did.

    Attributes:
        operation: its kind.
        log: which events are known.
        began: when the first of its events did; None before that.
    """

    def __init__(
        self,
        *,
        operation: StackOperation,
        request: Request | None,
        marker: frozenset[str] = frozenset(),
        resources: Sequence[TemplateResource] = (),
    ) -> None:
        self.operation: StackOperation = operation
        self.log = EventLog(marker)
        self.began: datetime | None = None
        self._request = request
        self._lines = {each.logical_id: each.line for each in resources}
        self._root: list[RawEvent] = []
        self._segments: tuple[Segment, ...] = ()
        self._verdict = Verdict()
        self._concluded: Status | None = None
        self._started: dict[str, datetime] = {}
        self._latest: dict[str, tuple[datetime, bool]] = {}
        self._failures: list[Failure] = []

    def take(self, newest_first: Iterable[RawEvent]) -> list[StackEvent]:
        """Return what is new among the events read, oldest first."""
        fresh = self.log.take(newest_first)
        if root := [event for event in fresh if event.is_stack]:
            self._root = in_order([*self._root, *root])
            self._segments = segments_of(self._root, self._request)
            self._verdict = judge(self._segments, self._request)
        return [self._tell(event) for event in fresh]

    def conclude(self, status: Status) -> None:
        """Take the status of the stack itself as the outcome if no event has shown one."""
        if not self.is_over():
            self._concluded = status

    def is_over(self) -> bool:
        """Tell whether there is nothing left to wait for."""
        return self.outcome is not None or self._verdict.overtaken

    @property
    def outcome(self) -> Status | None:
        """The settled status that ended the operation; None while it runs, and if it was overtaken."""
        return self._concluded or (self._verdict.followed.ended if self._verdict.followed else None)

    @property
    def outcome_seconds(self) -> float | None:
        """How long the operation took; None if its events do not say that."""
        return self._verdict.followed.seconds if self._verdict.followed else None

    @property
    def overtaken(self) -> bool:
        """Whether somebody else's operation took the place of ours while it ran."""
        return self._verdict.overtaken

    @property
    def doubts(self) -> int:
        """How many ends have come that are not ours; see `Verdict`."""
        return self._verdict.doubts

    @property
    def all_finished(self) -> bool:
        """Whether every known resource has finished, so that only the stack is awaited."""
        return bool(self._lines) and all(self._latest.get(name, (None, False))[1] for name in self._lines)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed, root cause first. Cancellations are no causes, unless there is nothing else."""
        by_time = sorted(self._failures, key=lambda failure: failure.timestamp)
        causes = [failure for failure in by_time if not failure.reason.startswith(CANCELLED)]
        return tuple(causes or by_time or self._first_reason_of_the_stack())

    def _first_reason_of_the_stack(self) -> list[Failure]:
        reasons = (
            event
            for event in self._root
            if event.reason
            and (event.status.failed or event.status.rolling_back)
            and self._follows(self._whose(event))
        )
        return [failure_of(self._event(event)) for event in [*reasons][:1]]

    def _tell(self, raw: RawEvent) -> StackEvent:
        event = self._event(raw)
        if not self._follows(event.started_by):
            return event
        self.began = min(self.began or raw.timestamp, raw.timestamp)
        if raw.is_cause:
            self._failures.append(failure_of(event))
        return event

    def _event(self, raw: RawEvent) -> StackEvent:
        return StackEvent(
            event_id=raw.event_id,
            timestamp=raw.timestamp,
            logical_id=raw.logical_id,
            physical_id=raw.physical_id,
            resource_type=raw.resource_type,
            status=raw.status,
            reason=raw.reason,
            detailed_status=raw.detailed_status,
            is_stack=raw.is_stack,
            started_by=self._whose(raw),
            seconds=self._seconds_of_stack(raw) if raw.is_stack else self._seconds_of_resource(raw),
            template_line=self._lines.get(raw.logical_id),
            hook_type=raw.hook_type,
            hook_status=raw.hook_status,
        )

    def _follows(self, whose: StartedBy) -> bool:
        return (whose == "this_run") == (self._request is not None)

    def _whose(self, raw: RawEvent) -> StartedBy:
        """Return who began the operation that an event belongs to: its token says it, else its time."""
        if raw.token:
            ours = self._request is not None and self._request.token == raw.token
            return "this_run" if ours else started_by(raw.token)
        within = next((each for each in reversed(self._segments) if each.holds(raw)), None)
        if within is not None:
            return within.ended_by or within.whose if raw.ends_operation else within.whose
        return "others" if self._request is None else "this_run"

    def _seconds_of_stack(self, raw: RawEvent) -> float | None:
        if not raw.ends_operation:
            return None
        return next((each.seconds for each in self._segments if each.end == raw.timestamp), None)

    def _seconds_of_resource(self, raw: RawEvent) -> float | None:
        known = self._latest.get(raw.logical_id)
        if known is None or known[0] <= raw.timestamp:
            self._latest[raw.logical_id] = (raw.timestamp, raw.status.settled)
        if raw.status.in_progress:
            self._started.setdefault(raw.logical_id, raw.timestamp)
            return None
        started = self._started.get(raw.logical_id)
        if started is None or started > raw.timestamp:  # a late event: that began something newer
            return None
        del self._started[raw.logical_id]
        return (raw.timestamp - started).total_seconds()


def failure_of(event: StackEvent) -> Failure:
    """Return a failed event as a failure."""
    return Failure(
        logical_id=event.logical_id,
        resource_type=event.resource_type,
        physical_id=event.physical_id,
        # A hook fails while the resource itself is still in progress.
        status=event.status if event.status.failed else event.hook_status or event.status,
        reason=event.reason,
        timestamp=event.timestamp,
        seconds=event.seconds,
        template_line=event.template_line,
        hook_type=event.hook_type,
    )
