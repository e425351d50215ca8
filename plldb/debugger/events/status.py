"""What `status` tells: who is attached to what. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plldb.aws.place import Target
from plldb.debugger.events.restore import HeldFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedSession:
    """A session that is attached, or was not ended properly.

    Attributes:
        who, host: the ARN of the caller, and the name of the machine.
        stack: what is debugged, with commas between several stacks; empty if none was named.
        since, until: when it began and when it ends at the latest, in POSIX seconds.
        connected: whether it can be reached. One that was killed, or whose machine is away, cannot: the
            deployed code answers.
    """

    who: str
    host: str
    stack: str
    since: int
    until: int
    connected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRecord:
    """An invocation that ran on somebody's machine.

    Attributes:
        request_id: Lambda's.
        function: its name.
        who, host: the ARN of the caller of plldb, and the name of the machine.
        at: when it came there for the last time, in POSIX seconds.
        attempts: how often it came there; Lambda repeats an event that failed under the same id.
        outcome: how it ended, a stable word; empty while it runs.
        seconds: how long the last attempt took.
    """

    request_id: str
    function: str
    who: str
    host: str
    at: int
    attempts: int
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DebuggerStatus:
    """One look at who is attached to what.

    Attributes:
        target: who looked, where.
        stack_name: what was looked at, with commas between several stacks; empty for all that is held or
            armed.
        functions: those of the stacks, or all that are held or armed.
        sessions: who is attached, or was and has not ended properly.
        invocations: the last ones that ran on somebody's machine, newest first.
    """

    kind: Literal["debugger_status"] = "debugger_status"
    target: Target
    stack_name: str
    functions: tuple[HeldFunction, ...]
    sessions: tuple[AttachedSession, ...]
    invocations: tuple[InvocationRecord, ...]

    @property
    def outcome(self) -> Literal["armed", "as_deployed"]:
        """The result in a word: whether any function is armed or held."""
        taken = any(each.armed or each.holders for each in self.functions)
        return "armed" if taken else "as_deployed"
