"""What `attach` tells: what it will change, what it has changed, how it ends. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plldb.debugger.events.connection import ConnectionEvent, SessionConnected
from plldb.debugger.events.functions import FunctionEvent
from plldb.debugger.events.invocations import EventsSkipped, InvocationEvent
from plldb.debugger.events.layers import LayerFetched, LayerMissing
from plldb.debugger.events.restore import (
    FunctionRefused,
    Restored,
    Started,
    TakeOverPlanned,
    VersionArmed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFunction:
    """A function that will be armed.

    Attributes:
        function: its name.
        stack: whose function it is; empty if it was named without a stack.
        logical_id: in its stack; empty as well then.
        handler: the one that is run: its own, if that of a vendor is deployed in front of it.
        folder: where its code lies on this machine.
        python: the interpreter that will run it.
        in_vpc: whether it is in a VPC, whose private hosts this machine may not reach.
        private_hosts: names of its variables that name such hosts, where the caller does not set them.
    """

    function: str
    stack: str = ""
    logical_id: str
    handler: str
    folder: str
    python: str
    in_vpc: bool = False
    private_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachPlanned:
    """What attaching is about to change; nothing has been changed yet.

    Attributes:
        functions: those that will be armed.
        lease_until: when they are as deployed again by themselves, in POSIX seconds.
        debug_port: where debuggers may connect on this machine; None for none, 0 for a free port.
        where: the conditions on which invocations will come here; empty if all will.
    """

    kind: Literal["attach_planned"] = "attach_planned"
    functions: tuple[PlannedFunction, ...]
    lease_until: int
    debug_port: int | None
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """All is ready.

    Attributes:
        functions: the names of those that are armed.
        debug_port: where debuggers may connect on 127.0.0.1; None for none.
        lease_until: when the functions are as deployed again by themselves, in POSIX seconds.
        followed: this program runs under a debugger, as an editor starts it, which debugs the functions too.
    """

    kind: Literal["attached"] = "attached"
    functions: tuple[str, ...]
    debug_port: int | None
    lease_until: int
    followed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchEntry:
    """What became of the entry for VS Code in a ``launch.json``.

    Attributes:
        file: where it is.
        change: ``created``: the file; ``added``: the entry; ``updated``: its port; ``unchanged``: it was
            there; ``refused``: the file is as it was, since it cannot be understood, or not be written.
        message: why, for people; empty unless it was refused.
    """

    kind: Literal["launch_entry"] = "launch_entry"
    file: str
    change: Literal["created", "added", "updated", "unchanged", "refused"]
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFailed:
    """An invocation could not be kept as a file in ``folder``; told once. The session goes on."""

    kind: Literal["recording_failed"] = "recording_failed"
    folder: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detaching:
    """No more invocations are taken; those under way may finish, then functions are restored.

    ``reason``: the caller asked for it, the lease has ended, nothing has come for as long
    as was asked for, the session holds no function any more (others
    have them, or they were given back), or an error is about to be raised, which ends what is under way.
    ``in_hand`` counts the invocations that are under way.
    """

    kind: Literal["detaching"] = "detaching"
    reason: Literal["asked", "lease", "idle", "none-left", "failed"]
    in_hand: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachFinished:
    """Nobody is attached any more.

    Attributes:
        invocations: how many ran here.
        failed: how many of them ended with an error.
        restored: how many functions are as deployed again.
        left_armed: the names of those that could not be restored.
        shared: how many others go on with.
    """

    kind: Literal["attach_finished"] = "attach_finished"
    invocations: int
    failed: int
    restored: int
    left_armed: tuple[str, ...]
    shared: int = 0

    @property
    def outcome(self) -> Literal["detached", "left_armed"]:
        """The result in a word."""
        return "left_armed" if self.left_armed else "detached"


SessionEvent = (
    LaunchEntry
    | AttachPlanned
    | SessionConnected
    | Attached
    | FunctionEvent
    | LayerFetched
    | LayerMissing
    | InvocationEvent
    | EventsSkipped
    | RecordingFailed
    | ConnectionEvent
    | Detaching
    | AttachFinished
)
"""What `attach` alone yields."""

AttachEvent = Started | FunctionRefused | VersionArmed | TakeOverPlanned | SessionEvent | Restored
"""What `attach` may yield."""
