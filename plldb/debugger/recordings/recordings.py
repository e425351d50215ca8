"""An invocation as it is kept in a file: JSON that a person can read and change. Pure.

What runs it again is in there: the function's settings but its variables, what its context needs, and the
event. Credentials are not, nor is anything of the sandbox's environment. What the event itself contains is.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from plldb.debugger.errors import RecordingError
from plldb.debugger.protocol.invocations import Answer, Invocation
from plldb.debugger.workers.project.handlers import own_handlers
from plldb.debugger.workers.settings import FunctionSettings
from plldb.errors import Hint

FORM = "plldb recording 1"
"""The first word of each file; the number changes with the form."""

REQUEST_ID = "lambda-runtime-aws-request-id"
DEADLINE = "lambda-runtime-deadline-ms"
"""Not kept: it is over by the time that the invocation is run again, and counted anew."""

LONGEST = 900
"""Seconds of a function's timeout (AWS Lambda quotas)."""
_HEADER = re.compile(r"lambda-runtime-[a-z0-9-]{1,100}")
_LAYER = re.compile(r"arn:[a-z0-9:-]{1,60}:layer:[A-Za-z0-9_-]{1,140}:[0-9]{1,10}")
NO_RECORDING = Hint("fix-argument", "Give files that an attached session has recorded.")
"""What to do where a file is none."""
_NOT_JSON = Hint(
    "fix-argument",
    "If you have changed it, mend it there; else give files that an attached session has recorded.",
)
_OTHER_VERSION = Hint(
    "fix-argument", "Record the invocation again, or replay the file with the version of plldb that wrote it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An invocation and what became of it.

    Attributes:
        function: its settings; the variables are left out, since they may be secret.
        headers: what Lambda told besides the event: what the context is made of.
        log_stream: of the sandbox, which the context names.
        event: as JSON.
        at: when Lambda delivered it, in seconds of the epoch.
        outcome: ``answered``, ``failed`` or ``cancelled``.
        seconds: how long it took.
        answer: as JSON, an error too; None if there was none.
    """

    function: FunctionSettings
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    log_stream: str
    event: bytes = field(repr=False)
    at: float
    outcome: str
    seconds: float
    answer: bytes | None = field(repr=False)

    @property
    def request_id(self) -> str:
        """Lambda's."""
        return dict(self.headers)[REQUEST_ID]

    @property
    def name(self) -> str:
        """The beginning of a name for its file: sorted by time."""
        when = datetime.fromtimestamp(self.at, UTC)
        return f"{when:%Y%m%dT%H%M%S}.{when.microsecond // 1000:03}Z-{self.function.name}"


def make_recording(
    function: FunctionSettings, invocation: Invocation, answer: Answer | None, outcome: str, seconds: float
) -> Recording:
    """Return what is kept of an invocation that has ended."""
    return Recording(
        # That of a vendor in front of it would be looked up in the variables.
        function=replace(function, handler=own_handlers(function)[0], variables={}),
        headers=tuple(pair for pair in invocation.headers if pair[0] != DEADLINE),
        log_stream=invocation.log_stream,
        event=invocation.body,
        at=invocation.delivered,
        outcome=outcome,
        seconds=round(seconds, 3),
        answer=answer.body if answer else None,
    )


def write_recording(recording: Recording) -> str:
    """Return the text of a file."""
    try:
        return _write(recording, _content)
    except RecursionError:  # Python reads a little deeper than it writes, 3.12 much
        return _write(recording, _coded)


def _write(recording: Recording, content: Callable[[str, bytes], Mapping[str, object]]) -> str:
    function = {name: value for name, value in asdict(recording.function).items() if name in _DEFAULTS}
    when = datetime.fromtimestamp(recording.at, UTC).isoformat(timespec="milliseconds")
    fields = {
        "form": FORM,
        "time": when.replace("+00:00", "Z"),
        "function": function,
        "context": dict(recording.headers),
        "log_stream": recording.log_stream,
        **content("event", recording.event),
        "outcome": recording.outcome,
        "seconds": recording.seconds,
        **({} if recording.answer is None else content("answer", recording.answer)),
    }
    return json.dumps(fields, indent=2) + "\n"


def _content(name: str, body: bytes) -> Mapping[str, object]:
    """Return a body as the JSON that it holds, so that it can be read and changed; else in base64."""
    try:
        return {name: json.loads(body)}
    except (ValueError, RecursionError):
        return _coded(name, body)


def _coded(name: str, body: bytes) -> Mapping[str, object]:
    return {f"{name}_base64": binascii.b2a_base64(body, newline=False).decode()}


def read_recording(data: bytes, name: str) -> Recording:
    """Return what a file says; ``name`` is for messages.

    Raises:
        RecordingError: it is no recording, or one of another version, or damaged.
    """
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{name} is not JSON: {_why_not(data, error)}.", hint=_NOT_JSON) from None
    form = fields.get("form") if isinstance(fields, dict) else None
    if form != FORM:
        what = f"it says {form!r}, not {FORM!r}" if isinstance(form, str) else "it does not begin as one"
        hint = _OTHER_VERSION if isinstance(form, str) else NO_RECORDING
        raise RecordingError(f"{name} is no recording that this version can read: {what}.", hint=hint)
    try:
        return _recording_of(fields)
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RecordingError(
            f"{name} is damaged: {error or type(error).__name__}.", hint=NO_RECORDING
        ) from None


def _why_not(data: bytes, error: ValueError | RecursionError) -> str:
    """Say where a text ceases to be JSON, for whoever has changed it, and why."""
    match error:
        case _ if not data.strip():
            return "it is empty"
        case json.JSONDecodeError():
            return f"line {error.lineno}, column {error.colno}: {error.msg}"
        case UnicodeDecodeError():
            line = data.count(b"\n", 0, error.start) + 1
            return f"line {line}: it is not written in UTF-8"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return str(error)


def _recording_of(fields: Mapping[str, Any]) -> Recording:
    event = _body(fields, "event")
    if event is None:
        raise LookupError("it has no event")
    recording = Recording(
        function=_function_of(fields),
        headers=tuple(_headers_of(fields)),
        log_stream=_text(fields, "log_stream"),
        event=event,
        at=datetime.fromisoformat(_text(fields, "time")).timestamp(),
        outcome=_text(fields, "outcome"),
        seconds=float(fields.get("seconds", 0)),
        answer=_body(fields, "answer"),
    )
    if REQUEST_ID not in dict(recording.headers):
        raise LookupError(f"its context has no {REQUEST_ID}")
    return recording


def _function_of(fields: Mapping[str, Any]) -> FunctionSettings:
    function = fields.get("function")
    if not isinstance(function, dict):
        raise LookupError("it has no function")
    known = {name: value for name, value in function.items() if name in _DEFAULTS}
    layers = tuple(_layers_of(known.pop("layers", [])))
    wrong = [
        name
        for name, value in known.items()
        if type(value) is not type(_DEFAULTS[name])
        or not str(value).isprintable()
        or (name == "timeout" and not 0 < value <= LONGEST)
    ]
    missing = [name for name in ("name", "handler") if not known.get(name)]
    if wrong or missing:
        raise LookupError(f"its function has no usable {(wrong or missing)[0]}")
    return replace(_NO_FUNCTION, **known, layers=layers)


def _layers_of(layers: object) -> list[str]:
    # They name folders of the cache.
    arns: list[Any] = layers if isinstance(layers, list) else [None]
    if not all(isinstance(arn, str) and _LAYER.fullmatch(arn) for arn in arns):
        raise LookupError("its function has no usable layers")
    return arns


_NO_FUNCTION = FunctionSettings(name="", arn="", handler="", runtime="")
_DEFAULTS = {name: value for name, value in asdict(_NO_FUNCTION).items() if name != "variables"}


def _headers_of(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    context = fields.get("context")
    if not isinstance(context, dict):
        raise LookupError("it has no context")
    for name, value in context.items():
        # They become lines of a message to the worker. Text that is not ASCII comes byte by byte.
        if not _HEADER.fullmatch(name) or not isinstance(value, str) or {*value} & {*"\r\n\0"}:
            raise LookupError(f"its context has an unusable {name[:100]!r}")
    return [*context.items()]


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.isprintable():
        raise LookupError(f"it has no usable {name}")
    return value


def _body(fields: Mapping[str, Any], name: str) -> bytes | None:
    if name in fields:
        return json.dumps(fields[name], separators=(",", ":")).encode()
    coded = fields.get(f"{name}_base64")
    return binascii.a2b_base64(coded) if isinstance(coded, str) else None
