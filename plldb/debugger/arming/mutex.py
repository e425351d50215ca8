"""Who holds which function: one row of PLLDBDebugger for each. Talks to DynamoDB.

The row is written before a function is changed and deleted when it is as deployed again. Each change of it
names the version that was read: of two that change it at once, one reads again and decides again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from plldb.aws.items import CONDITION_FAILED, NO_TABLE, Item, all_items, is_function
from plldb.aws.session import Aws
from plldb.debugger.arming.holders import KEY, PREFIX, Hold, hold_of, item_of
from plldb.errors import AwsError

TABLE = "PLLDBDebugger"


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


async def read_row(table: Table, key: str) -> Item:
    """Return a row; empty for none, also if plldb's stack is gone: functions can be restored all the same.

    Consistent.
    """
    try:
        answer = await table.aws.call(
            table.client.get_item, TableName=TABLE, Key={KEY: {"S": key}}, ConsistentRead=True
        )
    except AwsError as error:
        if error.aws_code != NO_TABLE:
            raise
        return {}
    item: Item = answer.get("Item") or {}
    return item


async def read_hold(table: Table, arn: str) -> Hold | None:
    """Return who holds a function; None for nobody."""
    return hold_of(await read_row(table, PREFIX + arn))


async def write_hold(table: Table, hold: Hold, *, over: Hold | None) -> Hold | None:
    """Write how a function is held, if nobody has written its row since ``over`` was read (None: no row).

    Return it as it was written, else None.
    """
    written = replace(hold, version=secrets.token_hex(8))
    unchanged, values = _unchanged(over)
    try:
        await table.aws.call(
            table.client.put_item,
            TableName=TABLE,
            Item=item_of(written),
            # Its own version: this very request was made before, and its answer was lost.
            ConditionExpression=f"{unchanged} OR Version = :mine",
            ExpressionAttributeValues={":mine": {"S": written.version}, **values},
        )
    except AwsError as error:
        if error.aws_code != CONDITION_FAILED:
            raise
        return None
    return written


async def delete_hold(table: Table, hold: Hold) -> bool:
    """Delete the row of a function, if nobody has written it since it was read; return whether it is gone."""
    unchanged, values = _unchanged(hold)
    try:
        await table.aws.call(
            table.client.delete_item,
            TableName=TABLE,
            Key={KEY: {"S": PREFIX + hold.arn}},
            ConditionExpression=f"attribute_not_exists({KEY}) OR {unchanged}",
            **({"ExpressionAttributeValues": values} if values else {}),
        )
    except AwsError as error:
        if error.aws_code != CONDITION_FAILED:
            raise
        return False
    return True


def _unchanged(seen: Hold | None) -> tuple[str, dict[str, Any]]:
    """Return the condition that nobody has written the row since it was seen, and the values in it."""
    if seen is None:
        return f"attribute_not_exists({KEY})", {}
    if not seen.version:
        return f"(attribute_exists({KEY}) AND attribute_not_exists(Version))", {}
    return "Version = :seen", {":seen": {"S": seen.version}}


def scan_rows(table: Table, *, of_functions: bool) -> AsyncIterator[Item]:
    """Yield all rows of functions, or all others: those of invocations."""
    return all_items(
        table.aws,
        table.client.scan,
        TableName=TABLE,
        ConsistentRead=True,
        FilterExpression=("" if of_functions else "NOT ") + f"begins_with({KEY}, :prefix)",
        ExpressionAttributeValues={":prefix": {"S": PREFIX}},
    )


async def list_holds(table: Table) -> tuple[Hold, ...]:
    """Return every function that is held in this account and region.

    A row that somebody else has written, and that names no function Lambda could be asked for, is left out.
    """
    items = scan_rows(table, of_functions=True)
    found = [hold async for item in items if (hold := hold_of(item)) and is_function(hold.arn)]
    return tuple(sorted(found, key=lambda hold: hold.arn))
