"""Arms one function, whatever others do to it meanwhile. Talks to Lambda and DynamoDB.

Arming takes the mutex, or joins who holds it, then changes the function with one update that names the
revision which was read. Whoever joins changes it, too: every sandbox starts anew and learns of it. After
every conflict the function is read again: our own token there means that our update has won, and its answer
was lost; else the mutex is proved again before the next attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from plldb.debugger.arming.examine import Function, refuse, refuse_environment
from plldb.debugger.arming.functions import (
    Lambda,
    find_missing_layer,
    is_signing_enforced,
    wait_until_updated,
)
from plldb.debugger.arming.holders import MOST, Hold, Holder, Holding, give_back, in_the_way, join, others_of
from plldb.debugger.arming.mutex import delete_hold, hash_token, read_hold, write_hold
from plldb.debugger.arming.refusals import Refused, full, held, or_refused, refused
from plldb.debugger.arming.settings import Arms, arm_settings, read_arms, replaced_by_arming
from plldb.debugger.arming.take_out import Places, Restored, as_deployed, restore, try_to_write
from plldb.debugger.wire import prove, session_name
from plldb.tasks import finish, gather_all

__all__ = [
    "Armed",
    "Places",
    "Plan",
    "Refused",
    "Restored",
    "Seen",
    "arm",
    "arm_again",
    "as_deployed",
    "examine",
    "held",
    "restore",
]


GIVEN_BACK = "it was given back in the meantime"
"""Somebody has restored it: the same person in another terminal, or whoever may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A function that may be armed, as one look has found it: as it is, as it was deployed, who holds it."""

    current: Function
    before: Function
    hold: Hold | None


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
class Armed:
    """The function is armed. ``before`` is how it was deployed: what the laptop runs.

    ``others`` hold it as well, on other conditions, since before.
    """

    arn: str
    before: Function
    others: tuple[Holding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joined:
    """The row is written: with this token and, if there are any, with others."""

    seen: Seen
    token: str
    others: tuple[Holding, ...] = ()


async def _at_once(token: str) -> None:
    """Wait for nothing."""


async def arm(
    places: Places,
    name: str,
    plan: Plan,
    token: str,
    until: Callable[[str], Awaitable[object]] = _at_once,
) -> Armed | Refused:
    """Arm one function; ``token`` is the secret that its agent will have, unless others hold it as well.

    ``until`` is awaited before the function is changed, with the mutex in hand, which is given back if that
    is cancelled: whoever is to answer the agent, with the token that is given, may be connecting meanwhile.

    Raises:
        AwsError: AWS could not be reached, or refused what is not the function's own fault.
    """
    return await or_refused(name, _arm(places, name, plan, token, until))


async def _arm(
    places: Places, name: str, plan: Plan, token: str, until: Callable[[str], Awaitable[object]]
) -> Armed | Refused:
    usable = plan.seen if plan.seen and not plan.seen.current.updating else None
    seen = usable or await _look(places, name)
    if isinstance(seen, Refused):
        return seen
    arn = seen.current.arn
    try:
        # What was sent is awaited also when cancelled: else it would be done after the function was restored.
        joined = await _join(places, seen, plan, token)
        if isinstance(joined, Refused):
            return joined
        await until(joined.token)
    except asyncio.CancelledError:
        await finish(_give_back(places, arn, plan))
        raise
    outcome = await or_refused(arn, _touch(places, joined, plan))
    if isinstance(outcome, Refused):
        await finish(_give_back(places, arn, plan))
    return outcome


async def _join(places: Places, seen: Seen, plan: Plan, token: str) -> _Joined | Refused:
    """Write the session into the row: alone, or beside others whose conditions are others."""
    loop, arn = asyncio.get_running_loop(), seen.current.arn
    give_up = loop.time() + places.functions.pace.connect_within
    while True:
        if hold := seen.hold:
            apart = {plan.holder.session, *plan.instead_of}
            conditions = () if plan.takes_over else plan.where
            way = in_the_way(hold, conditions, now=plan.now, without=apart)
            if way.holders:
                return held(arn, way)
        others = others_of(hold, plan.holder.session, now=plan.now, without=plan.instead_of)
        if hold and len(others) >= MOST:
            return full(arn, replace(hold, holders=others))
        shared = token_of(seen) if others else token
        hold = join(hold, _alone(seen.before, plan, shared), now=plan.now, instead_of=plan.instead_of)
        if not shared:  # whoever is there has not armed it yet, or somebody has deployed it
            if loop.time() >= give_up and seen.hold:
                return held(arn, seen.hold)
            await asyncio.sleep(places.functions.pace.update_poll)
        elif await finish(write_hold(places.table, hold, over=seen.hold)):
            return _Joined(seen=seen, token=shared, others=others)
        again = await _look(places, arn)
        if isinstance(again, Refused):
            return again
        seen = again


def token_of(seen: Seen) -> str:
    """Return the token that is on a function, if it is that of its row; else an empty text. Pure."""
    arms = read_arms(seen.current.settings.variables)
    known = seen.hold.token_hash if seen.hold else ""
    return arms.token if arms and hash_token(arms.token) == known else ""


async def _touch(places: Places, joined: _Joined, plan: Plan) -> Armed | Refused:
    """Change the function so that every sandbox starts anew, after all who hold it are in its row."""
    if not joined.others:
        return await _put_arms(places, joined.seen, plan, joined.token, plan.lease_until)
    # What was deployed since the others armed it is to be in the row, too.
    proved = await _prove(places, joined.seen.current.arn, plan, joined.token)
    if isinstance(proved, Refused):
        return proved
    seen, hold = proved
    arms = read_arms(seen.current.settings.variables)
    until = max(plan.lease_until, arms.lease_until + 1 if arms else 0, hold.lease_until)
    outcome = await _put_arms(places, seen, plan, joined.token, until)
    return replace(outcome, others=joined.others) if isinstance(outcome, Armed) else outcome


async def _look(places: Places, name: str) -> Seen | Refused:
    function = await wait_until_updated(places.functions, name)
    if function is None:
        return refused(name, "gone", "there is no such function")
    return await examine(places.functions, function, await read_hold(places.table, function.arn))


async def _give_back(places: Places, arn: str, plan: Plan) -> None:
    """Give back what could not be armed: to the session that had it, which goes on, else to nobody."""
    while (hold := await read_hold(places.table, arn)) and hold.of(plan.holder.session):
        rest = give_back(hold, plan.holder.session, plan.taken)
        if rest is None and await delete_hold(places.table, hold):
            return
        if rest is not None and await write_hold(places.table, rest, over=hold):
            return


async def arm_again(places: Places, name: str, plan: Plan, token: str) -> Armed | Refused:
    """Arm a function that was deployed meanwhile, with the token that it had; only if it is still held.

    Raises:
        AwsError: AWS could not be reached, or refused what is not the function's own fault.
    """
    return await or_refused(name, _arm_again(places, name, plan, token))


async def _arm_again(places: Places, name: str, plan: Plan, token: str) -> Armed | Refused:
    proved = await _prove(places, name, plan, token)
    if isinstance(proved, Refused):
        return proved
    seen, found = proved
    outcome = await _put_arms(places, seen, plan, token, found.lease_until)
    hold = await read_hold(places.table, found.arn)
    if hold is None:
        # It was given back after it was proved, and before it was armed: nobody else would take it out.
        await restore(places, name, lambda _: False)
    return _lost(found.arn, hold, plan, token) or outcome


async def _prove(places: Places, name: str, plan: Plan, token: str) -> tuple[Seen, Hold] | Refused:
    """Return a function that this session still holds, after its row was written anew as it is deployed now.

    Whoever has given it back since wins: the row is never taken.
    """
    for _ in range(places.functions.pace.rounds):
        function = await wait_until_updated(places.functions, name)
        if function is None:
            return refused(name, "gone", "there is no such function")
        hold = await read_hold(places.table, function.arn)
        lost = _lost(function.arn, hold, plan, token)
        if lost or hold is None:
            return lost or refused(function.arn, "given-back", GIVEN_BACK)
        seen = await examine(places.functions, function, hold)
        if isinstance(seen, Refused):
            return seen
        replaced = replaced_by_arming(seen.before.settings)
        if await finish(write_hold(places.table, replace(hold, replaced=replaced), over=hold)):
            return seen, hold
    return refused(name, "changed", "others keep joining and leaving")


def _lost(arn: str, hold: Hold | None, plan: Plan, token: str) -> Refused | None:
    """Return the refusal of a function that this session does not hold any more; else None.

    With its token still there nobody has taken it over: the session was taken out, and the others go on.
    """
    if hold and hold.of(plan.holder.session):
        return None
    if hold is None or hold.token_hash == hash_token(token):
        return refused(arn, "given-back", GIVEN_BACK)
    return held(arn, hold)


def _alone(before: Function, plan: Plan, token: str) -> Hold:
    """Return how a function is held by this session alone."""
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


async def _put_arms(places: Places, seen: Seen, plan: Plan, token: str, until: int) -> Armed | Refused:
    """Change the function, again after each conflict, as long as the mutex is ours.

    ``until`` is the lease that its sandboxes are told. A later one there means that others have changed it
    since, too: then all its sandboxes have started since.
    """
    current, before = seen.current, seen.before
    for _ in range(places.functions.pace.rounds):
        replaced = replaced_by_arming(before.settings)
        arms = Arms(lease_until=until, url=plan.url, token=token, replaced=replaced)
        settings = arm_settings(before.settings, arms, plan.layer)
        if refusal := refuse_environment(settings):
            return Refused(arn=before.arn, refusal=refusal)
        if current.settings == settings:  # somebody else who holds it was first
            return _judge_update(current, before)
        conflict = await finish(try_to_write(places.functions, current, settings))
        found = await wait_until_updated(places.functions, before.arn)
        if found is None:
            return refused(before.arn, "gone", "it was deleted in the meantime")
        if is_armed(found, token, until):
            return _judge_update(found, before)
        if not conflict:
            return refused(before.arn, "changed", "somebody else changed it right after it was armed")
        hold = await read_hold(places.table, before.arn)
        if lost := _lost(before.arn, hold, plan, token):
            return lost
        current, before = found, as_deployed(found, hold)
        if refusal := refuse(before):
            return Refused(arn=before.arn, refusal=refusal)
    return refused(before.arn, "changed", "somebody else keeps changing it")


async def examine(where: Lambda, current: Function, hold: Hold | None) -> Seen | Refused:
    """Return what is to be armed, or why it cannot be. Changes nothing.

    ``hold`` is who holds it, whoever that is. What a killed session has left on it is replaced, and must not
    count as a fifth layer.
    """
    before = as_deployed(current, hold)
    if refusal := refuse(before):
        return Refused(arn=before.arn, refusal=refusal)
    signed, missing = await gather_all(
        is_signing_enforced(where, before.arn), find_missing_layer(where, before.settings.layers)
    )
    if signed:
        return refused(before.arn, "code-signing", "it accepts signed layers only (code signing)")
    if missing:
        return refused(before.arn, "layer-gone", f"its layer {missing} does not exist any more")
    return Seen(current=current, before=before, hold=hold)


def _judge_update(found: Function, before: Function) -> Armed | Refused:
    if found.last_update == "Failed":
        return refused(found.arn, "update-failed", found.last_update_reason)
    return Armed(arn=found.arn, before=before)


def is_armed(function: Function, token: str, until: int) -> bool:
    """Return whether a function is armed with this token, until then or longer. Pure."""
    arms = read_arms(function.settings.variables)
    return arms is not None and arms.token == token and arms.lease_until >= until
