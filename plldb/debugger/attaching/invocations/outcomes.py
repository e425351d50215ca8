"""How an invocation has ended, in a few words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from plldb.debugger.attaching.invocations.bodies import LONGEST_READ, get_text, read_object
from plldb.debugger.events.invocations import InvocationFinished
from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The error that a function has answered with.

    ``file`` and ``line`` are where in the user's own code it was raised, as far as that can be told; else
    empty and 0.
    """

    error: str
    file: str = ""
    line: int = 0


def describe_failure(body: bytes, folder: PurePath) -> Failure:
    """Read the error that awslambdaric reports; ``folder`` is where the user's code lies."""
    told = read_object(body)
    kind, message = get_text(told, "errorType"), get_text(told, "errorMessage")
    error = ": ".join(filter(None, (kind, message.partition("\n")[0]))) or "error"
    trace = told.get("stackTrace")
    for frame in reversed(trace if isinstance(trace, list) else []):
        if found := _place(str(frame), folder):
            return Failure(error=error, file=found[0], line=found[1])
    return Failure(error=error)


def finished_event(
    start: Start, answer: Answer | None, seconds: float, folder: PurePath
) -> InvocationFinished:
    """Return what is told of an invocation that has ended; without an answer it was cancelled."""
    failed = answer and answer.kind == "error"
    failure = describe_failure(answer.body, folder) if answer and failed else Failure(error="")
    outcome: Any = "cancelled" if answer is None else "failed" if failed else "answered"
    return InvocationFinished(
        request_id=start.identity.request_id,
        function=start.function,
        outcome=outcome,
        seconds=seconds,
        error=failure.error,
        file=failure.file,
        line=failure.line,
        status_code=read_status_code(answer.body) if answer else 0,
    )


def read_status_code(body: bytes) -> int:
    """Return the ``statusCode`` of an answer to HTTP, a number or digits; 0 if it has none."""
    if len(body) > LONGEST_READ or b'"statusCode"' not in body:
        return 0
    code = str(read_object(body).get("statusCode"))
    return int(code) if len(code) == 3 and code.isascii() and code.isdecimal() else 0


def _place(frame: str, folder: PurePath) -> tuple[str, int] | None:
    """Where a line such as ``File "/code/app.py", line 5, in handler`` points, if below the folder."""
    _, _, rest = frame.partition('File "')
    name, quote, rest = rest.partition('", line ')
    number = rest.partition(",")[0].strip()
    is_number = number.isdecimal() and len(number) < 10  # int() raises for more than 4,300 digits
    if not quote or not is_number or not PurePath(name).is_relative_to(folder):
        return None
    inside = PurePath(name).relative_to(folder)
    ours = {"site-packages", ".venv", "venv"}.isdisjoint(inside.parts)
    return (str(inside), int(number)) if ours else None
