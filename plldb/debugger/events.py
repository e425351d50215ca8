"""What the debugger tells the world: a closed union of frozen values. Pure.

The last event of a stream carries its result; failures are raised, not yielded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from plldb.aws.place import Target
from plldb.errors import PlldbError

OperationName = Literal["attach", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Who acts where; the first event, before anything is changed. ``stack`` is empty if none was named."""

    kind: Literal["started"] = "started"
    operation: OperationName
    plldb_version: str
    target: Target
    stack: str


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


RestoreEvent = Started | FunctionRefused | VersionArmed | Restored | RestoreFinished
"""What `restore` may yield."""


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
class DebuggerStatus:
    """One look at who is attached to what."""

    kind: Literal["debugger_status"] = "debugger_status"
    target: Target
    stack: str
    functions: tuple[HeldFunction, ...]


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

    It is sent again and again. Told once, until something was accepted again.
    """

    kind: Literal["answers_delayed"] = "answers_delayed"
    error: PlldbError


ConnectionEvent = ConnectionLost | ConnectionRestored | AnswersDelayed
"""What an attached session tells of its connection."""

Event = RestoreEvent | DebuggerStatus | ConnectionEvent
"""Everything that the debugger can say."""
