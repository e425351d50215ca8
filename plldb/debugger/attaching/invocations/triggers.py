"""What has invoked a function, in a few words. Pure.

The forms of events are those of the AWS Lambda Developer Guide, "Invoking Lambda with events from other
services". What is none of them was an Invoke with a payload of the caller's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plldb.debugger.attaching.invocations.bodies import LONGEST_READ, get_text, read_object
from plldb.debugger.attaching.invocations.callers import find_caller
from plldb.debugger.events.invocations import Caller

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
    event = read_object(body)
    words = _by_records(event) or _by_request(event) or _by_kind(event) or plain
    return Trigger(words=words, caller=find_caller(event))


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
    thing = get_text(where, member)
    if source == "aws:s3":
        thing = get_text(first, "s3", "bucket", "name")
    elif source == "aws:dynamodb":  # arn:…:table/orders/stream/2026-…
        thing = thing.partition("/")[2].partition("/")[0]
    elif separator:
        thing = thing.rpartition(separator)[2]
    count = f"{len(records)} record{'' if len(records) == 1 else 's'}"
    return f"{name} {_short(thing)}, {count}" if thing else f"{name}, {count}"


def _by_request(event: Mapping[str, Any]) -> str:
    """HTTP APIs and function URLs, REST APIs, load balancers, WebSocket APIs."""
    http = get_text(event, "requestContext", "http", "method")
    if http:
        return f"{_short(http)} {_short(get_text(event, 'rawPath') or '/')}"
    if event.get("type") in ("TOKEN", "REQUEST") and "methodArn" in event:
        return f"authorizer of {_short(get_text(event, 'methodArn').partition('/')[2])}"
    if isinstance(event.get("httpMethod"), str):
        return f"{_short(event['httpMethod'])} {_short(get_text(event, 'path') or '/')}"
    if route := get_text(event, "requestContext", "routeKey"):
        return f"WebSocket {_short(route)}"
    return ""


def _by_kind(event: Mapping[str, Any]) -> str:
    if "detail-type" in event and isinstance(event.get("source"), str):
        if event["source"] == "aws.events":
            return "schedule"
        return f"EventBridge {_short(event['source'])}, {_short(get_text(event, 'detail-type'))}"
    if "awslogs" in event:
        return "CloudWatch Logs"
    if field := get_text(event, "info", "fieldName"):
        return f"AppSync {_short(get_text(event, 'info', 'parentTypeName'))}.{_short(field)}"
    if get_text(event, "ResponseURL") and (request := get_text(event, "RequestType")):
        return f"CloudFormation {_short(request)} {_short(get_text(event, 'LogicalResourceId'))}"
    if trigger := get_text(event, "triggerSource"):
        return f"Cognito {_short(trigger)}"
    if get_text(event, "eventSource") == "aws:kafka" or "bootstrapServers" in event:
        return "Kafka"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_WORD else text[: LONGEST_WORD - 1] + "…"
