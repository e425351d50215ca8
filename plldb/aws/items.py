"""Items of DynamoDB's tables: all of them, and their attributes as values. Talks to DynamoDB.

Whoever may write into a table may write anything into it: what is missing, or of another type, is as good as
empty, and a time stays one that a calendar has.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from plldb.errors import AwsError

if TYPE_CHECKING:
    from plldb.aws.session import Aws

NO_TABLE = "ResourceNotFoundException"
CONDITION_FAILED = "ConditionalCheckFailedException"

Item = Mapping[str, Mapping[str, Any]]

LAST_TIME = 253_402_214_400
"""The last day of the year 9999, in seconds of the epoch: the last that `datetime` knows in every zone."""

_FUNCTION = re.compile(r"arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,140}")


def is_function(arn: str) -> bool:
    """Return whether that is the ARN of a function, which Lambda can be asked for."""
    return _FUNCTION.fullmatch(arn) is not None


async def all_items(aws: Aws, scan: Any, **arguments: Any) -> AsyncIterator[Item]:
    """Yield what ``scan``, a client's method, finds, page by page; nothing if the table is not there.

    Raises:
        AwsError: DynamoDB refused, or could not be reached.
    """
    start: dict[str, Any] = {}
    while True:
        try:
            page = await aws.call(scan, **arguments, **start)
        except AwsError as error:
            if error.aws_code != NO_TABLE:
                raise
            return
        for item in page.get("Items") or ():
            yield item
        if not page.get("LastEvaluatedKey"):
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def read_text(item: Item, name: str) -> str:
    """Return a text, empty if it is none."""
    return str(item.get(name, {}).get("S", ""))


def read_number(item: Item, name: str) -> float:
    """Return a number, 0 if it is none. DynamoDB's go up to 1e126, and know no NaN."""
    return float(item.get(name, {}).get("N", "0"))


def read_time(item: Item, name: str) -> int:
    """Return a time in seconds of the epoch, 0 if it is none."""
    return int(min(max(read_number(item, name), 0), LAST_TIME))
