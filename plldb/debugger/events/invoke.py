"""What `invoke` returns: the answer of a function, its log, and where it ran. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from plldb.aws.place import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionError:
    """The error that a function has answered.

    Attributes:
        type, message: as the function's runtime tells them; the type may be empty, as that of a timeout.
        stack: lines of its stack trace; empty if there is none.
    """

    type: str
    message: str
    stack: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """One event was sent to a function, and answered.

    Attributes:
        target: who sent it, where.
        function, function_version: the function's name, and the version that ran.
        request_id: Lambda's.
        seconds: from the request to the answer.
        answer: the answer, as a JSON value; None where it is no JSON.
        text: the answer as it came, where it is no JSON; else empty.
        error: what it has failed with; None if it has not.
        log: the end of its log in Lambda, 4 KB at most, in lines. What a function prints that runs on
            somebody's machine is not in it, but on the screen there.
        ran: ``machine``: on the machine ``host``, to which ``who`` has attached it; ``deployed``: the
            deployed code; ``unknown``: they have attached it, but this invocation is not noted there.
        who, host: the ARN of that person, and the name of the machine; empty if nobody takes this event.
        not_taken_by: who has attached it, where all their conditions are for other events: their ARNs.
    """

    kind: Literal["invoked"] = "invoked"
    target: Target
    function: str
    function_version: str
    request_id: str
    seconds: float
    answer: Any
    text: str
    error: FunctionError | None
    log: tuple[str, ...]
    ran: Literal["machine", "deployed", "unknown"]
    who: str
    host: str
    not_taken_by: tuple[str, ...] = ()

    @property
    def outcome(self) -> Literal["answered", "failed"]:
        """The result in a word."""
        return "answered" if self.error is None else "failed"
