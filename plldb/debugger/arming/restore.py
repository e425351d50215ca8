"""Restores functions from any machine. Talks to Lambda and DynamoDB."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from plldb.aws.session import Aws
from plldb.debugger.arming import operate
from plldb.debugger.arming.functions import (
    find_armed_versions,
    list_touched_functions,
    open_lambda,
    read_function,
)
from plldb.debugger.arming.holders import Hold, Holding, can_share, others_of, staying
from plldb.debugger.arming.mutex import list_holds, open_table
from plldb.debugger.arming.naming.find import list_stacks, tell_and_find
from plldb.debugger.arming.naming.names import Names
from plldb.debugger.arming.operate import Places, Refused
from plldb.debugger.arming.settings import is_touched
from plldb.debugger.events.restore import (
    FunctionHolder,
    FunctionRefused,
    HeldFunction,
    Restored,
    RestoreEvent,
    RestoreFinished,
    TakeOverPlanned,
    VersionArmed,
)
from plldb.debugger.pace import Pace
from plldb.streams import Tell
from plldb.tasks import gather_all


async def open_places(aws: Aws, pace: Pace) -> Places:
    """Return the clients for functions and mutexes."""
    functions, table = await gather_all(open_lambda(aws, pace), open_table(aws))
    return Places(functions=functions, table=table)


async def restore_functions(
    aws: Aws, named: Names, tell: Tell[RestoreEvent], *, take_over: bool, pace: Pace
) -> RestoreFinished:
    """Restore the functions that are named, or without names all that are armed, side by side.

    Functions that somebody else holds are left to them while the lease runs, unless ``take_over``.
    """
    target, listed, places = await gather_all(
        aws.read_target(), list_stacks(aws, named), open_places(aws, pace)
    )
    wanted = await tell_and_find(aws, target, "restore", named, listed, tell)
    now = int(time.time())

    def may_go(each: Holding) -> bool:
        return take_over or is_mine(each) or each.lease_until <= now

    def is_mine(each: Holding) -> bool:
        return each.holder.is_person(target.caller_arn, platform.node())

    names = [each.name for each in wanted] if named else await list_held_functions(places)
    if take_over and (others := await _held_by_others(places, names, is_mine, now)):
        await tell(TakeOverPlanned(functions=others))
    events = await gather_all(*[_restore_one(places, name, may_go, tell) for name in names])
    # Only now: who may not list versions can restore all the same.
    there = [each.function for each in events if isinstance(each, Restored) and each.how != "gone"]
    await gather_all(*[_tell_versions(places, name, tell) for name in there])
    return RestoreFinished(
        restored=sum(isinstance(event, Restored) and event.how == "restored" for event in events),
        refused=sum(isinstance(event, FunctionRefused) for event in events),
        shared=sum(isinstance(event, Restored) and event.how == "left" for event in events),
    )


async def _restore_one(
    places: Places, name: str, may_go: Callable[[Holding], bool], tell: Tell[RestoreEvent]
) -> Restored | FunctionRefused:
    outcome = await operate.restore(places, name, may_go)
    event = refused_event(name, outcome) if isinstance(outcome, Refused) else restored_event(name, outcome)
    if isinstance(event, FunctionRefused) or event.how in ("restored", "left"):
        await tell(event)
    return event


async def _tell_versions(places: Places, name: str, tell: Tell[RestoreEvent]) -> None:
    for each in await find_armed_versions(places.functions, name):
        await tell(VersionArmed(function=name, function_version=each.version, aliases=each.aliases))


async def list_held_functions(places: Places) -> Iterable[str]:
    """Return the names of all functions that are held or armed."""
    touched, holds = await gather_all(list_touched_functions(places.functions), list_holds(places.table))
    # A function that is held and not armed yet, or not any more, or deleted: its mutex is to go.
    return sorted({*touched, *(hold.name for hold in holds)})


async def _held_by_others(
    places: Places, names: Iterable[str], is_mine: Callable[[Holding], bool], now: int
) -> tuple[HeldFunction, ...]:
    """Return those of the functions that other people hold, and whose lease runs."""

    def goes(each: Holding) -> bool:
        return is_mine(each) or each.lease_until <= now

    holds = {hold.name: hold for hold in await list_holds(places.table)}
    found = [(hold, staying(hold, goes)) for name in names if (hold := holds.get(name))]
    looks = [look_at(places, hold.name, replace(hold, holders=rest)) for hold, rest in found if rest]
    return await gather_all(*looks)


async def look_at(places: Places, name: str, hold: Hold | None) -> HeldFunction:
    """Take one look at a function that ``hold`` is held by; None for nobody."""
    function = await read_function(places.functions, name)
    versions = await find_armed_versions(places.functions, name) if function else ()
    return HeldFunction(
        function=name,
        armed=function is not None and is_touched(function.settings),
        holders=_holders_of(hold, int(time.time())) if hold else (),
        versions={each.version: each.aliases for each in versions},
    )


def _holders_of(hold: Hold, now: int) -> tuple[FunctionHolder, ...]:
    """Return those whose lease runs, or where none does, whoever has not restored the function."""
    running = others_of(hold, "", now=now)
    return tuple(map(holder_of, running or hold.holders))


def holder_of(holding: Holding) -> FunctionHolder:
    """Return what is told of one who holds a function. Pure."""
    return FunctionHolder(
        who=holding.holder.who,
        host=holding.holder.host,
        stack=holding.holder.stack,
        since=holding.since,
        lease_until=holding.lease_until,
        where=holding.where,
    )


def restored_event(name: str, outcome: operate.Released) -> Restored:
    """Return what is told of a function that is restored, or left to others. Pure."""
    return Restored(function=name, how=outcome.how, others=tuple(map(holder_of, outcome.others)))


def refused_event(name: str, outcome: Refused) -> FunctionRefused:
    """Return what is told of a function that is left as it is. Pure."""
    held = outcome.held
    return FunctionRefused(
        function=name,
        reason=outcome.refusal.reason,
        message=outcome.refusal.message,
        holder=held.who if held else "",
        since=min((each.since for each in held.holders), default=0) if held else 0,
        shared_by_conditions=held is not None and can_share(held),
    )
