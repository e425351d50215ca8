"""Where an invocation ran: on somebody's machine, or in the cloud. Talks to DynamoDB.

The truth is what the sessions themselves note: a row of PLLDBDebugger for each invocation that comes to a
machine. It is written beside the invocation, so it may come after the answer.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

from plldb.debugger.arming.mutex import Hold, Table, read_hold
from plldb.debugger.attaching.ledger import read_invocation
from plldb.debugger.pace import Pace
from plldb.errors import PlldbError
from plldb.tasks import gather_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """Where an invocation ran, as `Invoked` says it."""

    where: Literal["machine", "deployed", "unknown"]
    who: str = ""
    host: str = ""


async def find_where(table: Table, arn: str, request_id: str, *, pace: Pace) -> Ran:
    """Return where an invocation of ``$LATEST`` of a function ran; raises nothing."""
    try:
        return await _find(table, arn, request_id, pace)
    except PlldbError:  # who may not read the table cannot know
        return Ran(where="unknown")


async def _find(table: Table, arn: str, request_id: str, pace: Pace) -> Ran:
    loop = asyncio.get_running_loop()
    give_up = loop.time() + pace.noted_within
    hold, noted = await gather_all(read_hold(table, arn), read_invocation(table, request_id))
    while noted is None and _is_attached(hold) and loop.time() < give_up:
        await asyncio.sleep(pace.look_at_notes)
        noted = await read_invocation(table, request_id)
    if noted is not None:
        return Ran(where="machine", who=noted.who, host=noted.host)
    if hold is None or not _is_attached(hold):
        return Ran(where="deployed")
    return Ran(where="unknown", who=hold.holder.who, host=hold.holder.host)


def _is_attached(hold: Hold | None) -> bool:
    return hold is not None and hold.lease_until > time.time()
