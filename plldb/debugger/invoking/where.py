"""Where an invocation ran: on somebody's machine, or in the cloud. Talks to DynamoDB.

The truth is what the sessions themselves note: a row of PLLDBDebugger for each invocation that comes to a
machine. It is written beside the invocation, so it may come after the answer. An event that fulfils no
condition of those who are attached has run in the cloud.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

from plldb.debugger.arming.holders import Hold, Holding, others_of
from plldb.debugger.arming.mutex import Table, read_hold
from plldb.debugger.attaching.invocations.ledger import read_invocation
from plldb.debugger.conditions import matches, read_conditions
from plldb.debugger.pace import Pace
from plldb.errors import PlldbError
from plldb.tasks import gather_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """Where an invocation ran, as `Invoked` says it."""

    where: Literal["machine", "deployed", "unknown"]
    who: str = ""
    host: str = ""
    not_taken_by: tuple[str, ...] = ()


async def find_where(table: Table, arn: str, request_id: str, event: bytes, *, pace: Pace) -> Ran:
    """Return where an invocation of ``$LATEST`` of a function with this event ran; raises nothing."""
    try:
        return await _find(table, arn, request_id, event, pace)
    except PlldbError:  # who may not read the table cannot know
        return Ran(where="unknown")


async def _find(table: Table, arn: str, request_id: str, event: bytes, pace: Pace) -> Ran:
    loop = asyncio.get_running_loop()
    give_up = loop.time() + pace.noted_within
    hold, noted = await gather_all(read_hold(table, arn), read_invocation(table, request_id))
    attached = _attached(hold)
    takers = [each for each in attached if takes(each, event)]
    while noted is None and takers and loop.time() < give_up:
        await asyncio.sleep(pace.look_at_notes)
        noted = await read_invocation(table, request_id)
    if noted is not None:
        return Ran(where="machine", who=noted.who, host=noted.host)
    if takers:
        return Ran(where="unknown", who=takers[0].holder.who, host=takers[0].holder.host)
    return Ran(where="deployed", not_taken_by=tuple(each.holder.who for each in attached))


def _attached(hold: Hold | None) -> tuple[Holding, ...]:
    """Return who has the function, in the order in which they are asked for an event."""
    return others_of(hold, "", now=int(time.time()))


def takes(hold: Holding, event: bytes) -> bool:
    """Return whether a session takes an event, as the sandbox decides it; True if unknown. Pure."""
    try:
        return not hold.where or matches(read_conditions(hold.where), event)
    except ValueError:  # conditions of another version of plldb
        return True
