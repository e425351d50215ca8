"""The live line of a bootstrap command. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.bootstrap.events.looks import BootstrapStatus
from plldb.bootstrap.events.stack import Started
from plldb.bootstrap.progress import Progress
from plldb.cli.output.live import Activity, Bar

if TYPE_CHECKING:
    from plldb.aws.place import Target
    from plldb.bootstrap.events import Event


class LiveProgress:
    """The library's progress of one region whose run began at ``began`` (POSIX seconds), put into words.

    Attributes:
        known: what the library makes of the events.
        target: where the operation runs; None until that is known.
    """

    def __init__(self, began: float) -> None:
        self.known = Progress()
        self.known.start(began)
        self.target: Target | None = None

    def add(self, event: Event | BootstrapStatus, now: float) -> None:
        """Take the next event."""
        if isinstance(event, Started | BootstrapStatus):
            self.target = event.target
        self.known.add(event, now)

    def activity(self, now: float) -> Activity:
        """Return what the region is busy with."""
        known, seconds = self.known, self.known.elapsed(now)
        if known.operation is None:
            return Activity(seconds=seconds, otherwise="working" if self.target else "waiting for AWS")
        verb = "undoing" if known.rolling_back else "waiting for"
        return Activity(
            seconds=seconds,
            bar=Bar(done=known.done, total=known.total, undoing=known.rolling_back),
            verb=verb,
            waiting=tuple(known.waiting(now)),
            otherwise=f"{verb} CloudFormation",
        )
