"""What a renderer asks of a run's progress. Pure.

In a module of its own, since commands are described with it: a help page must not pay for the renderers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from plldb.cli.output.live import Activity


class Progress(Protocol):
    """What is known of one region's run: fed with its events in order."""

    def add(self, event: Any, now: float) -> None:
        """Take the next event, which came at ``now`` (POSIX seconds)."""

    def activity(self, now: float) -> Activity:
        """Return what the region is busy with."""


ProgressT = TypeVar("ProgressT", bound=Progress)
