"""What an attached session tells of its invocations. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What an invocation keeps waiting while it is held here, and how that ends.

    Attributes:
        name: for people, for example ``API Gateway``.
        seconds: how long it waits, as AWS documents it; 0 for as long as Lambda does.
        then: ``error``: whoever asked gets an error, and the answer is dropped; ``again``: it invokes the
            function once more; ``blocked``: the later records of the same shard wait.
    """

    name: str
    seconds: int
    then: Literal["error", "again", "blocked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationStarted:
    """An invocation runs on this machine now.

    Attributes:
        request_id, function: which one.
        trigger: what invoked it, in a few words, for people: ``SQS orders, 3 records``.
        caller: what is kept waiting; None where that cannot be known, or nothing is.
        repeats: the request id of an invocation that runs here for so long that its caller has probably
            stopped waiting, and asks again: this one has the same event; else empty.
    """

    kind: Literal["invocation_started"] = "invocation_started"
    request_id: str
    function: str
    trigger: str
    caller: Caller | None = None
    repeats: str = ""


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
        status_code: of an answer to HTTP, as ``statusCode`` says it; 0 if it has none.
    """

    kind: Literal["invocation_finished"] = "invocation_finished"
    request_id: str
    function: str
    outcome: Literal["answered", "failed", "cancelled"]
    seconds: float
    error: str = ""
    file: str = ""
    line: int = 0
    status_code: int = 0


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
class EventsSkipped:
    """The reader of the events stood still, so something is left out at this place.

    So many ``lines`` of output, and of so many ``invocations`` everything. They ran and were answered.
    """

    kind: Literal["events_skipped"] = "events_skipped"
    lines: int
    invocations: int


InvocationEvent = InvocationStarted | Output | InvocationFinished | InvocationRefused | AnswerLost
"""What an attached session tells of single invocations."""
