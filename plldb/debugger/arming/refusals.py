"""Why a function is left as it is. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from plldb.debugger.arming.examine import Refusal
from plldb.debugger.arming.holders import Hold, Holding
from plldb.errors import AccessDeniedError, AwsError

Outcome = TypeVar("Outcome")

INVALID = "InvalidParameterValueException"
"""Lambda does not take the settings of this function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The function was not changed. ``held`` says who holds it, if that is why: those that are in the way."""

    arn: str
    refusal: Refusal
    held: Hold | None = None


def refused(arn: str, reason: str, message: str) -> Refused:
    """Return a refusal: ``reason`` for programs, ``message`` for people."""
    return Refused(arn=arn, refusal=Refusal(reason=reason, message=message))


def held(arn: str, hold: Hold, *, mine: Callable[[Holding], bool] = lambda _: False) -> Refused:
    """Return the refusal of a function that others hold; ``mine``: it is the caller, in another session."""
    who = ", and ".join(_describe(each, mine=mine(each)) for each in hold.holders)
    return Refused(arn=arn, refusal=Refusal(reason="held", message=who), held=hold)


def full(arn: str, hold: Hold) -> Refused:
    """Return the refusal of a function that as many hold as can."""
    message = f"{len(hold.holders)} sessions share it, and no more can: of {hold.who}"
    return Refused(arn=arn, refusal=Refusal(reason="held", message=message), held=hold)


def _describe(holding: Holding, *, mine: bool) -> str:
    since = datetime.fromtimestamp(holding.since, UTC)
    who = "you have it in another session" if mine else f"{holding.holder.who} has it"
    only = f", for invocations where {' and '.join(holding.where)}" if holding.where else ""
    return f"{who}, on {holding.holder.host} since {since:%Y-%m-%d %H:%M} UTC{only}"


async def or_refused(name: str, work: Awaitable[Outcome | Refused]) -> Outcome | Refused:
    """Return what becomes of one function: an error that concerns no more than it is a refusal.

    Raises:
        AwsError: it concerns more.
    """
    try:
        return await work
    except AwsError as error:
        if refusal := _blame_function(name, error):
            return refusal
        raise


def _blame_function(arn: str, error: AwsError) -> Refused | None:
    """Return the refusal of this one function, None if the error concerns more than it."""
    if isinstance(error, AccessDeniedError):
        return refused(arn, "denied", f"{error.action} is not allowed")
    if error.aws_code == INVALID:
        # Lambda reports some limits only like this: the size of all layers unzipped, a blocked runtime.
        return refused(arn, "lambda", error.message)
    return None
