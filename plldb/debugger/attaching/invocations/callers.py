"""What waits for the answer of an invocation, and for how long, as far as its event tells it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plldb.debugger.attaching.invocations.bodies import get_text
from plldb.debugger.events.invocations import Caller

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

_STREAMS = {"aws:dynamodb": "DynamoDB", "aws:kinesis": "Kinesis", "aws:kafka": "Kafka"}


def find_caller(event: Mapping[str, Any]) -> Caller | None:
    """Return what waits, where the event tells it: a queue does not, since its messages are kept hidden.

    Nobody waits for what is invoked asynchronously; a function URL waits as long as Lambda.
    """
    context = event.get("requestContext")
    if isinstance(context, dict):
        return _waiting_client(event, context)
    if get_text(event, "triggerSource"):
        return Caller(name="Cognito", seconds=COGNITO, then="again")
    if get_text(event, "info", "fieldName"):
        return Caller(name="AppSync", seconds=APPSYNC, then="error")
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else event
    if stream := _STREAMS.get(get_text(first, "eventSource")):
        return Caller(name=stream, seconds=0, then="blocked")
    return None


def _waiting_client(event: Mapping[str, Any], context: Mapping[str, Any]) -> Caller | None:
    if "elb" in context:
        return Caller(name="the load balancer", seconds=LOAD_BALANCER, then="error")
    if ".lambda-url." in get_text(context, "domainName") or "apiId" not in context:
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
