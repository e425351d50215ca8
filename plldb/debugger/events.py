"""What the debugger tells the world: a closed union of frozen values. Pure.

The last event of a stream carries its result; failures are raised, not yielded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from plldb.aws.place import Target

OperationName = Literal["attach", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Who acts where; the first event, before anything is changed.

    ``stack_name`` is empty if none was named. ``dry_run``: whether nothing will be changed.
    """

    kind: Literal["started"] = "started"
    operation: OperationName
    plldb_version: str
    target: Target
    stack_name: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRefused:
    """A function was left as it is; the others go on.

    Attributes:
        function: its name.
        reason: a stable word for programs, for example ``held``, ``layers``, ``gone``.
        message: why, as the end of a sentence that begins with the function's name.
        holder: who holds it, where ``reason`` is ``held``; else empty.
        since: since when, in POSIX seconds; 0 where nobody holds it.
    """

    kind: Literal["function_refused"] = "function_refused"
    function: str
    reason: str
    message: str
    holder: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionArmed:
    """A version was published while the function was armed, and cannot be changed any more.

    It runs as deployed as soon as the lease has ended, and at once while nobody is attached. ``aliases``
    are those that point at it.
    """

    kind: Literal["version_armed"] = "version_armed"
    function: str
    version: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A function has nothing of plldb's on it.

    ``how``: it had and was restored, it had nothing, or there is no such function any more.
    """

    kind: Literal["restored"] = "restored"
    function: str
    how: Literal["restored", "nothing-to-do", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreFinished:
    """Restoring is done. ``restored`` counts functions that were changed, ``refused`` those left armed."""

    kind: Literal["restore_finished"] = "restore_finished"
    restored: int
    refused: int

    @property
    def outcome(self) -> Literal["restored", "unchanged", "not_restored"]:
        """The result in a word: ``not_restored`` if any function was left armed."""
        if self.refused:
            return "not_restored"
        return "restored" if self.restored else "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFunction:
    """A function that somebody holds, or that still has plldb's settings.

    Attributes:
        function: its name.
        armed: whether plldb's settings are on it.
        holder, host, stack: who holds it, on which machine, for which stack; empty if nobody does.
        since, lease_until: POSIX seconds; 0 if nobody holds it.
        versions: published versions that keep plldb's layer, with the aliases that point at each.
    """

    function: str
    armed: bool
    holder: str = ""
    host: str = ""
    stack: str = ""
    since: int = 0
    lease_until: int = 0
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOverPlanned:
    """These functions will be restored though other people hold them; nothing has been changed yet."""

    kind: Literal["take_over_planned"] = "take_over_planned"
    functions: tuple[HeldFunction, ...]


RestoreEvent = Started | TakeOverPlanned | FunctionRefused | VersionArmed | Restored | RestoreFinished
"""What `restore` may yield."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedSession:
    """A session that is attached, or was not ended properly.

    Attributes:
        who, host: the ARN of the caller, and the name of the machine.
        stack: the stack that is debugged; empty if none was named.
        since, until: when it began and when it ends at the latest, in POSIX seconds.
    """

    who: str
    host: str
    stack: str
    since: int
    until: int


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
        stack_name: what was looked at; empty for all that is held or armed.
        functions: those of the stack, or all that are held or armed.
        sessions: who is attached.
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
        taken = any(each.armed or each.holder for each in self.functions)
        return "armed" if taken else "as_deployed"


# --- an attached session -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLost:
    """The connection to the API broke; plldb connects again until it succeeds. ``reason`` is for people."""

    kind: Literal["connection_lost"] = "connection_lost"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRestored:
    """The connection is there again, after so many ``seconds``."""

    kind: Literal["connection_restored"] = "connection_restored"
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersDelayed:
    """AWS refuses what is sent to sandboxes, for example since the caller's credentials have ended.

    It is sent again and again. Told once, until something was accepted again. ``code`` and ``message`` are
    those of the exception.
    """

    kind: Literal["answers_delayed"] = "answers_delayed"
    code: str
    message: str


ConnectionEvent = ConnectionLost | ConnectionRestored | AnswersDelayed
"""What an attached session tells of its connection."""

Event = RestoreEvent | ConnectionEvent
"""Everything that an operation of the debugger can say."""
