"""The rows of sessions and of held functions, as the handlers read and change them. Talks to DynamoDB.

Cargo: packed into every handler, imported there by its bare name, never by plldb.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

SESSIONS = "PLLDBSessions"
DEBUGGER = "PLLDBDebugger"

TOKEN_SECONDS = 60
"""How long a developer's token is good for: it is used as soon as it is written."""

QUICK = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
"""API Gateway and the handler's own timeout of 10 s wait for nothing longer."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that holds a function.

    ``where`` are the conditions on which the session takes an event; the agent tests them. ``proof`` shows it
    that this session has armed the function, on these conditions: `plldb.debugger.wire.prove`.
    """

    session: str
    where: list[str]
    proof: str

    @property
    def name(self) -> str:
        """What sandboxes are told instead of the session's key, which names a person."""
        return hashlib.sha256(self.session.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a function, in the order of joining, and until when, in epoch seconds.

    ``until`` is the latest of theirs. Whose own lease is over is not among ``holders``.
    """

    until: int
    holders: tuple[Holder, ...]


@dataclass(frozen=True, slots=True)
class Laptop:
    """The connection of a session; ``detached`` if it takes no more invocations and answers those it has."""

    connection: str
    detached: bool


@cache
def open_client(service: str) -> Any:
    """Return a client with the credentials and the region of the function; one for each service."""
    return botocore.session.get_session().create_client(service, config=QUICK)


def digest(token: str) -> str:
    """Return what a table holds of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def admit(session: str, token: str, connection: str, now: float) -> bool:
    """Consume a developer's token and note the connection that it was used for; return whether it was good.

    One conditional write, so that a token is used once. That the connection is noted already means that this
    very request was made before, and that its answer was lost.
    """
    return _change(
        session,
        "SET Admitted = :me REMOVE TokenHash",
        "(TokenHash = :hash AND TokenAt > :oldest AND ExpiresAt > :now) OR Admitted = :me",
        {
            ":me": {"S": connection},
            ":hash": {"S": digest(token)},
            ":oldest": {"N": f"{now - TOKEN_SECONDS:.3f}"},
            ":now": {"N": f"{now:.3f}"},
        },
    )


def take_over(session: str, connection: str, now: float) -> bool:
    """Make a connection the one that the session is reached by, if it was admitted; return whether it was."""
    return _change(
        session,
        "SET ConnectionId = :me",
        "(Admitted = :me OR ConnectionId = :me) AND ExpiresAt > :now",
        {":me": {"S": connection}, ":now": {"N": f"{now:.3f}"}},
    )


def forget(session: str, connection: str) -> bool:
    """Take note that a connection is closed, unless the session has another by now."""
    return _change(session, "REMOVE ConnectionId", "ConnectionId = :me", {":me": {"S": connection}})


def _change(session: str, update: str, condition: str, values: dict[str, Any]) -> bool:
    try:
        open_client("dynamodb").update_item(
            TableName=SESSIONS,
            Key={"SessionId": {"S": session}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def check_agent(function_arn: str, token: str, now: float) -> Lease | Literal["token", "lease"]:
    """Return the lease of a function if the agent's token is that of the lease; else what is wrong.

    ``"token"``: somebody else holds the function by now. ``"lease"``: nobody does, or the time is over.
    """
    row = _read(DEBUGGER, {"RequestId": {"S": f"fn#{function_arn}"}})
    until = _until(row)
    if until <= now:
        return "lease"
    if not hmac.compare_digest(_value(row, "AgentTokenHash", "S"), digest(token)):
        return "token"
    named = [each.get("M", {}) for each in row.get("Holders", {}).get("L", [])]
    return Lease(until, tuple(_holder_of(each) for each in named if _until(each) > now))


def _until(row: dict[str, Any]) -> int:
    return int(float(_value(row, "LeaseUntil", "N") or 0))


def _holder_of(row: dict[str, Any]) -> Holder:
    where = [str(each.get("S", "")) for each in row.get("Where", {}).get("L", [])]
    return Holder(session=_value(row, "SessionId", "S"), where=where, proof=_value(row, "Proof", "S"))


def find_laptop(session: str, now: float) -> Laptop | None:
    """Return how a session is reached, None if it is not."""
    row = _read(SESSIONS, {"SessionId": {"S": session}}) if session else {}
    # DynamoDB may delete a row days after it has expired.
    alive = float(_value(row, "ExpiresAt", "N") or 0) > now
    connection = _value(row, "ConnectionId", "S")
    if not alive or not connection:
        return None
    return Laptop(connection=connection, detached=row.get("Detached", {}).get("BOOL") is True)


def _read(table: str, key: dict[str, Any]) -> dict[str, Any]:
    answer = open_client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)
    item: dict[str, Any] = answer.get("Item", {})
    return item


def _value(row: dict[str, Any], name: str, kind: str) -> str:
    return str(row.get(name, {}).get(kind, ""))
