"""Why a function is left as it is. Pure."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from plldb.debugger.arming.examine import Refusal
from plldb.debugger.arming.mutex import Hold
from plldb.errors import AccessDeniedError, AwsError

Outcome = TypeVar("Outcome")

INVALID = "InvalidParameterValueException"
"""Lambda does not take the settings of this function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The function was not changed. ``held`` says who holds it, if that is why."""

    arn: str
    refusal: Refusal
    held: Hold | None = None


def refused(arn: str, reason: str, message: str) -> Refused:
    """Return a refusal: ``reason`` for programs, ``message`` for people."""
    return Refused(arn=arn, refusal=Refusal(reason=reason, message=message))


def held(arn: str, hold: Hold, *, mine: bool = False) -> Refused:
    """Return the refusal of a function that somebody holds; ``mine``: the caller, in another session."""
    since = datetime.fromtimestamp(hold.since, UTC)
    who = "you have it in another session" if mine else f"{hold.holder.who} has it"
    only = f", for invocations where {' and '.join(hold.where)}" if hold.where else ""
    message = f"{who}, on {hold.holder.host} since {since:%Y-%m-%d %H:%M} UTC{only}"
    return Refused(arn=arn, refusal=Refusal(reason="held", message=message), held=hold)


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
