"""The live line of a command of the debugger. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.output.live import Activity
from plldb.debugger.events import DebuggerStatus, Started

if TYPE_CHECKING:
    from plldb.aws.place import Target
    from plldb.debugger.events import Event


class LiveProgress:
    """What is known of one region's run that began at ``began`` (POSIX seconds).

    ``target`` is where it acts; None until that is known.
    """

    def __init__(self, began: float) -> None:
        self.target: Target | None = None
        self._began = began

    def add(self, event: Event | DebuggerStatus, now: float) -> None:  # noqa: ARG002 - the runner gives it
        """Take the next event."""
        if isinstance(event, Started | DebuggerStatus):
            self.target = event.target

    def activity(self, now: float) -> Activity:
        """Return what the region is busy with."""
        return Activity(seconds=now - self._began, otherwise="working" if self.target else "waiting for AWS")
