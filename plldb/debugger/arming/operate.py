"""Arms one function and restores it, whatever others do to it meanwhile. Talks to Lambda and DynamoDB.

Arming takes the mutex, then changes the function with one update that names the revision which was read.
After every conflict the function is read again: our own token there means that our update has won, and its
answer was lost; else the mutex is proved again before the next attempt. Restoring works from the function
alone, and gives the mutex back at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from plldb.debugger.arming.examine import Function, Refusal, refuse, refuse_environment
from plldb.debugger.arming.functions import (
    BUSY,
    CHANGED,
    GONE,
    Lambda,
    find_missing_layer,
    is_signing_enforced,
    wait_until_updated,
    write_settings,
)
from plldb.debugger.arming.mutex import Hold, Holder, Table, hash_token, read_hold, release, take
from plldb.debugger.arming.settings import (
    Arms,
    Replaced,
    Settings,
    arm_settings,
    is_touched,
    read_arms,
    replaced_by_arming,
    restore_settings,
)
from plldb.errors import AccessDeniedError, AwsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a session arms functions with.

    ``layer`` is the ARN of the agent's layer, ``url`` the address of the WebSocket API; ``now`` and
    ``lease_until`` are POSIX seconds; ``instead_of`` is a session whose functions may be taken from it.
    """

    holder: Holder
    layer: str
    url: str
    now: int
    lease_until: int
    instead_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """The function is armed. ``before`` is how it was deployed: what the laptop runs."""

    arn: str
    before: Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The function was not changed. ``held`` says who holds it, if that is why."""

    arn: str
    refusal: Refusal
    held: Hold | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Nothing of ours is on the function: taken out now, or it was not there, or there is no function."""

    arn: str
    how: Literal["restored", "nothing-to-do", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where functions and mutexes are."""

    functions: Lambda
    table: Table


async def arm(places: Places, name: str, plan: Plan, token: str) -> Armed | Refused:
    """Arm one function; ``token`` is the secret that its agent will have.

    Raises:
        AwsError: AWS could not be reached, or refused what is not the function's own fault.
    """
    try:
        return await _arm(places, name, plan, token)
    except AwsError as error:
        if refused := _blame_function(name, error):
            return refused
        raise


async def _arm(places: Places, name: str, plan: Plan, token: str) -> Armed | Refused:
    function = await wait_until_updated(places.functions, name)
    if function is None:
        return _refused(name, "gone", "there is no such function")
    before = as_deployed(function, await read_hold(places.table, function.arn))
    # As deployed: what a killed session has left on it is replaced, and must not count as a fifth layer.
    if refused := await examine(places.functions, name, before):
        return refused
    hold = Hold(
        arn=function.arn,
        holder=plan.holder,
        since=plan.now,
        lease_until=plan.lease_until,
        token_hash=hash_token(token),
        replaced=replaced_by_arming(before.settings),
    )
    if other := await take(places.table, hold, now=plan.now, instead_of=plan.instead_of):
        return held(function.arn, other)
    try:
        outcome = await _put_arms(places, before, function, plan, token)
    except AwsError as error:
        if not (refused := _blame_function(function.arn, error)):
            raise
        outcome = refused
    if isinstance(outcome, Refused):
        await release(places.table, function.arn, plan.holder.session)
    return outcome


async def _put_arms(
    places: Places, before: Function, current: Function, plan: Plan, token: str
) -> Armed | Refused:
    """Change the function, again after each conflict, as long as the mutex is ours."""
    for _ in range(places.functions.pace.rounds):
        replaced = replaced_by_arming(before.settings)
        arms = Arms(lease_until=plan.lease_until, url=plan.url, token=token, replaced=replaced)
        settings = arm_settings(before.settings, arms, plan.layer)
        if refusal := refuse_environment(settings):
            return Refused(arn=before.arn, refusal=refusal)
        conflict = await _try_to_write(places.functions, current, settings)
        found = await wait_until_updated(places.functions, before.arn)
        if found is None:
            return _refused(before.arn, "gone", "it was deleted meanwhile")
        if _has_token(found, token):
            return _judge_update(found, before)
        if not conflict:
            return _refused(before.arn, "changed", "somebody else changed it right after it was armed")
        hold = await read_hold(places.table, before.arn)
        if hold is None or hold.holder.session != plan.holder.session:
            return held(before.arn, hold) if hold else _refused(before.arn, "lost", "the hold on it was lost")
        current, before = found, as_deployed(found, hold)
        if refusal := refuse(before):
            return Refused(arn=before.arn, refusal=refusal)
    return _refused(before.arn, "changed", "somebody else changes it again and again")


async def restore(places: Places, name: str, is_ours: Callable[[Hold], bool]) -> Restored | Refused:
    """Take everything of ours out of one function, and give it back.

    ``is_ours`` says of who holds the function whether it may be restored all the same; one that nobody
    holds may.

    Raises:
        AwsError: AWS refused, or could not be reached.
    """
    for _ in range(places.functions.pace.rounds):
        function = await wait_until_updated(places.functions, name)
        arn = function.arn if function else name
        hold = await read_hold(places.table, arn)
        if hold and not is_ours(hold):
            return held(arn, hold)
        outcome = await _take_out(places.functions, arn, function, hold)
        if isinstance(outcome, Refused):
            return outcome
        if outcome:
            if hold:
                await release(places.table, arn, hold.holder.session)
            return Restored(arn=arn, how=outcome)
    return _refused(name, "changed", "somebody else changes it again and again")


async def _take_out(
    where: Lambda, arn: str, function: Function | None, hold: Hold | None
) -> Refused | Literal["", "restored", "nothing-to-do", "gone"]:
    """Write the settings as deployed; empty if somebody else was first and all is to be looked at again."""
    if function is None:
        return "gone"
    if not is_touched(function.settings):
        return "nothing-to-do"
    if function.environment_error:
        message = f"Lambda cannot read its environment ({function.environment_error}), so it is not written"
        return _refused(arn, "environment-unreadable", message)
    if await _try_to_write(where, function, restore_settings(function.settings, _replaced(hold))):
        return ""
    found = await wait_until_updated(where, arn)
    if found is not None and found.last_update == "Failed":
        return _refused(arn, "update-failed", found.last_update_reason)
    return "restored" if found is None or not is_touched(found.settings) else ""


async def examine(where: Lambda, name: str, function: Function | None) -> Refused | None:
    """Return why a function cannot be armed, None if it can. Changes nothing."""
    if function is None:
        return _refused(name, "gone", "there is no such function")
    if refusal := refuse(function):
        return Refused(arn=function.arn, refusal=refusal)
    if await is_signing_enforced(where, function.arn):
        return _refused(function.arn, "code-signing", "it takes signed layers only (code signing)")
    own = restore_settings(function.settings).layers
    if missing := await find_missing_layer(where, own):
        return _refused(function.arn, "layer-gone", f"its layer {missing} does not exist any more")
    return None


def as_deployed(function: Function, hold: Hold | None) -> Function:
    """Return a function as it is without anything of ours. Pure."""
    return replace(function, settings=restore_settings(function.settings, _replaced(hold)))


async def _try_to_write(where: Lambda, function: Function, settings: Settings) -> bool:
    """Write the settings; True if somebody else was first."""
    try:
        await write_settings(where, function, settings)
    except AwsError as error:
        if error.aws_code not in (CHANGED, BUSY, GONE):
            raise
        return True
    return False


def _blame_function(arn: str, error: AwsError) -> Refused | None:
    """Return the refusal of this one function, None if the error concerns more than it."""
    if isinstance(error, AccessDeniedError):
        return _refused(arn, "denied", f"{error.action} is not allowed")
    if error.aws_code == "InvalidParameterValueException":
        # Lambda tells some limits only so: the size of all layers unzipped, a runtime that is blocked.
        return _refused(arn, "lambda", error.message)
    return None


def _judge_update(found: Function, before: Function) -> Armed | Refused:
    if found.last_update == "Failed":
        return _refused(found.arn, "update-failed", found.last_update_reason)
    return Armed(arn=found.arn, before=before)


def _has_token(function: Function, token: str) -> bool:
    arms = read_arms(function.settings.variables)
    return arms is not None and arms.token == token


def _replaced(hold: Hold | None) -> Replaced | None:
    return hold.replaced if hold and hold.replaced.timeout else None


def _refused(arn: str, reason: str, message: str) -> Refused:
    return Refused(arn=arn, refusal=Refusal(reason=reason, message=message))


def held(arn: str, hold: Hold) -> Refused:
    """Return the refusal of a function that somebody holds. Pure."""
    message = f"{hold.holder.who} has it, on {hold.holder.host}"
    return Refused(arn=arn, refusal=Refusal(reason="held", message=message), held=hold)
