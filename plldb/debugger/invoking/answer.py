"""What Lambda answers to an invocation, as our values. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from plldb.debugger.events.invoke import FunctionError

_REPORT = re.compile(r"REPORT RequestId: ([0-9a-f-]{36})\b")


def read_answer(payload: bytes) -> tuple[Any, str]:
    """Return the answer as a JSON value, or, if it is none, None and the text as it came."""
    try:
        return json.loads(payload, parse_constant=_refuse), ""
    except (ValueError, RecursionError):
        return None, payload.decode(errors="replace")


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")  # though Python's runtime writes it


def read_log(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the lines at the end of the log."""
    text = base64.b64decode(answer.get("LogResult") or "").decode(errors="replace")
    return tuple(text.splitlines())


def read_request_id(answer: Mapping[str, Any], log: Sequence[str]) -> str:
    """Return the id that the function itself sees: an emulator may give the request another one."""
    found = [match[1] for line in log if (match := _REPORT.match(line))]
    return found[-1] if found else str(answer.get("ResponseMetadata", {}).get("RequestId", ""))


def read_error(answer: Mapping[str, Any], told: Any, text: str) -> FunctionError | None:
    """Return the error of a function, in the words of any runtime; ``told`` and ``text`` are its answer."""
    if not answer.get("FunctionError"):
        return None
    if not isinstance(told, dict):
        return FunctionError(type="", message=text or json.dumps(told), stack=())
    trace = told.get("stackTrace") or told.get("trace") or ()  # Python and Java; Node.js
    lines = [line for each in trace for line in str(each).splitlines()] if isinstance(trace, list) else []
    return FunctionError(
        type=str(told.get("errorType") or ""),
        message=str(told.get("errorMessage") or ""),
        stack=tuple(lines),
    )
