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

    ``how``: it had and was restored, it had nothing, or there is no such function any more. A session that
    ends has nothing to do either with what somebody else holds by now.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFunction:
    """A function that will be armed.

    Attributes:
        function: its name.
        logical_id: in its stack; empty if no stack was named.
        handler: as in its configuration.
        folder: where its code lies on this machine.
        python: the interpreter that will run it.
    """

    function: str
    logical_id: str
    handler: str
    folder: str
    python: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachPlanned:
    """What attaching is about to change; nothing has been changed yet.

    Attributes:
        functions: those that will be armed.
        lease_until: when they are as deployed again by themselves, in POSIX seconds.
        debug_port: where debuggers may connect on this machine; None for none, 0 for a free port.
    """

    kind: Literal["attach_planned"] = "attach_planned"
    functions: tuple[PlannedFunction, ...]
    lease_until: int
    debug_port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConnected:
    """This machine is connected to the API; functions are armed next. ``seconds`` is how long it took."""

    kind: Literal["session_connected"] = "session_connected"
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionArmed:
    """A function is armed: from now on its invocations come here."""

    kind: Literal["function_armed"] = "function_armed"
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """All is ready.

    Attributes:
        functions: the names of those that are armed.
        debug_port: where debuggers may connect on 127.0.0.1; None for none.
        lease_until: when the functions are as deployed again by themselves, in POSIX seconds.
    """

    kind: Literal["attached"] = "attached"
    functions: tuple[str, ...]
    debug_port: int | None
    lease_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationStarted:
    """An invocation runs on this machine now.

    ``trigger`` says in a few words what invoked it, for people: ``SQS orders, 3 records``.
    """

    kind: Literal["invocation_started"] = "invocation_started"
    request_id: str
    function: str
    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One line that an invocation has printed."""

    kind: Literal["output"] = "output"
    request_id: str
    function: str
    stream: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationFinished:
    """An invocation has ended on this machine.

    Attributes:
        request_id, function: which one.
        outcome: ``answered``; ``failed``: its answer is an error; ``cancelled``: nobody waits for it.
        seconds: how long it took.
        error: the error in one line; empty if there is none.
        file, line: where in the user's own code that was raised; empty and 0 where it cannot be told.
    """

    kind: Literal["invocation_finished"] = "invocation_finished"
    request_id: str
    function: str
    outcome: Literal["answered", "failed", "cancelled"]
    seconds: float
    error: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRefused:
    """An invocation was not run, and its caller gets an error; ``reason`` is a sentence for people."""

    kind: Literal["invocation_refused"] = "invocation_refused"
    request_id: str
    function: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLost:
    """The answer to an invocation could not be delivered: its sandbox is silent."""

    kind: Literal["answer_lost"] = "answer_lost"
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRelayed:
    """A function may not reach this machine directly (403), but through the handlers; slower, told once."""

    kind: Literal["function_relayed"] = "function_relayed"
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSilent:
    """A function was invoked, and nothing of it came here: its deployed code has answered. Told once.

    ``version`` is the one that was invoked; only ``$LATEST`` is ever armed. If it is that one, its sandbox
    has no way to plldb's API.
    """

    kind: Literal["function_silent"] = "function_silent"
    function: str
    request_id: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDeployed:
    """A function was deployed, restored or deleted while it was armed: its invocations do not come here.

    Told once. To attach again arms what is deployed now. ``holder`` is the ARN of who has taken it over,
    empty if nobody has. What a deployment has left of plldb's on the function is taken out.
    """

    kind: Literal["function_deployed"] = "function_deployed"
    function: str
    holder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibilityDenied:
    """The messages of a queue cannot be hidden for longer while a function holds them here; told once.

    If that takes longer than the visibility timeout of the queue, Lambda gets them a second time.
    """

    kind: Literal["visibility_denied"] = "visibility_denied"
    function: str
    queue: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detaching:
    """No more invocations are taken; those under way may finish, then functions are restored.

    ``reason``: the caller asked for it, the lease has ended, or an error is about to be raised, which ends
    what is under way. ``in_hand`` counts the invocations that are under way.
    """

    kind: Literal["detaching"] = "detaching"
    reason: Literal["asked", "lease", "failed"]
    in_hand: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachFinished:
    """Nobody is attached any more.

    Attributes:
        invocations: how many ran here.
        failed: how many of them ended with an error.
        restored: how many functions are as deployed again.
        left_armed: the names of those that could not be restored.
    """

    kind: Literal["attach_finished"] = "attach_finished"
    invocations: int
    failed: int
    restored: int
    left_armed: tuple[str, ...]

    @property
    def outcome(self) -> Literal["detached", "left_armed"]:
        """The result in a word."""
        return "left_armed" if self.left_armed else "detached"


InvocationEvent = InvocationStarted | Output | InvocationFinished | InvocationRefused | AnswerLost
"""What an attached session tells of single invocations."""

AttachEvent = (
    Started
    | FunctionRefused
    | VersionArmed
    | AttachPlanned
    | SessionConnected
    | FunctionArmed
    | Attached
    | InvocationStarted
    | Output
    | InvocationFinished
    | InvocationRefused
    | AnswerLost
    | FunctionRelayed
    | FunctionSilent
    | FunctionDeployed
    | VisibilityDenied
    | ConnectionLost
    | ConnectionRestored
    | AnswersDelayed
    | Detaching
    | Restored
    | AttachFinished
)
"""What `attach` may yield."""

Event = RestoreEvent | AttachEvent
"""Everything that an operation of the debugger can say."""
