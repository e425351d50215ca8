"""A session in the row of a function: put in, proved to be there, taken out. Talks to DynamoDB and Lambda.

Whoever is alone has the row to itself; who joins others, on conditions that differ, is added to it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from plldb.debugger.arming.examine import Function
from plldb.debugger.arming.functions import wait_until_updated
from plldb.debugger.arming.holders import MOST, Hold, Holder, Holding, in_the_way, join, leave, others_of
from plldb.debugger.arming.look import Seen, examine, look, token_of
from plldb.debugger.arming.mutex import delete_hold, hash_token, read_hold, write_hold
from plldb.debugger.arming.refusals import Refused, full, held, refused
from plldb.debugger.arming.settings import replaced_by_arming
from plldb.debugger.arming.take_out import Places
from plldb.debugger.wire import prove, session_name
from plldb.tasks import finish

GIVEN_BACK = "it was given back in the meantime"
"""Somebody has restored it: the same person in another terminal, or whoever may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a session arms functions with.

    ``layer`` is the ARN of the agent's layer, ``url`` the address of the WebSocket API; ``now`` and
    ``lease_until`` are POSIX seconds; ``instead_of`` are sessions that a function may be taken from.
    ``taken`` is how they hold it: they have it back where arming is refused. ``takes_over``: it is taken from
    all who held it; their token goes, so nobody who has joined them since can be let in. ``seen`` is
    a look at the function that was taken before: none is taken then unless the function has changed since.
    ``where`` are the conditions on which an event is taken.
    """

    holder: Holder
    layer: str
    url: str
    now: int
    lease_until: int
    instead_of: frozenset[str] = frozenset()
    taken: Hold | None = None
    takes_over: bool = False
    seen: Seen | None = None
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The row is written: with this token and, if there are any, with others."""

    seen: Seen
    token: str
    others: tuple[Holding, ...] = ()


async def join_row(places: Places, seen: Seen, plan: Plan, token: str) -> Joined | Refused:
    """Write the session into the row: alone, with this token, or beside others, with theirs.

    Raises:
        AwsError: AWS refused, or could not be reached.
    """
    loop, arn = asyncio.get_running_loop(), seen.current.arn
    give_up = loop.time() + places.functions.pace.connect_within
    while True:
        if refusal := _refuse_to_join(seen, plan):
            return refusal
        others = _others(seen.hold, plan)
        shared = token_of(seen) if others else token
        if shared:
            alone = _alone(seen.before, plan, shared)
            hold = join(seen.hold, alone, now=plan.now, instead_of=plan.instead_of)
            if written := await finish(write_hold(places.table, hold, over=seen.hold)):
                return Joined(seen=replace(seen, hold=written), token=shared, others=others)
        elif seen.hold and loop.time() >= give_up:
            return held(arn, seen.hold)
        else:  # whoever is there has not armed it yet, or somebody has deployed it
            await asyncio.sleep(places.functions.pace.update_poll)
        again = await look(places, arn)
        if isinstance(again, Refused):
            return again
        seen = again


def _others(hold: Hold | None, plan: Plan) -> tuple[Holding, ...]:
    return others_of(hold, plan.holder.session, now=plan.now, without=plan.instead_of)


def _refuse_to_join(seen: Seen, plan: Plan) -> Refused | None:
    """Return why a session cannot hold a function beside those who do, None if it can."""
    hold, arn = seen.hold, seen.current.arn
    if hold is None:
        return None
    conditions = () if plan.takes_over else plan.where
    way = in_the_way(hold, conditions, now=plan.now, without={plan.holder.session, *plan.instead_of})
    if way.holders:
        return held(arn, way)
    others = _others(hold, plan)
    return full(arn, replace(hold, holders=others)) if len(others) >= MOST else None


def _alone(before: Function, plan: Plan, token: str) -> Hold:
    """Return how a function is held by a session alone."""
    mine = Holding(
        holder=plan.holder,
        since=plan.now,
        lease_until=plan.lease_until,
        proof=prove(session_name(plan.holder.session), token, plan.where),
        where=plan.where,
    )
    return Hold(
        arn=before.arn,
        token_hash=hash_token(token),
        replaced=replaced_by_arming(before.settings),
        holders=(mine,),
    )


async def leave_row(places: Places, arn: str, plan: Plan) -> None:
    """Leave the row of a function that could not be armed; the session that it was taken from has it back."""
    while (hold := await read_hold(places.table, arn)) and hold.of(plan.holder.session):
        rest = leave(hold, plan.holder.session, plan.taken)
        if rest is None and await delete_hold(places.table, hold):
            return
        if rest is not None and await write_hold(places.table, rest, over=hold):
            return


async def prove_row(places: Places, name: str, plan: Plan, token: str) -> tuple[Seen, Hold] | Refused:
    """Return a function that this session still holds, after its row was written anew as it is deployed now.

    Whoever has given it back since wins: the row is never taken.
    """
    for _ in range(places.functions.pace.rounds):
        function = await wait_until_updated(places.functions, name)
        if function is None:
            return refused(name, "gone", "there is no such function")
        hold = await read_hold(places.table, function.arn)
        mine = own_row(function.arn, hold, plan, token)
        if isinstance(mine, Refused):
            return mine
        seen = await examine(places.functions, function, mine)
        if isinstance(seen, Refused):
            return seen
        now = replace(mine, replaced=replaced_by_arming(seen.before.settings))
        if written := await finish(write_hold(places.table, now, over=mine)):
            return replace(seen, hold=written), written
    return refused(name, "changed", "others keep joining and leaving")


async def confirm_row(places: Places, seen: Seen, plan: Plan, token: str) -> Hold | Refused:
    """Write the row once more after the function was changed; return it, or why it is not ours any more.

    Whoever restores deletes the row only if it is as it was before their last look at the function. So either
    that fails, or this: nobody is left with a function that is armed and has no row.
    """
    hold, arn = seen.hold, seen.current.arn
    while not isinstance(mine := own_row(arn, hold, plan, token), Refused):
        if written := await write_hold(places.table, mine, over=mine):
            return written
        hold = await read_hold(places.table, arn)
    return mine


def own_row(arn: str, hold: Hold | None, plan: Plan, token: str) -> Hold | Refused:
    """Return a function's row if this session is in it, else the refusal.

    With its token still there nobody has taken it over: the session was taken out, and the others go on.
    """
    if hold and hold.of(plan.holder.session):
        return hold
    if hold is None or hold.token_hash == hash_token(token):
        return refused(arn, "given-back", GIVEN_BACK)
    return held(arn, hold)
