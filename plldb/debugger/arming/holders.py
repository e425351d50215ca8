"""Who holds a function: one session, or several with conditions that differ. Pure.

A row of the table PLLDBDebugger says it, of each function that is held: who, in the order of joining,
and a copy of what was replaced; never the environment, and the agent's token only as a hash. All who
hold a function share its token. Each decision about the row is a function here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from plldb.aws.items import read_text, read_time
from plldb.debugger.arming.settings import Replaced
from plldb.debugger.conditions import FOLDED, read_condition

KEY = "RequestId"
PREFIX = "fn#"
MOST = 8
"""Sessions that may hold one function: an agent's credentials name the connection of each, twice, and STS
takes a session policy of at most 2,048 characters."""

_NAMED_BY_BOTOCORE = re.compile(r"/botocore-session-\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds functions: one session of one person on one machine, for the stack ``stack``."""

    session: str
    who: str
    host: str
    stack: str

    def is_person(self, who: str, host: str) -> bool:
        """Return whether that is the caller with the ARN ``who`` on this machine, in whatever session.

        botocore gives each process that assumes a role for a profile another session name: with one of
        those, it is the same person if it is the same role on the same machine.
        """
        mine, theirs = _NAMED_BY_BOTOCORE.sub("", who), _NAMED_BY_BOTOCORE.sub("", self.who)
        return self.who == who or (mine == theirs and self.host == host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One session that holds a function, since and until when (POSIX seconds).

    ``where`` are the conditions on which it takes an event; without any it takes all. ``proof`` is
    `wire.prove`: of session, token and conditions.
    """

    holder: Holder
    since: int
    lease_until: int
    proof: str
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A function that is held, as its row says it; ``holders`` in the order of joining.

    ``token_hash`` is the SHA-256 of the agent's token, in hexadecimal digits. ``version`` is another one each
    time that the row is written; empty in a row of a plldb that knew one holder only.
    """

    arn: str
    token_hash: str
    replaced: Replaced
    holders: tuple[Holding, ...]
    version: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.arn.rpartition(":")[2]

    @property
    def lease_until(self) -> int:
        """When the last of its leases ends, in POSIX seconds."""
        return max((each.lease_until for each in self.holders), default=0)

    @property
    def who(self) -> str:
        """The ARNs of its holders, with commas between them."""
        return ", ".join(dict.fromkeys(each.holder.who for each in self.holders))

    def of(self, session: str) -> Holding | None:
        """Return how a session holds it, None if it does not."""
        return next((each for each in self.holders if each.holder.session == session), None)


def excludes(one: Collection[str], other: Collection[str]) -> bool:
    """Tell whether two sessions with these conditions cannot hold a function at the same time.

    Without conditions a session takes everything; with the same ones nobody knows whose an event is.
    """
    return not one or not other or {*map(_meaning, one)} == {*map(_meaning, other)}


def can_share(hold: Hold) -> bool:
    """Tell whether a session with conditions of its own could join those who hold a function."""
    return len(hold.holders) < MOST and all(each.where for each in hold.holders)


def _meaning(condition: str) -> object:
    """Return the same for conditions that are fulfilled by the same events, however they are written."""
    try:
        read = read_condition(condition)
    except ValueError:  # of another version of plldb
        return condition
    before = (None, *read.steps)
    steps = [
        step.lower() if step and last in FOLDED else step
        for last, step in zip(before, read.steps, strict=False)
    ]
    stars = [part for part in read.parts[1:-1] if part]  # two stars in a row are as one
    return tuple(steps), (*read.parts[:1], *stars, *read.parts[1:][-1:])


def others_of(
    hold: Hold | None, session: str, *, now: int, without: Collection[str] = ()
) -> tuple[Holding, ...]:
    """Return who holds a function besides a session and those ``without``; whose lease is over does not."""
    apart = {session, *without}
    holders = hold.holders if hold else ()
    return tuple(each for each in holders if each.lease_until > now and each.holder.session not in apart)


def in_the_way(hold: Hold, where: Collection[str], *, now: int, without: Collection[str] = ()) -> Hold:
    """Return a hold with those of its holders alone who exclude a session with these conditions."""
    others = others_of(hold, "", now=now, without=without)
    return replace(hold, holders=tuple(each for each in others if excludes(each.where, where)))


def join(hold: Hold | None, alone: Hold, *, now: int, instead_of: Collection[str]) -> Hold:
    """Return how a function is held once another session has joined whom nobody is in the way of.

    Args:
        hold: how it is held.
        alone: how it is held if nobody else does: by the session that joins, with a token of its own.
        now: POSIX seconds.
        instead_of: the sessions whose place is taken.
    """
    (mine,) = alone.holders
    others = others_of(hold, mine.holder.session, now=now, without=instead_of)
    return replace(hold, holders=(*others, mine)) if hold and others else alone


def staying(hold: Hold, goes: Callable[[Holding], bool]) -> tuple[Holding, ...]:
    """Return who stays in the row of a function when all leave it of whom ``goes`` says so."""
    return tuple(each for each in hold.holders if not goes(each))


def leave(hold: Hold, session: str, taken: Hold | None) -> Hold | None:
    """Return how a function is held once a session that could not arm it has left; None for by nobody.

    ``taken`` is how it was held before, by whoever had to make place.
    """
    rest = staying(hold, lambda each: each.holder.session == session)
    return replace(hold, holders=rest) if rest else taken


def item_of(hold: Hold) -> dict[str, Any]:
    """Return the row of a hold. It has no ``ExpiresAt``: DynamoDB must never delete it."""
    return {
        KEY: {"S": PREFIX + hold.arn},
        "LeaseUntil": {"N": str(hold.lease_until)},
        "AgentTokenHash": {"S": hold.token_hash},
        "Saved": {
            "M": {"Timeout": {"N": str(hold.replaced.timeout)}, "Wrapper": {"S": hold.replaced.wrapper}}
        },
        "Version": {"S": hold.version},
        "Holders": {"L": [{"M": _item_of(each)} for each in hold.holders]},
    }


def _item_of(holding: Holding) -> dict[str, Any]:
    return {
        "SessionId": {"S": holding.holder.session},
        "Who": {"S": holding.holder.who},
        "Host": {"S": holding.holder.host},
        "Stack": {"S": holding.holder.stack},
        "Since": {"N": str(holding.since)},
        "LeaseUntil": {"N": str(holding.lease_until)},
        "Where": {"L": [{"S": each} for each in holding.where]},
        "Proof": {"S": holding.proof},
    }


def hold_of(item: Mapping[str, Any]) -> Hold | None:
    """Return what a row says; None if it is not the row of a function.

    That of a plldb that knew one holder only has the fields of its holder itself.
    """
    key = read_text(item, KEY)
    if not key.startswith(PREFIX):
        return None
    saved = item.get("Saved", {}).get("M", {})
    named = [each.get("M", {}) for each in item["Holders"].get("L", ())] if "Holders" in item else [item]
    return Hold(
        arn=key.removeprefix(PREFIX),
        token_hash=read_text(item, "AgentTokenHash"),
        replaced=Replaced(timeout=read_time(saved, "Timeout"), wrapper=read_text(saved, "Wrapper")),
        holders=tuple(map(_holding_of, named)),
        version=read_text(item, "Version"),
    )


def _holding_of(item: Mapping[str, Any]) -> Holding:
    return Holding(
        holder=Holder(
            session=read_text(item, "SessionId"),
            who=read_text(item, "Who"),
            host=read_text(item, "Host"),
            stack=read_text(item, "Stack"),
        ),
        since=read_time(item, "Since"),
        lease_until=read_time(item, "LeaseUntil"),
        proof=read_text(item, "Proof"),
        where=tuple(read_text({"": each}, "") for each in item.get("Where", {}).get("L", ())),
    )
