"""Rows of the tables that somebody else has written: no command comes to harm, whatever is in them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.support.environment import REGION
from tests.support.handlers import context_in, importing_handlers

if TYPE_CHECKING:
    from tests.conftest import OpenClient, RunPlldb

HUGE, EVIL = {"N": "1e125"}, {"S": "evil\n\x1b[2J\u202e{}'"}
NOW = str(int(time.time()))
HOLD: dict[str, Any] = {
    **dict.fromkeys(("SessionId", "Who", "Host", "Stack", "AgentTokenHash"), EVIL),
    **dict.fromkeys(("Since", "LeaseUntil", "At", "Attempts", "Seconds"), HUGE),
    "Saved": {"M": {"Timeout": {"N": "1.5"}, "Wrapper": EVIL}},
}
ODD: dict[str, Any] = {
    **{name: {"N": "7"} for name in ("SessionId", "Who", "Host", "Stack", "FunctionName", "StackName")},
    **dict.fromkeys(("Since", "At", "StartedAt", "ExpiresAt", "Saved"), EVIL),
    "LeaseUntil": {"N": "0.5"},
}
ROWS = {
    "PLLDBDebugger": [
        {"RequestId": {"S": "fn#"}, **ODD},
        {"RequestId": {"S": "fn#\x1b[31m ../../evil"}, **HOLD},
        {"RequestId": {"S": f"fn#arn:aws:lambda:{REGION}:999999999999:function:theirs"}, **ODD, **HOLD},
        {"RequestId": {"S": "fn#no-arn"}, **HOLD, "LeaseUntil": {"N": NOW}},
        {"RequestId": {"S": "fn#too-early"}, **HOLD, "LeaseUntil": {"N": "-1e20"}, "Since": {"N": "-1e20"}},
        {"RequestId": {"S": "a-request"}, **HOLD, "FunctionName": EVIL},
        {"RequestId": {"S": "another\nline"}, **ODD},
    ],
    "PLLDBSessions": [
        {**ODD, "SessionId": {"S": "AIDAEVIL#\x1b[2J"}},
        {**HOLD, "StackName": EVIL, "StartedAt": HUGE, "ExpiresAt": HUGE},
    ],
}
COMMANDS = [("status",), ("restore", "--all", "--take-over", "--yes")]


@pytest_asyncio.fixture
async def dynamodb(open_client: OpenClient) -> Any:
    """A client; the rows are there."""
    client = await open_client("dynamodb")
    for table, key in (("PLLDBSessions", "SessionId"), ("PLLDBDebugger", "RequestId")):
        await client.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for row in ROWS[table]:
            await client.put_item(TableName=table, Item=row)
    return client


async def test_every_command_tells_of_them_in_harmless_text(dynamodb: Any, plldb_cli: RunPlldb) -> None:
    for command in COMMANDS:
        ran = await plldb_cli(*command)
        assert ran.code == 0, str(ran)
        said = ran.stdout + ran.stderr
        assert "Traceback" not in said, said
        assert not any(char in said for char in "\x1b\u202e"), said
        assert not any(line.startswith("evil") for line in said.splitlines())


async def test_the_reaper_goes_on_to_the_others(
    dynamodb: Any, aws_env: dict[str, str], account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    context = context_in(account, REGION)
    context.get_remaining_time_in_millis = lambda: 60_000
    with importing_handlers() as load:
        answer = await asyncio.to_thread(load("lease_reaper_handler").handler, {}, context)
    assert answer == {"left": 0}
    left = await dynamodb.scan(TableName="PLLDBDebugger")
    # What names no function that could be asked for stays; the rows of functions that are not there are gone.
    assert "fn#no-arn" not in {row["RequestId"]["S"] for row in left["Items"]}
