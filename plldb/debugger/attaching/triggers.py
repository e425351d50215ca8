"""What has invoked a function, and how that ended, in a few words. Pure.

The forms of events are those of the AWS Lambda Developer Guide, "Invoking Lambda with events from other
services". What is none of them was an Invoke with a payload of the caller's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

LONGEST_READ = 2**20
"""Bytes. What is longer is not read only to be described."""
LONGEST_WORD = 60

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


def describe_trigger(body: bytes) -> str:
    """Say what an event is: ``SQS orders, 3 records``, ``POST /orders``, ``Invoke, 12 bytes``."""
    plain = f"Invoke, {len(body)} byte{'' if len(body) == 1 else 's'}"
    if len(body) > LONGEST_READ:
        return plain
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return plain
    if not isinstance(event, dict):
        return plain
    return _by_records(event) or _by_request(event) or _by_kind(event) or plain


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
