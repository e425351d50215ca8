"""Arms one function, whatever others do to it meanwhile. Talks to Lambda and DynamoDB.

Arming takes the mutex, then changes the function with one update that names the revision which was read.
After every conflict the function is read again: our own token there means that our update has won, and its
answer was lost; else the mutex is proved again before the next attempt.
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
from plldb.debugger.arming.mutex import Hold, Holder, hash_token, keep, read_hold, release, take
from plldb.debugger.arming.refusals import Refused, held, or_refused, refused
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
    """A function that may be armed, as one look has found it: as it is, and as it was deployed."""

    current: Function
    before: Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a session arms functions with.

    ``layer`` is the ARN of the agent's layer, ``url`` the address of the WebSocket API; ``now`` and
    ``lease_until`` are POSIX seconds; ``instead_of`` is a session whose functions may be taken from it.
    ``taken`` is how that session holds the function, which it has back where arming is refused. ``seen`` is
    a look at the function that was taken before: none is taken then unless the function has changed since.
    ``where`` are the conditions on which an event is taken.
    """

    holder: Holder
    layer: str
    url: str
    now: int
    lease_until: int
    instead_of: str = ""
    taken: Hold | None = None
    seen: Seen | None = None
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """The function is armed. ``before`` is how it was deployed: what the laptop runs."""

    arn: str
    before: Function


async def _at_once() -> None:
    """Wait for nothing."""


async def arm(
    places: Places,
    name: str,
    plan: Plan,
    token: str,
    until: Callable[[], Awaitable[object]] = _at_once,
) -> Armed | Refused:
    """Arm one function; ``token`` is the secret that its agent will have.

    ``until`` is awaited before the function is changed, with the mutex in hand, which is given back if that
    is cancelled: whoever is to answer the agent may be connecting meanwhile.

    Raises:
        AwsError: AWS could not be reached, or refused what is not the function's own fault.
    """
    return await or_refused(name, _arm(places, name, plan, token, until))


async def _arm(
    places: Places, name: str, plan: Plan, token: str, until: Callable[[], Awaitable[object]]
) -> Armed | Refused:
    usable = plan.seen if plan.seen and not plan.seen.current.updating else None
    seen = usable or await _look(places, name)
    if isinstance(seen, Refused):
        return seen
    arn = seen.current.arn
    try:
        # What was sent is awaited also when cancelled: else it would be done after the function was restored.
        hold = _hold(seen.before, plan, token)
        if other := await finish(take(places.table, hold, now=plan.now, instead_of=plan.instead_of)):
            return held(arn, other)
        await until()
    except asyncio.CancelledError:
        await finish(_give_back(places, arn, plan))
        raise
    outcome = await or_refused(arn, _put_arms(places, seen, plan, token))
    if isinstance(outcome, Refused):
        await finish(_give_back(places, arn, plan))
    return outcome


async def _look(places: Places, name: str) -> Seen | Refused:
    function = await wait_until_updated(places.functions, name)
    if function is None:
        return refused(name, "gone", "there is no such function")
    return await examine(places.functions, function, await read_hold(places.table, function.arn))


async def _give_back(places: Places, arn: str, plan: Plan) -> None:
    """Give back what could not be armed: to the session that had it, which goes on, else to nobody."""
    if plan.taken:
        await keep(places.table, plan.taken, held_by=plan.holder.session)
    else:
        await release(places.table, arn, plan.holder.session)


async def arm_again(places: Places, name: str, plan: Plan, token: str) -> Armed | Refused:
    """Arm a function that was deployed meanwhile, with the token that it had; only if it is still held.

    Raises:
        AwsError: AWS could not be reached, or refused what is not the function's own fault.
    """
    return await or_refused(name, _arm_again(places, name, plan, token))


async def _arm_again(places: Places, name: str, plan: Plan, token: str) -> Armed | Refused:
    function = await wait_until_updated(places.functions, name)
    if function is None:
        return refused(name, "gone", "there is no such function")
    found = await read_hold(places.table, function.arn)
    if found is None:
        return refused(function.arn, "given-back", GIVEN_BACK)
    if lost := _lost(function.arn, found, plan):
        return lost
    seen = await examine(places.functions, function, found)
    if isinstance(seen, Refused):
        return seen
    # Whoever has given it back since wins: its mutex is only written anew, never taken.
    if not await finish(keep(places.table, _hold(seen.before, replace(plan, now=found.since), token))):
        return refused(function.arn, "given-back", GIVEN_BACK)
    outcome = await _put_arms(places, seen, plan, token)
    lost = _lost(function.arn, await read_hold(places.table, function.arn), plan)
    if lost and not lost.held:
        # It was given back after it was proved, and before it was armed: nobody else would take it out.
        await restore(places, name, lambda _: False)
    return lost or outcome


def _lost(arn: str, hold: Hold | None, plan: Plan) -> Refused | None:
    """Return the refusal of a function that this session does not hold any more; else None."""
    if hold is None:
        return refused(arn, "given-back", GIVEN_BACK)
    return None if hold.holder.session == plan.holder.session else held(arn, hold)


def _hold(before: Function, plan: Plan, token: str) -> Hold:
    return Hold(
        arn=before.arn,
        holder=plan.holder,
        since=plan.now,
        lease_until=plan.lease_until,
        token_hash=hash_token(token),
        proof=prove(session_name(plan.holder.session), token, plan.where),
        replaced=replaced_by_arming(before.settings),
        where=plan.where,
    )


async def _put_arms(places: Places, seen: Seen, plan: Plan, token: str) -> Armed | Refused:
    """Change the function, again after each conflict, as long as the mutex is ours."""
    current, before = seen.current, seen.before
    for _ in range(places.functions.pace.rounds):
        replaced = replaced_by_arming(before.settings)
        arms = Arms(lease_until=plan.lease_until, url=plan.url, token=token, replaced=replaced)
        settings = arm_settings(before.settings, arms, plan.layer)
        if refusal := refuse_environment(settings):
            return Refused(arn=before.arn, refusal=refusal)
        conflict = await finish(try_to_write(places.functions, current, settings))
        found = await wait_until_updated(places.functions, before.arn)
        if found is None:
            return refused(before.arn, "gone", "it was deleted in the meantime")
        if has_token(found, token):
            return _judge_update(found, before)
        if not conflict:
            return refused(before.arn, "changed", "somebody else changed it right after it was armed")
        hold = await read_hold(places.table, before.arn)
        if lost := _lost(before.arn, hold, plan):
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
    return Seen(current=current, before=before)


def _judge_update(found: Function, before: Function) -> Armed | Refused:
    if found.last_update == "Failed":
        return refused(found.arn, "update-failed", found.last_update_reason)
    return Armed(arn=found.arn, before=before)


def has_token(function: Function, token: str) -> bool:
    """Return whether a function is armed with this token. Pure."""
    arms = read_arms(function.settings.variables)
    return arms is not None and arms.token == token
