"""What the command line asks for, as values. Pure.

asyncclick's parsing gives a `Job`; nothing of it needs an event loop or AWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from plldb.aws.place import Place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from plldb.bootstrap.events import (
        BootstrapStatus,
        DestroyEvent,
        DoctorEvent,
        Event,
        SetupEvent,
        WatchEvent,
    )
    from plldb.bootstrap.options import SetupOptions

JobName = Literal["setup", "destroy", "watch", "status", "doctor"]
OutputName = Literal["text", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every command takes. No region: the one that AWS's own settings name."""

    profile: str | None = None
    regions: tuple[str, ...] = ()
    output: OutputName = "text"
    verbose: bool = False

    def place(self, region: str | None) -> Place:
        """Where to act in one of the regions."""
        return Place(region=region, profile=self.profile)


class Library(Protocol):
    """The part of `plldb.bootstrap` that the command line uses."""

    def setup(
        self, place: Place, options: SetupOptions, *, dry_run: bool
    ) -> AsyncGenerator[SetupEvent, None]:
        """Deploys."""

    def destroy(self, place: Place, *, keep_bucket: bool) -> AsyncGenerator[DestroyEvent, None]:
        """Removes."""

    def watch(self, place: Place) -> AsyncGenerator[WatchEvent, None]:
        """Follows."""

    def doctor(self, place: Place) -> AsyncGenerator[DoctorEvent, None]:
        """Examines."""

    async def status(self, place: Place) -> BootstrapStatus:
        """Looks."""


if TYPE_CHECKING:
    Shown = Event | BootstrapStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command, ready to be run in any number of regions.

    ``open`` starts it in one region; ``asks`` says that it wants a yes before it removes something;
    ``options`` are those of its command line that belong to no `Settings`: to do the same again.
    """

    name: JobName
    settings: Settings
    open: Callable[[Library, str | None], AsyncGenerator[Shown, None]]
    asks: bool = False
    options: tuple[str, ...] = ()
