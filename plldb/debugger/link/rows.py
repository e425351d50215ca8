"""The session's row in PLLDBSessions, by which the deployed API knows who may connect. Talks to DynamoDB.

It is written with the caller's own rights: that is the proof of who is connecting. Its key begins with the
caller's ``aws:userid``, so that a policy can limit everybody to rows of their own.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass

from plldb.aws.failures.unreachable import CHECK_NETWORK
from plldb.aws.items import CONDITION_FAILED
from plldb.aws.session import Aws
from plldb.debugger.errors import RefusedError
from plldb.debugger.wire import VERSION
from plldb.errors import AwsError, Hint, PlldbError

log = logging.getLogger(__name__)

TABLE = "PLLDBSessions"

KEPT_AFTER = 3600
"""Seconds that a row outlives its session, if nobody deletes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One attached session, as other developers see it.

    Attributes:
        id: key of the row; see `make_session_id`.
        stack: that is debugged; of several, with commas between them; empty for none.
        who: ARN of the caller.
        host: name of this machine.
        started_at: in seconds of the epoch.
        ends_at: until when it may last, in seconds of the epoch.
    """

    id: str
    stack: str
    who: str
    host: str
    started_at: int
    ends_at: int


def make_session_id(user_id: str) -> str:
    """Return a key for a new session of the caller with this ``aws:userid``."""
    return f"{user_id}#{secrets.token_hex(16)}"


async def make_row(aws: Aws, *, stack: str, host: str, now: float, seconds: float) -> SessionRow:
    """Return the row of a new session of the caller; nothing is written yet.

    ``now`` is in seconds of the epoch, ``seconds`` how long the session may last.

    Raises:
        AwsError: STS refused, or could not be reached.
    """
    sts = await aws.client("sts")
    caller = await aws.call(sts.get_caller_identity)
    user, who = caller.get("UserId"), caller.get("Arn")
    if not user or not who:
        raise AwsError("GetCallerIdentity: the answer names no user.", hint=CHECK_NETWORK)
    return SessionRow(
        id=make_session_id(user),
        stack=stack,
        who=who,
        host=host,
        started_at=int(now),
        ends_at=int(now + seconds),
    )


async def write_token(aws: Aws, row: SessionRow, *, now: float, new: bool) -> str:
    """Write the row with a fresh token, and return the token: it is good for one connection and a minute.

    Args:
        aws: where.
        row: what to write.
        now: the time by AWS's clock, in seconds of the epoch.
        new: whether the row must not exist yet; otherwise it must.

    Raises:
        RefusedError: the row exists and must not, or the other way round.
        AwsError: DynamoDB refused, or could not be reached.
    """
    client = await aws.client("dynamodb")
    token = secrets.token_hex(32)
    values, there = _fields(row, token, now), f"attribute_{'not_' if new else ''}exists(SessionId)"
    try:
        await aws.call(
            client.update_item,
            TableName=TABLE,
            Key={"SessionId": {"S": row.id}},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in values),
            # Its own token: this very request was made before, and its answer was lost.
            ConditionExpression=f"{there} OR TokenHash = :TokenHash",
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )
    except AwsError as error:
        if error.aws_code != CONDITION_FAILED:
            raise
        raise RefusedError(
            f"The row of this session in the table {TABLE} is gone: "
            "the session has ended, or the table is new.",
            hint=Hint("run-again", "Attach again."),
        ) from error
    return token


def _fields(row: SessionRow, token: str, now: float) -> dict[str, dict[str, str]]:
    return {
        "StackName": {"S": row.stack or "-"},
        "Who": {"S": row.who},
        "Host": {"S": row.host},
        "StartedAt": {"N": str(row.started_at)},
        "ExpiresAt": {"N": str(row.ends_at + KEPT_AFTER)},
        "Protocol": {"N": str(VERSION)},
        "TokenHash": {"S": _hash(token)},
        "TokenAt": {"N": f"{now:.3f}"},
    }


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def mark_detached(aws: Aws, row: SessionRow) -> None:
    """Say in the row that no more invocations are taken; those under way will still be answered.

    Raises:
        AwsError: DynamoDB refused, or could not be reached.
    """
    client = await aws.client("dynamodb")
    try:
        await aws.call(
            client.update_item,
            TableName=TABLE,
            Key={"SessionId": {"S": row.id}},
            UpdateExpression="SET Detached = :true",
            ConditionExpression="attribute_exists(SessionId)",
            ExpressionAttributeValues={":true": {"BOOL": True}},
        )
    except AwsError as error:
        if error.aws_code != CONDITION_FAILED:  # no row: nobody finds this session any more
            raise


async def forget_row(aws: Aws, row: SessionRow) -> None:
    """Delete the row, so that nobody finds the session any more; raises nothing."""
    try:
        client = await aws.client("dynamodb")
        await aws.call(client.delete_item, TableName=TABLE, Key={"SessionId": {"S": row.id}})
    except PlldbError as error:  # it is useless to anybody, and expires
        log.info("the row of the session stays: %s", type(error).__name__)
