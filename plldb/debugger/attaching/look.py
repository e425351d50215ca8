"""One look at who is attached to what. Talks to Lambda and DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plldb.aws.items import all_items, read_text, read_time
from plldb.aws.session import Aws
from plldb.debugger.arming.mutex import Table, list_holds
from plldb.debugger.arming.restore import find_functions, look_at, open_places
from plldb.debugger.attaching.ledger import list_invocations
from plldb.debugger.events.status import AttachedSession, DebuggerStatus
from plldb.debugger.link.rows import KEPT_AFTER
from plldb.debugger.link.rows import TABLE as SESSIONS
from plldb.debugger.pace import Pace
from plldb.tasks import gather_all

LAST = 10
"""How many invocations are reported."""


async def look(aws: Aws, stack: str, *, pace: Pace) -> DebuggerStatus:
    """Take one look at the functions of a stack, or with an empty name at all that are held or armed."""
    target, places = await gather_all(aws.read_target(), open_places(aws, pace))
    names, holds = await gather_all(find_functions(aws, places, stack), list_holds(places.table))
    sessions, invocations = await gather_all(
        list_sessions(places.table, stack), list_invocations(places.table, stack, most=LAST)
    )
    by_name = {hold.arn.rpartition(":")[2]: hold for hold in holds}
    functions = await gather_all(*[look_at(places, name, by_name.get(name)) for name in names])
    return DebuggerStatus(
        target=target, stack_name=stack, functions=functions, sessions=sessions, invocations=invocations
    )


async def list_sessions(table: Table, stack: str) -> tuple[AttachedSession, ...]:
    """Return who is attached, to a stack or to anything at all.

    Raises:
        AwsError: DynamoDB refused, or could not be reached.
    """
    # Not the hash of the token: nobody needs it.
    wanted = "StackName, Who, Host, StartedAt, ExpiresAt"
    items = all_items(table.aws, table.client.scan, TableName=SESSIONS, ProjectionExpression=wanted)
    found = [session async for item in items if stack in ("", (session := _session_of(item)).stack)]
    return tuple(sorted(found, key=lambda session: session.since))


def _session_of(item: Mapping[str, Any]) -> AttachedSession:
    stack = read_text(item, "StackName")
    return AttachedSession(
        who=read_text(item, "Who"),
        host=read_text(item, "Host"),
        stack="" if stack == "-" else stack,
        since=read_time(item, "StartedAt"),
        until=max(read_time(item, "ExpiresAt") - KEPT_AFTER, 0),
    )
