"""Notices that what is armed does not come to this machine. Talks to CloudWatch Logs and Lambda.

A sandbox in a VPC may have no way to plldb's API: then the deployed code answers, and nobody would know why.
Lambda's log tells that it was invoked. A function whose first invocation has come is not looked at any more.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from plldb.aws.session import Aws
from plldb.debugger.arming.examine import Function
from plldb.debugger.arming.functions import read_function
from plldb.debugger.arming.mutex import read_hold
from plldb.debugger.arming.operate import Places
from plldb.debugger.arming.settings import is_touched, is_whole
from plldb.debugger.events.attach import FunctionDeployed, FunctionSilent
from plldb.debugger.pace import Pace
from plldb.debugger.workers.settings import FunctionSettings
from plldb.errors import AwsError, PlldbError

log = logging.getLogger(__name__)

PATTERNS = {"Text": "START", "JSON": '"platform.start"'}
"""What Lambda writes at the start of an invocation, by format (Developer Guide, "Lambda logs")."""
NO_GROUP = "ResourceNotFoundException"
LATEST = "$LATEST"

_ID = re.compile(r'(?:START RequestId: |"requestId"\s*:\s*")([0-9a-zA-Z-]+)')
_VERSION = re.compile(r'(?:Version: |"version"\s*:\s*")([^"\s]+)')


def read_start(message: str) -> tuple[str, str] | None:
    """Return request id and version of an invocation from the line that Lambda writes; else None. Pure."""
    found, version = _ID.search(message), _VERSION.search(message)
    return (found[1], version[1] if version else LATEST) if found else None


async def watch_silence(
    aws: Aws,
    functions: Mapping[str, FunctionSettings],
    heard: Callable[[str, str], bool],
    tell: Callable[[FunctionSilent], None],
    pace: Pace,
) -> None:
    """Look at the logs of functions until cancelled, or until there is nothing to look at any more.

    ``heard`` says whether an invocation has come here, by the name of the function and the request id; with
    an empty id, whether any has. What is in a log and has not come here is told once it is so a second time.
    """
    since = int(time.time() * 1000)
    left, suspected = dict(functions), set[str]()
    try:
        client = await aws.client("logs")
        while left:
            await asyncio.sleep(pace.look_at_logs)
            left = {name: each for name, each in left.items() if not heard(name, "")}
            for name, each in tuple(left.items()):
                silent = [
                    start for start in await _starts(aws, client, each, since) if not heard(name, start[0])
                ]
                for request_id, version in [start for start in silent if start[0] in suspected][:1]:
                    del left[name]
                    tell(FunctionSilent(function=name, request_id=request_id, version=version))
                suspected |= {request_id for request_id, _ in silent}
    except PlldbError as error:  # whoever may not read logs has no less of everything else
        log.info("the logs of functions are not looked at: %s", type(error).__name__)


async def watch_deployments(
    places: Places,
    tokens: Mapping[str, str],
    session: str,
    tell: Callable[[FunctionDeployed], None],
    put_back: Callable[[str], Awaitable[object]],
) -> None:
    """Look at functions until cancelled, or until none of them is armed by this session any more.

    A deployment may replace a part of what arming has put on a function: with the variables still there and
    the layer gone, every invocation would fail. Then ``put_back`` takes out the rest. ``tokens`` are by name.
    """
    left = dict(tokens)
    while left:
        await asyncio.sleep(places.functions.pace.look_at_functions)
        for name, token in tuple(left.items()):
            try:
                function = await read_function(places.functions, name)
                if function is not None and is_whole(function.settings, token):
                    continue
                other = await _other_holder(places, function, session)
            except PlldbError as error:  # perhaps the next look can be taken
                log.info("%s cannot be looked at: %s", name, type(error).__name__)
                continue
            del left[name]
            tell(FunctionDeployed(function=name, holder=other))
            if function is not None and not other and is_touched(function.settings):
                await put_back(name)


async def _other_holder(places: Places, function: Function | None, session: str) -> str:
    """Return the ARN of who has taken a function over; empty if nobody has."""
    hold = await read_hold(places.table, function.arn) if function else None
    return hold.holder.who if hold and hold.holder.session != session else ""


async def _starts(aws: Aws, client: Any, function: FunctionSettings, since: int) -> list[tuple[str, str]]:
    """Return the invocations that have begun since then (POSIX milliseconds)."""
    try:
        answer = await aws.call(
            client.filter_log_events,
            logGroupName=function.log_group,
            startTime=since,
            filterPattern=PATTERNS.get(function.log_format, PATTERNS["Text"]),
            limit=20,
        )
    except AwsError as error:
        if error.aws_code != NO_GROUP:  # it was never invoked
            raise
        return []
    found = [read_start(str(event.get("message", ""))) for event in answer.get("events") or ()]
    return [start for start in found if start is not None]
