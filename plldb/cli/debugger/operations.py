"""The commands of the debugger as the runner knows them. Talks to AWS through the library."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from plldb.aws.place import Place
from plldb.cli.command import Command
from plldb.cli.debugger.explain import explain
from plldb.cli.debugger.invoke import invoked_text, read_event
from plldb.cli.debugger.lines import detached_text
from plldb.cli.debugger.progress import LiveProgress
from plldb.cli.debugger.status import status_text
from plldb.cli.debugger.words import Words, finished_text, question
from plldb.cli.output.lent import LentTerminal
from plldb.cli.output.renderer import Result
from plldb.debugger.attaching.options import AttachOptions
from plldb.debugger.events.attach import AttachFinished
from plldb.debugger.events.connection import SessionConnected
from plldb.debugger.events.invoke import Invoked
from plldb.debugger.events.restore import RestoreFinished
from plldb.debugger.events.status import DebuggerStatus
from plldb.debugger.invoking.event import check_event
from plldb.platforms import write_no_core

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager

    from plldb.cli.invocation import Invocation
    from plldb.debugger.events.attach import AttachEvent
    from plldb.debugger.events.restore import RestoreEvent

    Shown = RestoreEvent | AttachEvent | DebuggerStatus | Invoked
    Open = Callable[[Invocation, "Library", "_Door", str | None], AsyncGenerator[Shown, None]]


class Attachment(Protocol):
    """An attached session."""

    def __aiter__(self) -> AsyncIterator[AttachEvent]:
        """Its events."""

    def detach(self) -> None:
        """End it."""

    async def withdraw(self) -> None:
        """Let nobody find it any more."""


class Library(Protocol):
    """The part of `plldb.debugger` that the command line uses."""

    def attach(
        self, place: Place, stack: Sequence[str], functions: Sequence[str], options: AttachOptions
    ) -> AbstractAsyncContextManager[Attachment]:
        """Attach."""

    def restore(
        self, place: Place, stack: Sequence[str], functions: Sequence[str], *, take_over: bool
    ) -> AsyncGenerator[RestoreEvent, None]:
        """Put back."""

    async def status(self, place: Place, stack: Sequence[str]) -> DebuggerStatus:
        """Look."""

    async def invoke(self, place: Place, function: str, event: bytes, *, stack: str) -> Invoked:
        """Send an event."""


ENDS_AFTER_THIS = (
    "plldb takes no new invocations and ends after this one: c goes on with it. "
    "Ctrl-C again leaves functions armed"
)
"""What the first Ctrl-C says where a function has the terminal, since nothing else is shown there."""

PROMPT = "(Pdb) "
"""That of pdb, which asks there."""


class _Door:
    """What the first Ctrl-C goes through: the session that is attached, if there is one.

    ``terminal`` is the one that functions may have for pdb.
    """

    def __init__(self, terminal: LentTerminal) -> None:
        self.session: Attachment | None = None
        self.terminal = terminal

    def leave(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """Ask the session to end, and return what is done if that is broken off; None if there is none."""
        if self.session is None:
            return None
        self.session.detach()
        self.terminal.tell_borrower(ENDS_AFTER_THIS, PROMPT)
        return self.session.withdraw


def make_command(asked: Invocation, library: Library | None) -> Command[Shown, LiveProgress]:
    """Return what was asked for, ready to be run; ``library`` None: `plldb.debugger`."""
    lends = asked.values.get("no_debug", False) and asked.settings.output == "text"
    door = _Door(LentTerminal((sys.stdin, sys.stdout) if lends else ()))
    return Command(
        name=asked.name,
        open=partial(OPEN[asked.name], asked, library or _import_library(), door),
        words=lambda region: Words(asked, region).say,
        result=result_of,
        explain=partial(explain, asked),
        confirm=(lambda _: None) if asked.values.get("yes") else question,
        declined="nothing was changed",
        live=partial(LiveProgress, phase=PHASES.get(asked.name, "waiting for AWS")),
        changes_nothing=asked.name in ("status", "invoke"),
        leave=door.leave,
        is_lent=door.terminal.is_lent,
    )


PHASES = {"invoke": "waiting for the answer"}
"""What a command does before its first event."""


def _import_library() -> Library:
    from plldb import debugger

    return debugger


def _place(asked: Invocation, region: str | None) -> Place:
    return Place(profile=asked.settings.profile, region=region)


async def _attach(
    asked: Invocation, library: Library, door: _Door, region: str | None
) -> AsyncGenerator[AttachEvent, None]:
    write_no_core()
    values = asked.values
    options = AttachOptions(
        code=Path(values["code"]),
        folders={function: Path(folder) for function, folder in values["folders"].items()},
        variables=values["env"],
        python=Path(values["python"]) if values["python"] else None,
        debug_port=None if values["no_debug"] else values["debug_port"],
        write_launch=values["write_launch"],
        terminal=door.terminal.path,
        wait=values["wait"],
        hours=values["hours"],
        until_idle=values["until_idle"],
        own_credentials=values["credentials"] == "local",
        where=values["where"],
        record=Path(values["record"]) if values["record"] else None,
        take_over=values["take_over"],
        wait_for_sign_in=sys.stdin.isatty(),  # somebody is there who can
    )
    session = library.attach(_place(asked, region), values["stacks"], values["names"], options)
    async with session as attached:
        async for event in attached:
            if isinstance(event, SessionConnected):  # before, there is nothing to be put back
                door.session = attached
            yield event


def _restore(
    asked: Invocation, library: Library, _: _Door, region: str | None
) -> AsyncGenerator[RestoreEvent, None]:
    values = asked.values
    place = _place(asked, region)
    return library.restore(place, values["stacks"], values["names"], take_over=values["take_over"])


async def _status(
    asked: Invocation, library: Library, _: _Door, region: str | None
) -> AsyncGenerator[DebuggerStatus, None]:
    """A stream of one, so that status runs like everything else."""
    yield await library.status(_place(asked, region), asked.values["stacks"])


async def _invoke(
    asked: Invocation, library: Library, _: _Door, region: str | None
) -> AsyncGenerator[Invoked, None]:
    """A stream of one, too: a program gets one line."""
    values = asked.values
    given, data = values["event"], values["data"]
    event = check_event(os.fsencode(data), "--data") if data else await read_event(given, sys.stdin.buffer)
    *stacks, function = values["names"]
    yield await library.invoke(_place(asked, region), function, event, stack="".join(stacks))


OPEN: dict[str, Open] = {"attach": _attach, "restore": _restore, "status": _status, "invoke": _invoke}


def result_of(event: Shown) -> Result | None:
    """Return what an event says of the result; None if it is not the last of its stream."""
    match event:
        case RestoreFinished(refused=refused):
            return Result(name=event.outcome, summary=finished_text(event), exit_code=1 if refused else 0)
        case AttachFinished(left_armed=left):
            return Result(name=event.outcome, summary=detached_text(event), exit_code=1 if left else 0)
        case DebuggerStatus():
            return Result(name=event.outcome, summary=status_text(event))
        case Invoked(error=error):
            return Result(name=event.outcome, summary=invoked_text(event), exit_code=1 if error else 0)
        case _:
            return None
