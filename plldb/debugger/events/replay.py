"""What `replay` tells. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plldb.debugger.events.attach import PlannedFunction
from plldb.debugger.events.invocations import EventsSkipped, InvocationFinished, InvocationStarted, Output


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayStarted:
    """The recordings have been read, the code of their functions was found, and a debugger can connect.

    Attributes:
        plldb_version: of plldb.
        files: how many recordings will be run.
        functions: those that they are of.
        debug_port: where debuggers may connect on 127.0.0.1; None for none.
        followed: whether the debugger under which this program runs stops in the functions.
    """

    kind: Literal["replay_started"] = "replay_started"
    plldb_version: str
    files: int
    functions: tuple[PlannedFunction, ...]
    debug_port: int | None
    followed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A recorded invocation was run again; comes after its `InvocationFinished`.

    Attributes:
        file: its recording.
        request_id: the recorded one, which it had again.
        outcome: ``answered``, or ``failed``: its answer is an error.
        answer: what it answered now, as JSON.
        recorded_outcome, recorded_answer: what it did when it was recorded; an empty answer if it had none.
        same: whether it ended as it was recorded. Of errors only type and message are compared.
    """

    kind: Literal["replayed"] = "replayed"
    file: str
    request_id: str
    outcome: str
    answer: str
    recorded_outcome: str
    recorded_answer: str
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFinished:
    """All recordings were run. ``differing`` counts those that have not ended as they were recorded."""

    kind: Literal["replay_finished"] = "replay_finished"
    invocations: int
    failed: int
    differing: int

    @property
    def outcome(self) -> Literal["answered", "failed"]:
        """The result in a word: ``failed`` if any handler has failed."""
        return "failed" if self.failed else "answered"


ReplayEvent = (
    ReplayStarted
    | InvocationStarted
    | Output
    | InvocationFinished
    | EventsSkipped
    | Replayed
    | ReplayFinished
)
"""What `replay` may yield."""
