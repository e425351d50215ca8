"""Notices that what is armed does not come to this machine. Talks to CloudWatch Logs.

A sandbox in a VPC may have no way to plldb's API: then the deployed code answers, and nobody would know why.
Lambda's log tells that it was invoked. A function whose first invocation has come is not looked at any more.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping

from plldb.aws.session import Aws
from plldb.debugger.arming.functions import LATEST
from plldb.debugger.events.functions import FunctionSilent
from plldb.debugger.pace import Pace
from plldb.debugger.workers.settings import FunctionSettings
from plldb.errors import AccessDeniedError, AwsError, PlldbError

log = logging.getLogger(__name__)

PATTERNS = {"Text": "START", "JSON": '"platform.start"'}
"""What Lambda writes at the start of an invocation, by format (Developer Guide, "Lambda logs")."""
NO_GROUP = "ResourceNotFoundException"

_ID = re.compile(r'(?:START RequestId: |"requestId"\s*:\s*")([0-9a-zA-Z-]+)')
_VERSION = re.compile(r'(?:Version: |"version"\s*:\s*")([^"\s]+)')


def read_start(message: str) -> tuple[str, str] | None:
    """Return request id and version of an invocation from the line that Lambda writes; else None. Pure."""
    found, version = _ID.search(message), _VERSION.search(message)
    return (found[1], version[1] if version else LATEST) if found else None


async def watch_silence(
    aws: Aws,
    functions: Mapping[str, FunctionSettings],
    heard: Callable[[str], bool],
    tell: Callable[[FunctionSilent], None],
    pace: Pace,
    *,
    some: bool = False,
) -> None:
    """Look at the logs of functions until cancelled, or until there is nothing to look at any more.

    ``heard`` says whether any invocation of a function has come here. What is in a log of one from which none
    has is told once it is there a second time. ``some``: the session has
    conditions, so an invocation that has not come tells nothing but its version.
    """
    since = int(time.time() * 1000)
    left, suspected = dict(functions), set[str]()
    while left:
        await asyncio.sleep(pace.look_at_logs)
        left = {name: each for name, each in left.items() if not heard(name)}
        for name, each in tuple(left.items()):
            try:
                starts = await _starts(aws, each, since)
            except AccessDeniedError as error:  # who may not read logs has no less of everything else
                log.info("the logs of functions are not looked at: %s", type(error).__name__)
                return
            except PlldbError as error:  # perhaps the next look can be taken: was this machine asleep?
                log.info("a log cannot be looked at: %s", type(error).__name__)
                continue
            silent = [start for start in starts if not heard(name) and not (some and start[1] == LATEST)]
            for request_id, version in [start for start in silent if start[0] in suspected][:1]:
                del left[name]
                tell(
                    FunctionSilent(
                        function=name, request_id=request_id, function_version=version, in_vpc=each.in_vpc
                    )
                )
            suspected |= {request_id for request_id, _ in silent}


async def _starts(aws: Aws, function: FunctionSettings, since: int) -> list[tuple[str, str]]:
    """Return the invocations that have begun since then (POSIX milliseconds)."""
    client = await aws.client("logs")
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
