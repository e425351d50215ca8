"""One look at a function: as it is, as it was deployed, who holds it. Talks to Lambda and DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass

from plldb.debugger.arming.examine import Function, refuse
from plldb.debugger.arming.functions import (
    Lambda,
    find_missing_layer,
    is_signing_enforced,
    wait_until_updated,
)
from plldb.debugger.arming.holders import Hold
from plldb.debugger.arming.mutex import hash_token, read_hold
from plldb.debugger.arming.refusals import Refused, refused
from plldb.debugger.arming.settings import read_arms
from plldb.debugger.arming.take_out import Places, as_deployed
from plldb.tasks import gather_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A function that may be armed, as one look has found it: as it is, as it was deployed, who holds it."""

    current: Function
    before: Function
    hold: Hold | None


async def look(places: Places, name: str) -> Seen | Refused:
    """Return what is to be armed once no update of it is under way, or why it cannot be.

    Raises:
        AwsError: AWS refused, or could not be reached.
    """
    function = await wait_until_updated(places.functions, name)
    if function is None:
        return refused(name, "gone", "there is no such function")
    return await examine(places.functions, function, await read_hold(places.table, function.arn))


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


def token_of(seen: Seen) -> str:
    """Return the token that is on a function, if it is that of its row; else an empty text. Pure."""
    arms = read_arms(seen.current.settings.variables)
    known = seen.hold.token_hash if seen.hold else ""
    return arms.token if arms and hash_token(arms.token) == known else ""
