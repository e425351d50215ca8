"""The commands of ``plldb bootstrap`` as the runner knows them. Talks to AWS through the library."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from plldb.aws.place import Place
from plldb.bootstrap.events.destroy import DestroyFinished, RemovalPlanned
from plldb.bootstrap.events.looks import BootstrapStatus, DoctorFinished, WatchFinished
from plldb.bootstrap.events.setup import SetupFinished, SetupPlanned
from plldb.bootstrap.options import SetupOptions
from plldb.cli.bootstrap.explain import explain
from plldb.cli.bootstrap.plans import question
from plldb.cli.bootstrap.progress import LiveProgress
from plldb.cli.bootstrap.status import verdict
from plldb.cli.bootstrap.words import Words
from plldb.cli.command import Command
from plldb.cli.output.renderer import Result
from plldb.cli.output.text import counted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from plldb.bootstrap.events import Event
    from plldb.bootstrap.events.destroy import DestroyEvent
    from plldb.bootstrap.events.looks import DoctorEvent, WatchEvent
    from plldb.bootstrap.events.setup import SetupEvent
    from plldb.cli.invocation import Invocation

    Shown = Event | BootstrapStatus
    Open = Callable[[Invocation, "Library", str | None], AsyncGenerator[Shown, None]]


class Library(Protocol):
    """The part of `plldb.bootstrap` that the command line uses."""

    def setup(
        self, place: Place, options: SetupOptions, *, dry_run: bool
    ) -> AsyncGenerator[SetupEvent, None]:
        """Deploy."""

    def destroy(
        self, place: Place, *, keep_bucket: bool, dry_run: bool
    ) -> AsyncGenerator[DestroyEvent, None]:
        """Delete."""

    def watch(self, place: Place) -> AsyncGenerator[WatchEvent, None]:
        """Follow."""

    def doctor(self, place: Place) -> AsyncGenerator[DoctorEvent, None]:
        """Examine."""

    async def status(self, place: Place) -> BootstrapStatus:
        """Look."""


def make_command(asked: Invocation, library: Library | None) -> Command[Shown, LiveProgress]:
    """Return what was asked for, ready to be run; ``library`` None: `plldb.bootstrap`."""
    return Command(
        name=asked.name,
        open=partial(OPEN[asked.name], asked, library or _import_library()),
        words=lambda region: Words(asked, region).say,
        result=partial(result_of, dry_run=asked.values.get("dry_run", False)),
        explain=partial(explain, asked),
        confirm=question if asked.name == "destroy" and _changes(asked) else lambda _: None,
        declined="nothing was deleted",
        live=LiveProgress,
        changes_nothing=asked.name in ("status", "doctor", "watch"),
    )


def _changes(asked: Invocation) -> bool:
    return not asked.values["yes"] and not asked.values["dry_run"]


def _import_library() -> Library:
    from plldb import bootstrap

    return bootstrap


def _place(asked: Invocation, region: str | None) -> Place:
    return Place(profile=asked.settings.profile, region=region)


def _setup(asked: Invocation, library: Library, region: str | None) -> AsyncGenerator[SetupEvent, None]:
    values = dict(asked.values)
    dry_run = values.pop("dry_run")
    return library.setup(_place(asked, region), SetupOptions(**values), dry_run=dry_run)


def _destroy(asked: Invocation, library: Library, region: str | None) -> AsyncGenerator[DestroyEvent, None]:
    keep, dry_run = asked.values["keep_bucket"], asked.values["dry_run"]
    return library.destroy(_place(asked, region), keep_bucket=keep, dry_run=dry_run)


async def _status(
    asked: Invocation, library: Library, region: str | None
) -> AsyncGenerator[BootstrapStatus, None]:
    """A stream of one, so that status runs like everything else."""
    yield await library.status(_place(asked, region))


OPEN: dict[str, Open] = {
    "setup": _setup,
    "destroy": _destroy,
    "watch": lambda asked, library, region: library.watch(_place(asked, region)),
    "status": _status,
    "doctor": lambda asked, library, region: library.doctor(_place(asked, region)),
}


def result_of(event: Shown, *, dry_run: bool = False) -> Result | None:
    """Return what an event says of the result; None if it is not the last of its stream."""
    match event:
        case SetupFinished(changed=changed) | DestroyFinished(changed=changed):
            return Result(name=event.outcome, summary=event.outcome if changed else "nothing to change")
        case SetupPlanned() | WatchFinished():
            return Result(name=event.outcome, summary=event.outcome)
        case RemovalPlanned() if dry_run:
            return Result(name=event.outcome, summary=event.outcome)
        case DoctorFinished(problems=problems):
            summary = counted(problems, "problem") if problems else "ready"
            return Result(name=event.outcome, summary=summary, exit_code=1 if problems else 0)
        case BootstrapStatus():
            return Result(
                name=event.outcome, summary=verdict(event).text, exit_code=0 if event.healthy else 1
            )
        case _:
            return None
