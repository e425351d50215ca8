"""What attaching would change: functions are examined, their code is found. Talks to Lambda and the disk."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.debugger.arming.examine import function_of
from plldb.debugger.arming.functions import GONE, arn_of
from plldb.debugger.arming.holders import MOST, Hold, Holding, excludes, others_of
from plldb.debugger.arming.look import Seen, token_of
from plldb.debugger.arming.mutex import read_hold
from plldb.debugger.arming.naming.names import Wanted
from plldb.debugger.arming.operate import Places, Refused, examine, held
from plldb.debugger.arming.refusals import full, refused
from plldb.debugger.arming.restore import refused_event
from plldb.debugger.errors import (
    MOST_NAMED,
    InlineCodeError,
    NoCodeError,
    NoFunctionsError,
    SeveralFoldersError,
    SourceError,
)
from plldb.debugger.events.restore import FunctionRefused
from plldb.debugger.link.rows import TABLE as SESSIONS
from plldb.debugger.workers.project.cache import LARGEST, cache_folder
from plldb.debugger.workers.project.compare import Package, package_of, read_files
from plldb.debugger.workers.project.deployed import add_generated, copy_package
from plldb.debugger.workers.project.handlers import is_generated, own_handlers
from plldb.debugger.workers.settings import FunctionSettings, read_settings
from plldb.debugger.workers.source import Project, Source, find_source, root_of
from plldb.errors import AccessDeniedError, AwsError, Hint
from plldb.tasks import gather_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A function that can be armed.

    ``seen`` is what arming has to know of it. ``instead_of`` are the sessions from which it will be taken:
    of the same person and not connected any more or, with ``taken``, any; ``hold`` is how those have it.
    """

    name: str
    settings: FunctionSettings = field(repr=False)
    source: Source
    package: Package
    seen: Seen = field(repr=False)
    hold: Hold | None = None
    instead_of: frozenset[str] = frozenset()
    taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The caller, this machine's name and the session's conditions; ``takes_over``: also what others hold."""

    target: Target
    host: str
    where: tuple[str, ...]
    takes_over: bool


async def plan_function(
    aws: Aws, places: Places, wanted: Wanted, project: Project, me: Me
) -> Candidate | FunctionRefused:
    """Return what to arm, or why not. Changes nothing."""
    try:
        return await _plan(aws, places, wanted, project, me)
    except AccessDeniedError as error:
        return _refused(wanted.name, "denied", f"{error.action} is not allowed")


async def _plan(
    aws: Aws, places: Places, wanted: Wanted, project: Project, me: Me
) -> Candidate | FunctionRefused:
    arn = arn_of(me.target, wanted.name)
    answer, hold = await gather_all(_read(places, wanted.name), read_hold(places.table, arn))
    configuration = dict(answer.get("Configuration", {}))
    if not configuration:
        return refused_event(wanted.name, refused(wanted.name, "gone", "there is no such function"))
    seen = await examine(places.functions, function_of(configuration), hold)
    if isinstance(seen, Refused):
        return refused_event(wanted.name, seen)
    place = await find_place(aws, places, seen, me)
    if isinstance(place, Refused):
        return refused_event(wanted.name, place)
    settings = read_settings(configuration, logical_id=wanted.logical_id, stack=wanted.stack)
    try:
        source = await _find(aws, project, settings, answer)
    except SourceError as error:
        return _refused(wanted.name, error.code, error.message)
    return Candidate(
        name=settings.name,
        settings=settings,
        source=source,
        package=package_of(answer),
        seen=seen,
        hold=place.hold,
        instead_of=place.instead_of,
        taken=place.taken,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Beside whom, and instead of whom, a session can hold a function."""

    hold: Hold | None = None
    instead_of: frozenset[str] = frozenset()
    taken: bool = False


async def find_place(aws: Aws, places: Places, seen: Seen, me: Me) -> Place | Refused:
    """Return beside whom, and instead of whom, the caller can hold a function, or who is in the way.

    Raises:
        AwsError: DynamoDB refused, or could not be reached.
    """
    others = others_of(seen.hold, "", now=int(time.time()))
    if seen.hold is None or not others:
        return Place()
    mine = [each for each in others if _is(each, me)]
    connected = await gather_all(*[_is_connected(aws, places, each.holder.session) for each in mine])
    killed = frozenset(each.holder.session for each, there in zip(mine, connected, strict=True) if not there)
    # Without their token on the function nobody can join them: it was deployed, and they are not there.
    can_join = bool(token_of(seen) or not me.takes_over)
    return _choose_place(replace(seen.hold, holders=others), killed, me, can_join=can_join)


def _choose_place(hold: Hold, killed: frozenset[str], me: Me, *, can_join: bool) -> Place | Refused:
    """Choose beside whom, and instead of whom; ``killed`` are sessions of the caller's that are no more."""
    rest = tuple(each for each in hold.holders if each.holder.session not in killed)
    in_the_way = tuple(each for each in rest if excludes(each.where, me.where))
    is_free = not in_the_way and len(rest) < MOST
    if not rest or (is_free and can_join):
        return Place(hold=hold if killed else None, instead_of=killed)
    if me.takes_over:
        # Their token is replaced, so whoever would not be in the way has to make place, too.
        everybody = frozenset(each.holder.session for each in hold.holders)
        return Place(hold=replace(hold, holders=rest), instead_of=everybody, taken=True)
    if in_the_way:
        return held(hold.arn, replace(hold, holders=in_the_way), mine=lambda each: _is(each, me))
    return full(hold.arn, replace(hold, holders=rest))


def _is(holding: Holding, me: Me) -> bool:
    return holding.holder.is_person(me.target.caller_arn, me.host)


async def _find(aws: Aws, project: Project, settings: FunctionSettings, answer: Mapping[str, Any]) -> Source:
    package = package_of(answer)
    try:
        return await asyncio.to_thread(find_source, project, settings)
    except SeveralFoldersError:
        if (deployed := await read_files(aws, package)) is None:
            raise
        return await asyncio.to_thread(find_source, project, settings, deployed)
    except InlineCodeError as error:
        folder = _copy_of(settings, answer)
        if not await copy_package(aws, package, folder):
            raise _not_copied(error) from error
    except SourceError as error:
        handler = own_handlers(settings)[0]
        if not is_generated(handler):
            raise
        root, folder = await asyncio.to_thread(root_of, project, settings), _copy_of(settings, answer)
        if not await add_generated(aws, package, handler, root, folder):
            raise _not_copied(error) from error
    project = replace(project, code={**project.code, settings.name: folder})
    return replace(await asyncio.to_thread(find_source, project, settings), as_deployed=True)


def _not_copied(error: SourceError) -> NoCodeError:
    most = f"{LARGEST:,}"
    return NoCodeError(
        f"{error.message} It cannot be copied from Lambda: the package cannot be downloaded, has more than "
        f"{most} bytes, or cannot be unpacked here (is the disk full?). The table [tool.plldb.code] of "
        "pyproject.toml can name a folder with a copy of it."
    )


def _copy_of(settings: FunctionSettings, answer: Mapping[str, Any]) -> Path:
    """Return the folder for a copy of what is deployed: another one for each version of the code."""
    version = f"{settings.arn} {answer.get('Configuration', {}).get('CodeSha256')}"
    return cache_folder("code") / f"{settings.name}-{hashlib.sha256(version.encode()).hexdigest()[:12]}"


async def _read(places: Places, name: str) -> dict[str, Any]:
    where = places.functions
    try:
        answer = await where.aws.call(where.client.get_function, FunctionName=name)
    except AwsError as error:
        if error.aws_code == GONE:
            return {}
        raise
    return dict(answer)


async def _is_connected(aws: Aws, places: Places, session: str) -> bool:
    """Whether a session that holds a function has a connection: that of a killed plldb has none."""
    try:
        answer = await aws.call(
            places.table.client.get_item,
            TableName=SESSIONS,
            Key={"SessionId": {"S": session}},
            ConsistentRead=True,
            ProjectionExpression="ConnectionId",
        )
    except AccessDeniedError:
        return True  # a row of another session name of the caller's: a policy may bind everybody to their own
    return bool(answer.get("Item"))


def nothing_left(refused: Sequence[FunctionRefused]) -> NoFunctionsError:
    """Return the error that says that there is no function at all; why was told of each. Pure."""
    names = ", ".join(each.function for each in refused[:MOST_NAMED])
    more = f" and {len(refused) - MOST_NAMED} more" if len(refused) > MOST_NAMED else ""
    held = [each for each in refused if each.reason == "held"]
    if held and all(each.shared_by_conditions for each in held):
        hint = Hint("share", "Attach with conditions of your own, ask whoever holds them, or take them over.")
    elif held:
        hint = Hint("take-over", "Ask whoever holds them to detach, or take them over.")
    elif any(each.reason in ("no-code", "several-folders") for each in refused):
        hint = Hint("fix-argument", "Attach in the folder of the whole project, or name that of their code.")
    elif any(each.reason == "denied" for each in refused):
        hint = Hint("allow-action", "The caller needs the IAM action that is named above.")
    else:
        hint = Hint("fix-argument", "Name other functions: these cannot be attached to.")
    left = "is left as it is" if len(refused) == 1 else "are left as they are"
    return NoFunctionsError(f"There is no function to attach to: {names}{more} {left}.", hint=hint)


def _refused(name: str, reason: str, message: str) -> FunctionRefused:
    return FunctionRefused(function=name, reason=reason, message=message)
