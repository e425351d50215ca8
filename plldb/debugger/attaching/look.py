"""One look at who is attached to what. Talks to Lambda and DynamoDB."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from plldb.aws.items import all_items, read_text, read_time
from plldb.aws.session import Aws
from plldb.debugger.arming.mutex import Table, list_holds
from plldb.debugger.arming.naming.stacks import list_stack_functions
from plldb.debugger.arming.operate import Places
from plldb.debugger.arming.restore import list_held_functions, look_at, open_places
from plldb.debugger.attaching.invocations.ledger import is_of, list_invocations
from plldb.debugger.events.status import AttachedSession, DebuggerStatus
from plldb.debugger.link.rows import KEPT_AFTER
from plldb.debugger.link.rows import TABLE as SESSIONS
from plldb.debugger.pace import Pace
from plldb.tasks import gather_all

LAST = 10
"""How many invocations are reported."""


async def look(aws: Aws, stacks: Sequence[str], *, pace: Pace) -> DebuggerStatus:
    """Take one look at the functions of these stacks, or without any at all that are held or armed."""
    target, places = await gather_all(aws.read_target(), open_places(aws, pace))
    names, holds = await gather_all(_find(aws, places, stacks), list_holds(places.table))
    sessions, invocations = await gather_all(
        list_sessions(places.table, stacks), list_invocations(places.table, stacks, most=LAST)
    )
    by_name = {hold.name: hold for hold in holds}
    functions = await gather_all(*[look_at(places, name, by_name.get(name)) for name in names])
    return DebuggerStatus(
        target=target,
        stack_name=", ".join(stacks),
        functions=functions,
        sessions=sessions,
        invocations=invocations,
    )


async def _find(aws: Aws, places: Places, stacks: Sequence[str]) -> Iterable[str]:
    if not stacks:
        return await list_held_functions(places)
    found = await gather_all(*[list_stack_functions(aws, stack) for stack in dict.fromkeys(stacks)])
    return [each.name for functions in found for each in functions]


async def list_sessions(table: Table, stacks: Sequence[str]) -> tuple[AttachedSession, ...]:
    """Return who is attached, to one of these stacks, or without any to anything at all.

    DynamoDB may keep a row for days after a session that was killed, and whose time is over.

    Raises:
        AwsError: DynamoDB refused, or could not be reached.
    """
    # Not the hash of the token: nobody needs it.
    wanted = "StackName, Who, Host, StartedAt, ExpiresAt, ConnectionId"
    items = all_items(table.aws, table.client.scan, TableName=SESSIONS, ProjectionExpression=wanted)
    found = [session async for item in items if is_of((session := _session_of(item)).stack, stacks)]
    there = [each for each in found if each.connected or each.until > time.time()]
    return tuple(sorted(there, key=lambda session: session.since))


def _session_of(item: Mapping[str, Any]) -> AttachedSession:
    stack = read_text(item, "StackName")
    return AttachedSession(
        who=read_text(item, "Who"),
        host=read_text(item, "Host"),
        stack="" if stack == "-" else stack,
        since=read_time(item, "StartedAt"),
        until=max(read_time(item, "ExpiresAt") - KEPT_AFTER, 0),
        connected=bool(read_text(item, "ConnectionId")),
    )
