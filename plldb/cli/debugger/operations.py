"""``plldb restore`` and ``plldb status`` as the runner knows them. Talks to AWS through the library."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from plldb.aws.place import Place
from plldb.cli.command import Command
from plldb.cli.debugger.explain import explain
from plldb.cli.debugger.progress import LiveProgress
from plldb.cli.debugger.status import status_text
from plldb.cli.debugger.words import Words, finished_text, question
from plldb.cli.output.renderer import Result
from plldb.debugger.events import DebuggerStatus, RestoreFinished

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from plldb.cli.command import Invocation
    from plldb.debugger.events import Event, RestoreEvent

    Shown = Event | DebuggerStatus
    Open = Callable[[Invocation, "Library", str | None], AsyncGenerator[Shown, None]]


class Library(Protocol):
    """The part of `plldb.debugger` that the command line uses."""

    def restore(self, place: Place, stack: str, *, take_over: bool) -> AsyncGenerator[RestoreEvent, None]:
        """Put back."""

    async def status(self, place: Place, stack: str) -> DebuggerStatus:
        """Look."""


def make_command(asked: Invocation, library: Library | None) -> Command[Shown, LiveProgress]:
    """Return what was asked for, ready to be run; ``library`` None: `plldb.debugger`."""
    return Command(
        name=asked.name,
        open=partial(OPEN[asked.name], asked, library or _import_library()),
        words=lambda region: Words(asked, region).say,
        result=result_of,
        explain=partial(explain, asked),
        confirm=(lambda _: None) if asked.values.get("yes") else question,
        declined="nothing was restored",
        live=LiveProgress,
        changes_nothing=asked.name == "status",
    )


def _import_library() -> Library:
    from plldb import debugger

    return debugger


def _place(asked: Invocation, region: str | None) -> Place:
    return Place(profile=asked.settings.profile, region=region)


def _restore(asked: Invocation, library: Library, region: str | None) -> AsyncGenerator[RestoreEvent, None]:
    values = asked.values
    return library.restore(_place(asked, region), values["stack"], take_over=values["take_over"])


async def _status(
    asked: Invocation, library: Library, region: str | None
) -> AsyncGenerator[DebuggerStatus, None]:
    """A stream of one, so that status runs like everything else."""
    yield await library.status(_place(asked, region), asked.values["stack"])


OPEN: dict[str, Open] = {"restore": _restore, "status": _status}


def result_of(event: Shown) -> Result | None:
    """Return what an event says of the result; None if it is not the last of its stream."""
    match event:
        case RestoreFinished(refused=refused):
            return Result(name=event.outcome, summary=finished_text(event), exit_code=1 if refused else 0)
        case DebuggerStatus():
            return Result(name=event.outcome, summary=status_text(event))
        case _:
            return None
