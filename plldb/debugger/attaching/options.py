"""How to attach, as one value. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from plldb.debugger.conditions import read_conditions
from plldb.debugger.errors import ConditionError
from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer, Identity, Sandbox
from plldb.debugger.workers.output import TellOutput
from plldb.debugger.workers.settings import FunctionSettings
from plldb.debugger.workers.source import Project
from plldb.errors import Hint
from plldb.limits import check_number


class Workers(Protocol):
    """What runs invocations; see `plldb.debugger.workers`."""

    @property
    def debug_port(self) -> int | None:
        """Where debuggers may connect; None for nowhere."""

    async def run(self, start: Start, tell_output: TellOutput, /) -> Answer | None:
        """Run one, and return its answer; None if it was cancelled."""

    def cancel(self, identity: Identity, /) -> None:
        """Stop one."""

    def end(self, sandbox: Sandbox, /) -> None:
        """End what is kept for a sandbox that is no more."""

    def release(self) -> None:
        """Hold no invocation any longer for a debugger that has not come."""


MOST_HOURS = 168
"""A week: what nobody thinks of any more is then as deployed again."""
LAST_PORT = 65535

OpenWorkers = Callable[[Project, Mapping[str, FunctionSettings]], AbstractAsyncContextManager[Workers]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachOptions:
    """How to attach.

    Attributes:
        code: folder of the code, or of the project.
        folders: of the code of single functions, by logical id or name; of the projects of stacks, by name.
        variables: set for every function on this machine, over its own. Secret.
        python: interpreter for the functions; None for that of the project's environment.
        debug_port: where debuggers may connect on 127.0.0.1; 0 for a free port, None for none.
        write_launch: add an entry for this session to ``.vscode/launch.json`` of the folder ``code``, or of
            the one above it that has that folder; `LaunchEntry` tells what became of it.
        terminal: path of a terminal where ``breakpoint()`` and pdb ask, one function at a time, if there is
            no port for debuggers; empty for none. While they do, they have an exclusive `fcntl.flock` on it.
        wait: hold the first invocation until a debugger is there.
        hours: how long, above 0 and at most 168; then the functions are as deployed by themselves.
        until_idle: end also once no invocation has come, and none has run, for so many seconds, above 0 and
            at most 604800, a week; None: do not.
        wait_for_sign_in: where AWS does not accept the caller's credentials any more when functions are to be
            restored, wait until it does, instead of leaving them armed. For callers whose person can sign in.
        own_credentials: functions run with the caller's own credentials instead of their role's.
        where: conditions such as ``headers.x-debug=me`` (see ``docs/invocations.md``). Only invocations whose
            events fulfil all of them come here; the others run the deployed code.
        record: folder in which each invocation is kept as a file, which `plldb.debugger.replay` runs again.
        take_over: take also what other sessions hold; `TakeOverPlanned` names it before anything is changed.

    Raises:
        SettingsError: a number is outside of what is possible; the message names it and the range.
    """

    code: Path = Path()
    folders: Mapping[str, Path] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    python: Path | None = None
    debug_port: int | None = 5678
    write_launch: bool = False
    terminal: str = ""
    wait: bool = False
    hours: float = 8.0
    until_idle: float | None = None
    own_credentials: bool = False
    where: tuple[str, ...] = ()
    record: Path | None = None
    take_over: bool = False
    wait_for_sign_in: bool = False

    def __post_init__(self) -> None:
        check_port("AttachOptions.debug_port", self.debug_port)
        check_number("AttachOptions.hours", self.hours, most=MOST_HOURS, above=True)
        if self.until_idle is not None:
            check_number("AttachOptions.until_idle", self.until_idle, most=MOST_HOURS * 3600, above=True)

    @property
    def project(self) -> Project:
        """The same as workers take it."""
        return Project(
            folder=self.code,
            code=self.folders,
            python=self.python,
            variables=self.variables,
            own_credentials=self.own_credentials,
            terminal=self.terminal,
        )


def check_port(name: str, port: int | None) -> None:
    """Raise SettingsError for what is no TCP port; None is none at all."""
    if port is not None:
        check_number(name, port, most=LAST_PORT, whole=True)


def check_conditions(where: tuple[str, ...]) -> None:
    """Raise ConditionError for what says nothing that could be asked of an event."""
    try:
        read_conditions(where)
    except ValueError as error:
        hint = Hint("fix-argument", "Name a path into the event and a pattern for what is there.")
        raise ConditionError(str(error), hint=hint) from None


DEFAULT_OPTIONS = AttachOptions()
