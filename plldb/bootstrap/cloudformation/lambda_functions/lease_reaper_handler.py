"""Lambda handler that a schedule invokes: functions whose lease has ended are put back. Talks to AWS.

It only takes out what plldb has put into a function, and adds nothing. Who is in the middle of taking the
function again is not disturbed: each change names the revision that was read, each row that is deleted the
version that was read.

Cargo: AWS runs it, plldb never imports it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from tables import DEBUGGER, digest, open_client

from plldb.debugger.arming.settings import Replaced, Settings, is_touched, read_arms, restore_settings

ROUNDS = 20
"""How often one run looks at a function again; the next run goes on."""

PAUSE = 1.0
"""Seconds between two looks: Lambda takes about as long for an update."""

RESERVE = 15.0
"""Seconds before its own timeout at which a run ends."""

SOMEBODY_ELSE = frozenset({"PreconditionFailedException", "ResourceConflictException"})
"""Lambda's codes for a function that is being changed, or was since it was read."""

LOG = logging.getLogger()
LOG.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Ended:
    """A row of a function whose lease has ended, of all who hold it.

    ``until`` is a number as DynamoDB writes it; ``token_hash`` is of the token that their agents have.
    ``version`` is random and new with every write, and empty in a row of an earlier version of plldb.
    """

    arn: str
    until: str
    token_hash: str
    version: str
    replaced: Replaced | None


def handler(event: object, context: Any) -> dict[str, int]:  # noqa: ARG001 - Lambda's signature
    """Put back every function whose lease has ended; return how many are not back yet."""
    left = [*read_ended(time.time())]
    for _ in range(ROUNDS):
        left = [each for each in left if not put_back(each, time.time())]
        if not left or context.get_remaining_time_in_millis() < RESERVE * 1000:
            break
        time.sleep(PAUSE)
    return {"left": len(left)}


def read_ended(now: float) -> Iterator[Ended]:
    """Yield the functions whose lease has ended; the table's other rows are of invocations."""
    pages = open_client("dynamodb").get_paginator("scan")
    for page in pages.paginate(
        TableName=DEBUGGER,
        FilterExpression="begins_with(RequestId, :prefix) AND LeaseUntil <= :now",
        ExpressionAttributeValues={":prefix": {"S": "fn#"}, ":now": {"N": str(int(now))}},
    ):
        yield from map(ended_of, page["Items"])


def ended_of(row: dict[str, Any]) -> Ended:
    """Return what a row says. Pure."""
    saved = row.get("Saved", {}).get("M", {})
    timeout = int(float(saved.get("Timeout", {}).get("N", "0")))
    return Ended(
        arn=row["RequestId"]["S"].removeprefix("fn#"),
        until=row["LeaseUntil"]["N"],
        token_hash=row.get("AgentTokenHash", {}).get("S", ""),
        version=row.get("Version", {}).get("S", ""),
        replaced=Replaced(timeout=timeout, wrapper=saved.get("Wrapper", {}).get("S", ""))
        if timeout
        else None,
    )


def put_back(ended: Ended, now: float) -> bool:
    """Do the next step for one function, and return whether nothing more is to be done for it in this run."""
    try:
        return _step(ended, now)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in SOMEBODY_ELSE:
            return False
        LOG.error("%s stays as it is: %s answers %s", ended.arn, error.operation_name, code)
        return True
    except BotoCoreError as error:  # a row that names no function, or no answer: the others go on
        LOG.error("%r stays as it is: %s", ended.arn, type(error).__name__)
        return True


def _step(ended: Ended, now: float) -> bool:
    configuration = read_configuration(ended.arn)
    if configuration is None:
        return forget(ended)
    if configuration.get("LastUpdateStatus") == "InProgress" or configuration.get("State") == "Pending":
        return False
    settings = settings_of(configuration)
    if not is_touched(settings, ended.replaced):
        return forget(ended)
    arms = read_arms(settings.variables)
    if arms and arms.lease_until > now and digest(arms.token) != ended.token_hash:
        # Taken anew since the row was read. With the same token, somebody has left whose lease was longer.
        return True
    if reason := unreadable(configuration):
        # What is written back would lack what cannot be read: the environment would be lost.
        LOG.error("%s stays as it is: Lambda cannot read its environment (%s)", ended.arn, reason)
        return True
    write(ended.arn, configuration["RevisionId"], restore_settings(settings, ended.replaced))
    return False  # done when the next look finds nothing of plldb's any more


def read_configuration(arn: str) -> dict[str, Any] | None:
    """Return a function's configuration, None if there is no such function any more."""
    try:
        found: dict[str, Any] = open_client("lambda").get_function_configuration(FunctionName=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    return found


def settings_of(configuration: dict[str, Any]) -> Settings:
    """Return of a configuration what plldb changes. Pure."""
    return Settings(
        timeout=configuration["Timeout"],
        layers=tuple(layer["Arn"] for layer in configuration.get("Layers", ())),
        variables=(configuration.get("Environment") or {}).get("Variables") or {},
    )


def unreadable(configuration: dict[str, Any]) -> str:
    """Return why Lambda cannot read the environment, as a code; empty if it can. Pure."""
    error = (configuration.get("Environment") or {}).get("Error") or {}
    return str(error.get("ErrorCode") or "no reason told") if error else ""


def write(arn: str, revision: str, settings: Settings) -> None:
    """Change the function, if it still is at that revision."""
    open_client("lambda").update_function_configuration(
        FunctionName=arn,
        RevisionId=revision,
        Timeout=settings.timeout,
        Layers=[*settings.layers],
        Environment={"Variables": {**settings.variables}},
    )
    LOG.info("%s is put back: its lease has ended", arn)


def forget(ended: Ended) -> bool:
    """Delete the row, unless somebody holds the function again; return that nothing is left to do."""
    values = {":until": {"N": ended.until}}
    version = "attribute_not_exists(Version)"
    if ended.version:
        values[":version"] = {"S": ended.version}
        version = "Version = :version"
    try:
        open_client("dynamodb").delete_item(
            TableName=DEBUGGER,
            Key={"RequestId": {"S": f"fn#{ended.arn}"}},
            ConditionExpression=f"attribute_not_exists(RequestId) OR (LeaseUntil = :until AND {version})",
            ExpressionAttributeValues=values,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
    return True
