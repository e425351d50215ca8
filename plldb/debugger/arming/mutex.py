"""Who has borrowed which function: one row of PLLDBDebugger for each. Talks to DynamoDB.

The row is taken before a function is changed and given back when it is as deployed again. It names its
holder and keeps a copy of what was replaced; never the environment, and the agent's token only as a hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plldb.aws.items import NO_TABLE, all_items, read_text, read_time
from plldb.aws.session import Aws
from plldb.debugger.arming.settings import Replaced
from plldb.errors import AwsError

TABLE = "PLLDBDebugger"
KEY = "RequestId"
PREFIX = "fn#"
REFUSED = "ConditionalCheckFailedException"
_NAMED_BY_BOTOCORE = re.compile(r"/botocore-session-\d+$")
_FUNCTION = re.compile(r"arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,140}")
"""The ARN of a function, which Lambda can be asked for."""


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
class Hold:
    """A function that is held: by whom, since and until when (POSIX seconds).

    ``token_hash`` is the SHA-256 of the agent's token, in hexadecimal digits; ``proof`` is `wire.prove`.
    ``where`` are the conditions on which an event is taken; without any, all are.
    """

    arn: str
    holder: Holder
    since: int
    lease_until: int
    token_hash: str
    proof: str
    replaced: Replaced
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The table, in one account and region."""

    aws: Aws
    client: Any


async def open_table(aws: Aws) -> Table:
    """Return the client; nothing is asked of DynamoDB yet."""
    return Table(aws=aws, client=await aws.client("dynamodb"))


def hash_token(token: str) -> str:
    """Return what the table keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def read_hold(table: Table, arn: str) -> Hold | None:
    """Return who holds a function; None for nobody. Consistent."""
    try:
        answer = await table.aws.call(
            table.client.get_item, TableName=TABLE, Key={KEY: {"S": PREFIX + arn}}, ConsistentRead=True
        )
    except AwsError as error:
        if error.aws_code != NO_TABLE:
            raise
        return None  # plldb's stack is gone: functions can be restored all the same
    return hold_of(answer.get("Item") or {})


async def take(table: Table, hold: Hold, *, now: int, instead_of: str = "") -> Hold | None:
    """Take a function; return None if it is ours now, else who holds it.

    It can be taken if nobody holds it, if the lease has ended, or if the session ``instead_of`` holds it.
    """
    try:
        await table.aws.call(
            table.client.put_item,
            TableName=TABLE,
            Item=item_of(hold),
            ConditionExpression="attribute_not_exists(#key) OR LeaseUntil <= :now OR SessionId IN (:a, :b)",
            ExpressionAttributeNames={"#key": KEY},
            ExpressionAttributeValues={
                ":now": {"N": str(now)},
                ":a": {"S": hold.holder.session},
                ":b": {"S": instead_of or hold.holder.session},
            },
        )
    except AwsError as error:
        if error.aws_code != REFUSED:
            raise
        # Given back at this very moment: whoever asks again will get it.
        return await read_hold(table, hold.arn) or hold
    return None


async def keep(table: Table, hold: Hold, *, held_by: str = "") -> bool:
    """Write the row of a function anew; False if it is not held by this session any more.

    ``held_by`` is the session that has to hold it, if that is another one than will.
    """
    try:
        await table.aws.call(
            table.client.put_item,
            TableName=TABLE,
            Item=item_of(hold),
            ConditionExpression="SessionId = :session",
            ExpressionAttributeValues={":session": {"S": held_by or hold.holder.session}},
        )
    except AwsError as error:
        if error.aws_code != REFUSED:
            raise
        return False
    return True


async def release(table: Table, arn: str, session: str) -> bool:
    """Give a function back; False if another session holds it."""
    try:
        await table.aws.call(
            table.client.delete_item,
            TableName=TABLE,
            Key={KEY: {"S": PREFIX + arn}},
            ConditionExpression="attribute_not_exists(#key) OR SessionId = :session",
            ExpressionAttributeNames={"#key": KEY},
            ExpressionAttributeValues={":session": {"S": session}},
        )
    except AwsError as error:
        if error.aws_code != REFUSED:
            raise
        return False
    return True


async def list_holds(table: Table) -> tuple[Hold, ...]:
    """Return every function that is held in this account and region.

    A row that somebody else has written, and that names no function Lambda could be asked for, is left out.
    """
    items = all_items(
        table.aws,
        table.client.scan,
        TableName=TABLE,
        ConsistentRead=True,
        FilterExpression="begins_with(#key, :prefix)",
        ExpressionAttributeNames={"#key": KEY},
        ExpressionAttributeValues={":prefix": {"S": PREFIX}},
    )
    found = [hold async for item in items if (hold := hold_of(item)) and _FUNCTION.fullmatch(hold.arn)]
    return tuple(sorted(found, key=lambda hold: hold.arn))


def item_of(hold: Hold) -> dict[str, Any]:
    """Return the row of a hold. Pure. It has no ``ExpiresAt``: DynamoDB must never delete it."""
    return {
        KEY: {"S": PREFIX + hold.arn},
        "SessionId": {"S": hold.holder.session},
        "Who": {"S": hold.holder.who},
        "Host": {"S": hold.holder.host},
        "Stack": {"S": hold.holder.stack},
        "Since": {"N": str(hold.since)},
        "LeaseUntil": {"N": str(hold.lease_until)},
        "AgentTokenHash": {"S": hold.token_hash},
        "Proof": {"S": hold.proof},
        "Where": {"L": [{"S": each} for each in hold.where]},
        "Saved": {
            "M": {"Timeout": {"N": str(hold.replaced.timeout)}, "Wrapper": {"S": hold.replaced.wrapper}}
        },
    }


def hold_of(item: Mapping[str, Any]) -> Hold | None:
    """Return what a row says; None if it is not the row of a function. Pure."""
    key = read_text(item, KEY)
    if not key.startswith(PREFIX):
        return None
    saved = item.get("Saved", {}).get("M", {})
    return Hold(
        arn=key.removeprefix(PREFIX),
        holder=Holder(
            session=read_text(item, "SessionId"),
            who=read_text(item, "Who"),
            host=read_text(item, "Host"),
            stack=read_text(item, "Stack"),
        ),
        since=read_time(item, "Since"),
        lease_until=read_time(item, "LeaseUntil"),
        token_hash=read_text(item, "AgentTokenHash"),
        proof=read_text(item, "Proof"),
        replaced=Replaced(timeout=read_time(saved, "Timeout"), wrapper=read_text(saved, "Wrapper")),
        where=tuple(read_text({"": each}, "") for each in item.get("Where", {}).get("L", ())),
    )
