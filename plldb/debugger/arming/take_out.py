"""Restores one function, whatever others do to it meanwhile. Talks to Lambda and DynamoDB.

All that it needs is on the function itself; its row is deleted at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from plldb.debugger.arming.examine import Function
from plldb.debugger.arming.functions import (
    BUSY,
    CHANGED,
    GONE,
    Lambda,
    arn_of,
    find_missing_layer,
    wait_until_updated,
    write_settings,
)
from plldb.debugger.arming.holders import Hold, Holding, staying
from plldb.debugger.arming.mutex import Table, delete_hold, read_hold, write_hold
from plldb.debugger.arming.refusals import INVALID, Refused, held, or_refused, refused
from plldb.debugger.arming.settings import Replaced, Settings, is_touched, restore_settings
from plldb.errors import AwsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where functions and mutexes are."""

    functions: Lambda
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Those who were to go hold the function no longer.

    Nothing of ours is on it: taken out now, or it was not there, or there is no function. Or it was left:
    ``others`` hold it as well, and go on.
    """

    arn: str
    how: Literal["restored", "nothing-to-do", "gone", "left"]
    others: tuple[Holding, ...] = ()


async def restore(places: Places, name: str, goes: Callable[[Holding], bool]) -> Released | Refused:
    """Take sessions out of a function's row, and everything of ours out of the function with the last.

    ``goes`` says of each that holds the function whether it is to go. A function that nobody holds is
    restored.

    Raises:
        AwsError: AWS refused, or could not be reached.
    """
    return await or_refused(name, _restore(places, name, goes))


async def _restore(places: Places, name: str, goes: Callable[[Holding], bool]) -> Released | Refused:
    for _ in range(places.functions.pace.rounds):
        function = await wait_until_updated(places.functions, name)
        arn = function.arn if function else await _arn_of(places, name)
        hold = await read_hold(places.table, arn)
        if hold and (rest := staying(hold, goes)):
            if rest == hold.holders:
                return held(arn, hold)
            if await write_hold(places.table, replace(hold, holders=rest), over=hold):
                return Released(arn=arn, how="left", others=rest)
            continue  # of two that leave at once, the second one may be the last
        if hold and function and not is_touched(function.settings):
            again = await wait_until_updated(places.functions, arn)
            if again and is_touched(again.settings):
                continue  # it was armed after the first look, and before its row was read
        outcome = await _take_out(places.functions, arn, function, hold)
        if isinstance(outcome, Refused):
            return outcome
        # Whoever has joined since has changed the row: with it, the function stays armed, or will be again.
        if outcome and (hold is None or await delete_hold(places.table, hold)):
            return Released(arn=arn, how=outcome)
    return refused(name, "changed", "somebody else keeps changing it")


async def _arn_of(places: Places, name: str) -> str:
    """Return the ARN of a function that is gone: its mutex is to go, too."""
    if name.startswith("arn:"):
        return name
    target = await places.functions.aws.read_target()
    return arn_of(target, name)


async def _take_out(
    where: Lambda, arn: str, function: Function | None, hold: Hold | None
) -> Refused | Literal["", "restored", "nothing-to-do", "gone"]:
    """Write the settings as deployed; empty if somebody else was first and all is to be looked at again."""
    if function is None:
        return "gone"
    if not is_touched(function.settings, _replaced(hold)):
        return "nothing-to-do"
    if function.environment_error:
        message = f"Lambda cannot read its environment ({function.environment_error}), so it is not written"
        return refused(arn, "environment-unreadable", message)
    restored = restore_settings(function.settings, _replaced(hold))
    try:
        if await try_to_write(where, function, restored):
            return ""
    except AwsError as error:
        missing = await find_missing_layer(where, restored.layers) if error.aws_code == INVALID else ""
        if not missing:
            raise
        return await _take_out_all_but_layer(where, function, restored, missing)
    found = await wait_until_updated(where, arn)
    if found is not None and found.last_update == "Failed":
        return refused(arn, "update-failed", found.last_update_reason)
    return "restored" if found is None or not is_touched(found.settings, _replaced(hold)) else ""


async def _take_out_all_but_layer(
    where: Lambda, function: Function, restored: Settings, missing: str
) -> Refused | Literal[""]:
    """Write all but the layers: Lambda takes no list with a layer in it that does not exist any more."""
    rest = replace(restored, layers=function.settings.layers)
    if rest != function.settings and await try_to_write(where, function, rest):
        return ""
    message = (
        f"its layer {missing} no longer exists, so plldb's cannot be removed; everything else was put back"
    )
    return refused(function.arn, "layer-gone", message)


def as_deployed(function: Function, hold: Hold | None) -> Function:
    """Return a function as it is without anything of ours. Pure."""
    return replace(function, settings=restore_settings(function.settings, _replaced(hold)))


async def try_to_write(where: Lambda, function: Function, settings: Settings) -> bool:
    """Write the settings; return whether somebody else was first.

    Raises:
        AwsError: Lambda refused, or could not be reached.
    """
    try:
        await write_settings(where, function, settings)
    except AwsError as error:
        if error.aws_code not in (CHANGED, BUSY, GONE):
            raise
        return True
    return False


def _replaced(hold: Hold | None) -> Replaced | None:
    return hold.replaced if hold and hold.replaced.timeout else None
