"""What is known of a running operation: how far it is, what is waited for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from plldb.bootstrap.events.looks import BootstrapStatus
from plldb.bootstrap.events.stack import (
    ActionDecided,
    OperationFinished,
    OperationStarted,
    StackEvent,
    Started,
)

if TYPE_CHECKING:
    from plldb.bootstrap.events import Event

InFlight = Literal["no", "maybe", "yes"]


class Progress:
    """Fed with the events of one region in order, each with the time (POSIX seconds) at which it came.

    Attributes:
        region: where the operation runs; empty until that is known.
        in_flight: whether CloudFormation is at work. ``maybe`` after a decision whose request may or may
            not have been sent.
        creating: whether what is in flight makes the stack, so that a destroy undoes it and no more.
        total: resources that the operation may touch; None if not known.
    """

    def __init__(self) -> None:
        self.region = ""
        self.in_flight: InFlight = "no"
        self.creating = False
        self.operation: OperationStarted | None = None
        self.rolling_back = False
        self.total: int | None = None
        self._began: float | None = None
        self._seen: set[str] = set()
        self._done: set[str] = set()
        self._pending: dict[str, float] = {}
        self._skew = float("inf")

    def start(self, now: float) -> None:
        """Note that the run begins, at ``now``: AWS may take long to answer at all."""
        self._began = now

    def add(self, event: Event | BootstrapStatus, now: float) -> None:
        """Take the next event, which came at ``now``."""
        self._began = now if self._began is None else self._began
        match event:
            case Started() | BootstrapStatus():
                self.region = event.target.region
            case ActionDecided(action=action):
                self.in_flight = "no" if action == "nothing" else "maybe"
                self.creating = action == "create"
            case OperationStarted():
                self._begin(event, now)
            case StackEvent():
                self._note(event, now)
            case OperationFinished():
                self.in_flight = "no"
                self.operation = None
                self._pending.clear()

    @property
    def done(self) -> int:
        """How many resources have come to an end."""
        return len(self._done)

    def elapsed(self, now: float) -> float:
        """Seconds since the operation began, or since the run did while there is no operation."""
        return 0.0 if self._began is None else max(now - self._began, 0.0)

    def waiting(self, now: float) -> list[tuple[str, float]]:
        """The resources in progress and for how many seconds each, the longest first."""
        ages = [(name, max(now - began - self._skew, 0.0)) for name, began in self._pending.items()]
        return sorted(ages, key=lambda pair: -pair[1])

    def _begin(self, event: OperationStarted, now: float) -> None:
        self.in_flight = "no" if event.past else "yes"
        self.creating = event.operation == "create"
        self.operation = event
        self.total = event.resources
        self.rolling_back = event.operation == "rollback"
        self._began = now
        self._seen.clear()
        self._done.clear()
        self._pending.clear()

    def _note(self, event: StackEvent, now: float) -> None:
        stamp = event.timestamp.timestamp()
        # The clock here and that of AWS differ. The smallest difference seen is skew and little else, so ages
        # come out right even for events that were hours old when an attach read them.
        self._skew = min(self._skew, now - stamp)
        if event.is_stack:
            self._note_stack(event)
        elif event.status.in_progress:
            self._seen.add(event.logical_id)
            self._pending.setdefault(event.logical_id, stamp)
        else:
            self._done.add(event.logical_id)
            self._pending.pop(event.logical_id, None)

    def _note_stack(self, event: StackEvent) -> None:
        if not event.status.rolling_back or not event.status.in_progress or self.rolling_back:
            return
        # From here on the work is undone: what was begun is what there is to do.
        self.rolling_back = True
        self.total = len(self._seen) or None
        self._done.clear()
        self._pending.clear()
