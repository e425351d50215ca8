"""What has invoked a function, what waits for it, and how that ended, in a few words. Pure.

The forms of events are those of the AWS Lambda Developer Guide, "Invoking Lambda with events from other
services". What is none of them was an Invoke with a payload of the caller's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from plldb.debugger.events.invocations import Caller, InvocationFinished
from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer

LONGEST_READ = 2**20
"""Bytes. What is longer is not read only to be described."""
LONGEST_WORD = 60

REST_API = 29
"""Seconds. "Integration timeout" in the quotas of REST and WebSocket APIs (API Gateway Developer Guide)."""
HTTP_API = 30
"""Seconds. "Maximum integration timeout" in the quotas of HTTP APIs (API Gateway Developer Guide)."""
LOAD_BALANCER = 60
"""Seconds. Default of the connection idle timeout (Elastic Load Balancing, Application Load Balancers)."""
APPSYNC = 30
"""Seconds. "Request execution time" in the quotas of AWS AppSync (AWS General Reference)."""
COGNITO = 5
"""Seconds, of which there are three tries (Cognito Developer Guide, user pools with Lambda triggers)."""
SHORTEST_WAIT = 45
"""Seconds. No AWS SDK's default is to stop waiting earlier: botocore's read_timeout is 60, Java's 1.x 50."""

_STREAMS = ("aws:dynamodb", "aws:kinesis", "aws:kafka")

_SOURCES = {
    "aws:sqs": ("SQS", "eventSourceARN", ":"),
    "aws:sns": ("SNS", "TopicArn", ":"),
    "aws:s3": ("S3", "", ""),
    "aws:dynamodb": ("DynamoDB", "eventSourceARN", "/"),
    "aws:kinesis": ("Kinesis", "eventSourceARN", "/"),
    "aws:kafka": ("Kafka", "topic", ""),
    "aws:codecommit": ("CodeCommit", "eventSourceARN", ":"),
    "aws:ses": ("SES", "", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What has invoked a function: in words, and what waits, as far as the event tells it."""

    words: str
    caller: Caller | None = None


def read_trigger(body: bytes) -> Trigger:
    """Say what an event is: ``SQS orders, 3 records``, ``POST /orders``, ``Invoke, 12 bytes``."""
    plain = f"Invoke, {len(body)} byte{'' if len(body) == 1 else 's'}"
    if len(body) > LONGEST_READ:
        return Trigger(words=plain)
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return Trigger(words=plain)
    if not isinstance(event, dict):
        return Trigger(words=plain)
    words = _by_records(event) or _by_request(event) or _by_kind(event) or plain
    return Trigger(words=words, caller=_caller_of(event))


def _caller_of(event: Mapping[str, Any]) -> Caller | None:
    """Return what waits, where the event tells it: a queue does not, since its messages are kept hidden.

    Nobody waits for what is invoked asynchronously; a function URL waits as long as Lambda.
    """
    context = event.get("requestContext")
    if isinstance(context, dict):
        return _waiting_client(event, context)
    if _get(event, "triggerSource"):
        return Caller(name="Cognito", seconds=COGNITO, then="again")
    if _get(event, "info", "fieldName"):
        return Caller(name="AppSync", seconds=APPSYNC, then="error")
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else event
    source = _get(first, "eventSource")
    if source in _STREAMS:
        return Caller(name=_SOURCES[source][0], seconds=0, then="blocked")
    return None


def _waiting_client(event: Mapping[str, Any], context: Mapping[str, Any]) -> Caller | None:
    if "elb" in context:
        return Caller(name="the load balancer", seconds=LOAD_BALANCER, then="error")
    if ".lambda-url." in _get(context, "domainName") or "apiId" not in context:
        return None
    seconds = HTTP_API if "version" in event else REST_API
    return Caller(name="API Gateway", seconds=seconds, then="error")


def find_repeated(
    running: Mapping[str, tuple[bytes, float]], request_id: str, body: bytes, now: float
) -> str:
    """Return the invocation that is probably asked for again: one with the same event, held for long.

    Args:
        running: the function's invocations that run, by request id: their events, and when they began.
        request_id: of a new invocation of the function; Lambda's own repetitions keep it.
        body: its event.
        now: by the same clock.
    """
    for other, (event, began) in running.items():
        if other != request_id and event == body and now - began >= SHORTEST_WAIT:
            return other
    return ""


def _by_records(event: Mapping[str, Any]) -> str:
    records = event.get("Records")
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        return ""
    first = records[0]
    source = str(first.get("eventSource") or first.get("EventSource") or "")
    if source not in _SOURCES:
        return ""
    name, member, separator = _SOURCES[source]
    where = first.get("Sns") if source == "aws:sns" else first
    thing = _get(where, member)
    if source == "aws:s3":
        thing = _get(first, "s3", "bucket", "name")
    elif source == "aws:dynamodb":  # arn:…:table/orders/stream/2026-…
        thing = thing.partition("/")[2].partition("/")[0]
    elif separator:
        thing = thing.rpartition(separator)[2]
    count = f"{len(records)} record{'' if len(records) == 1 else 's'}"
    return f"{name} {_short(thing)}, {count}" if thing else f"{name}, {count}"


def _by_request(event: Mapping[str, Any]) -> str:
    """HTTP APIs and function URLs, REST APIs, load balancers, WebSocket APIs."""
    http = _get(event, "requestContext", "http", "method")
    if http:
        return f"{_short(http)} {_short(_get(event, 'rawPath') or '/')}"
    if event.get("type") in ("TOKEN", "REQUEST") and "methodArn" in event:
        return f"authorizer of {_short(_get(event, 'methodArn').partition('/')[2])}"
    if isinstance(event.get("httpMethod"), str):
        return f"{_short(event['httpMethod'])} {_short(_get(event, 'path') or '/')}"
    if route := _get(event, "requestContext", "routeKey"):
        return f"WebSocket {_short(route)}"
    return ""


def _by_kind(event: Mapping[str, Any]) -> str:
    if "detail-type" in event and isinstance(event.get("source"), str):
        if event["source"] == "aws.events":
            return "schedule"
        return f"EventBridge {_short(event['source'])}, {_short(_get(event, 'detail-type'))}"
    if "awslogs" in event:
        return "CloudWatch Logs"
    if field := _get(event, "info", "fieldName"):
        return f"AppSync {_short(_get(event, 'info', 'parentTypeName'))}.{_short(field)}"
    if _get(event, "ResponseURL") and (request := _get(event, "RequestType")):
        return f"CloudFormation {_short(request)} {_short(_get(event, 'LogicalResourceId'))}"
    if trigger := _get(event, "triggerSource"):
        return f"Cognito {_short(trigger)}"
    if _get(event, "eventSource") == "aws:kafka" or "bootstrapServers" in event:
        return "Kafka"
    return ""


def _get(value: Any, *names: str) -> str:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_WORD else text[: LONGEST_WORD - 1] + "…"


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
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return Failure(error="error")
    kind, message = _get(told, "errorType"), _get(told, "errorMessage")
    error = ": ".join(filter(None, (kind, message.partition("\n")[0]))) or "error"
    trace = told.get("stackTrace") if isinstance(told, dict) else None
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
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return 0
    code = str(told.get("statusCode")) if isinstance(told, dict) else ""
    return int(code) if len(code) == 3 and code.isascii() and code.isdecimal() else 0


def _place(frame: str, folder: PurePath) -> tuple[str, int] | None:
    """Where a line such as ``File "/code/app.py", line 5, in handler`` points, if below the folder."""
    _, _, rest = frame.partition('File "')
    name, quote, rest = rest.partition('", line ')
    number = rest.partition(",")[0].strip()
    if not quote or not number.isdecimal() or not PurePath(name).is_relative_to(folder):
        return None
    inside = PurePath(name).relative_to(folder)
    ours = {"site-packages", ".venv", "venv"}.isdisjoint(inside.parts)
    return (str(inside), int(number)) if ours else None
