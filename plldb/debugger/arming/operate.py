"""Arms one function, whatever others do to it meanwhile. Talks to Lambda and DynamoDB.

Arming takes the row, or joins who is in it, then changes the function with one update that names the
revision which was read. Whoever joins changes it, too: every sandbox starts anew and learns of it. After
every conflict the function is read again: our own token there means that our update has won, and its answer
was lost. The row is written once more after every attempt, which tells whether it is ours still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from plldb.debugger.arming.examine import Function, refuse, refuse_environment
from plldb.debugger.arming.functions import wait_until_updated
from plldb.debugger.arming.holders import Hold, Holding
from plldb.debugger.arming.joining import Joined, Plan, confirm_row, join_row, leave_row, prove_row
from plldb.debugger.arming.look import Seen, examine, look
from plldb.debugger.arming.refusals import Refused, held, or_refused, refused
from plldb.debugger.arming.settings import Arms, arm_settings, read_arms, replaced_by_arming
from plldb.debugger.arming.take_out import Places, Released, as_deployed, restore, try_to_write
from plldb.tasks import finish, gather_all

__all__ = [
    "Armed",
    "Places",
    "Plan",
    "Refused",
    "Released",
    "Seen",
    "arm",
    "arm_again",
    "as_deployed",
    "examine",
    "held",
    "restore",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """The function is armed. ``before`` is how it was deployed: what the laptop runs.

    ``others`` hold it as well, on other conditions, since before.
    """

    arn: str
    before: Function
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

    ``until`` is awaited before the function is changed, with the session in its row, which it leaves if that
    is cancelled: whoever is to answer the agent, with the token that is given, may be connecting meanwhile.

    Raises:
        AwsError: AWS could not be reached, or refused what is not the function's own fault.
    """
    return await or_refused(name, _arm(places, name, plan, token, until))


async def _arm(
    places: Places, name: str, plan: Plan, token: str, until: Callable[[str], Awaitable[object]]
) -> Armed | Refused:
    usable = plan.seen if plan.seen and not plan.seen.current.updating else None
    seen = usable or await look(places, name)
    if isinstance(seen, Refused):
        return seen
    arn = seen.current.arn
    try:
        # What was sent is awaited also when cancelled: else it would be done after the function was restored.
        joined = await join_row(places, seen, plan, token)
        if isinstance(joined, Refused):
            return joined
        await until(joined.token)
    except asyncio.CancelledError:
        await finish(leave_row(places, arn, plan))
        raise
    outcome = await or_refused(arn, _touch(places, joined, plan))
    if isinstance(outcome, Refused):
        await finish(_give_back(places, arn, plan))
    return outcome


async def _give_back(places: Places, arn: str, plan: Plan) -> None:
    """Leave a function that could not be armed; what is on it all the same is taken out before that."""
    if plan.taken:
        await leave_row(places, arn, plan)
    else:
        await restore(places, arn, lambda each: each.holder.session == plan.holder.session)


async def _touch(places: Places, joined: Joined, plan: Plan) -> Armed | Refused:
    """Change the function so that every sandbox starts anew, after all who hold it are in its row."""
    if not joined.others:
        return await _put_arms(places, joined.seen, plan, joined.token, plan.lease_until)
    # What was deployed since the others armed it is to be in the row, too.
    proved = await prove_row(places, joined.seen.current.arn, plan, joined.token)
    if isinstance(proved, Refused):
        return proved
    seen, hold = proved
    arms = read_arms(seen.current.settings.variables)
    until = max(plan.lease_until, arms.lease_until + 1 if arms else 0, hold.lease_until)
    outcome = await _put_arms(places, seen, plan, joined.token, until)
    return replace(outcome, others=joined.others) if isinstance(outcome, Armed) else outcome


async def arm_again(places: Places, name: str, plan: Plan, token: str) -> Armed | Refused:
    """Arm a function that was deployed meanwhile, with the token that it had; only if it is still held.

    Raises:
        AwsError: AWS could not be reached, or refused what is not the function's own fault.
    """
    return await or_refused(name, _arm_again(places, name, plan, token))


async def _arm_again(places: Places, name: str, plan: Plan, token: str) -> Armed | Refused:
    proved = await prove_row(places, name, plan, token)
    if isinstance(proved, Refused):
        return proved
    seen, hold = proved
    return await _put_arms(places, seen, plan, token, hold.lease_until)


async def _put_arms(places: Places, seen: Seen, plan: Plan, token: str, until: int) -> Armed | Refused:
    """Change the function, again after each conflict, as long as the row is ours.

    ``until`` is the lease that its sandboxes are told. A later one there means that others have changed it
    since, too: then all its sandboxes have started since.
    """
    for _ in range(places.functions.pace.rounds):
        arms = Arms(
            lease_until=until,
            url=plan.url,
            token=token,
            replaced=replaced_by_arming(seen.before.settings),
        )
        outcome = await _update(places, seen, plan, arms)
        if not isinstance(outcome, Seen):
            return outcome
        seen = outcome
    return refused(seen.before.arn, "changed", "somebody else keeps changing it")


async def _update(places: Places, seen: Seen, plan: Plan, arms: Arms) -> Armed | Refused | Seen:
    """Change the function once; return what is to be armed now if somebody else has changed it first."""
    current, before = seen.current, seen.before
    settings = arm_settings(before.settings, arms, plan.layer)
    if refusal := refuse_environment(settings):
        return Refused(arn=before.arn, refusal=refusal)
    if current.settings == settings:  # somebody else who holds it was first
        return _judge_update(current, before)
    conflict = await finish(try_to_write(places.functions, current, settings))
    found, hold = await gather_all(
        wait_until_updated(places.functions, before.arn), confirm_row(places, seen, plan, arms.token)
    )
    if isinstance(hold, Refused):
        # Somebody has restored it before it was armed: nobody else would do it any more.
        await restore(places, before.arn, lambda _: False)
        return hold
    if found is None:
        return refused(before.arn, "gone", "it was deleted in the meantime")
    if is_armed(found, arms.token, arms.lease_until):
        return _judge_update(found, before)
    if not conflict:
        return refused(before.arn, "changed", "somebody else changed it right after it was armed")
    return _see_again(found, hold)


def _see_again(found: Function, hold: Hold) -> Seen | Refused:
    before = as_deployed(found, hold)
    if refusal := refuse(before):
        return Refused(arn=found.arn, refusal=refusal)
    return Seen(current=found, before=before, hold=hold)


def _judge_update(found: Function, before: Function) -> Armed | Refused:
    if found.last_update == "Failed":
        return refused(found.arn, "update-failed", found.last_update_reason)
    return Armed(arn=found.arn, before=before)


def is_armed(function: Function, token: str, until: int) -> bool:
    """Return whether a function is armed with this token, until then or longer. Pure."""
    arms = read_arms(function.settings.variables)
    return arms is not None and arms.token == token and arms.lease_until >= until
