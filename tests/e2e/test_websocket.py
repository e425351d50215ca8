"""What was set up works: laptops and agents that may connect do, and are answered; nobody else does."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import websockets

from plldb import bootstrap
from tests.e2e.holdings import BRISK, collect, list_rest, read_code, read_outputs
from tests.support.copies import Copy
from tests.support.environment import REGION
from tests.support.servers import websocket_address
from tests.support.template import PACKAGES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import OpenClient, RunPlldb

ROUTES = ("authorize", "connect", "default", "disconnect")
SESSION = "AIDAEXAMPLE#0123456789abcdef0123456789abcdef"
FUNCTION = "orders"
HOUR = 3600


def hashed(token: str) -> dict[str, str]:
    return {"S": hashlib.sha256(token.encode()).hexdigest()}


def number(value: float) -> dict[str, str]:
    return {"N": str(int(value))}


async def allow_laptop(dynamodb: Any) -> dict[str, str]:
    """Write what `plldb attach` writes; the headers with which the laptop then connects."""
    token = secrets.token_hex(32)
    await dynamodb.update_item(
        TableName="PLLDBSessions",
        Key={"SessionId": {"S": SESSION}},
        UpdateExpression="SET TokenHash = :hash, TokenAt = :now, ExpiresAt = :later, StackName = :stack",
        ExpressionAttributeValues={
            ":hash": hashed(token),
            ":now": number(time.time()),
            ":later": number(time.time() + HOUR),
            ":stack": {"S": "shop"},
        },
    )
    return {"x-plldb-session": SESSION, "x-plldb-token": token}


async def hold_function(dynamodb: Any, account: str) -> dict[str, str]:
    """Write what arming writes; the headers with which the function's agent then connects."""
    token = secrets.token_hex(32)
    item = {
        "RequestId": {"S": f"fn#arn:aws:lambda:{REGION}:{account}:function:{FUNCTION}"},
        "AgentTokenHash": hashed(token),
        "LeaseUntil": number(time.time() + HOUR),
        "Holders": {"L": [{"M": {"SessionId": {"S": SESSION}, "LeaseUntil": number(time.time() + HOUR)}}]},
    }
    await dynamodb.put_item(TableName="PLLDBDebugger", Item=item)
    return {"x-plldb-function": FUNCTION, "x-plldb-token": token}


async def ask(connection: websockets.ClientConnection, **message: object) -> dict[str, Any]:
    await connection.send(json.dumps(message))
    answer: dict[str, Any] = json.loads(await connection.recv())
    return answer


async def is_refused(address: str, headers: dict[str, str]) -> bool:
    with pytest.raises(websockets.InvalidStatus) as caught:
        await websockets.connect(address, additional_headers=headers)
    return caught.value.response.status_code == 403


async def test_a_laptop_and_an_agent_find_each_other(
    aws_env: dict[str, str], ministack: str, open_client: OpenClient, account: str
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    address = websocket_address(ministack, (await read_outputs(open_client))["WebSocketUrl"])
    dynamodb = await open_client("dynamodb")
    laptop, agent = await allow_laptop(dynamodb), await hold_function(dynamodb, account)
    hello = {"action": "hello", "v": 4, "n": "a1"}
    of_agent = {**hello, "k": agent["x-plldb-token"]}

    async with AsyncExitStack() as stack:
        assert await is_refused(address, agent)  # by 409, of which MiniStack makes 403
        async with websockets.connect(address, additional_headers=laptop) as desk:
            assert await is_refused(address, agent)  # admitted, but it has not said hello
            welcome = await ask(desk, **hello)
            assert (welcome["t"], welcome["v"], welcome["n"]) == ("welcome", 4, "a1")
            assert abs(welcome["now"] - time.time()) < 30
            sandbox = await stack.enter_async_context(websockets.connect(address, additional_headers=agent))
            found = await ask(sandbox, **of_agent)
            assert found["laptops"][0]["peer"] == welcome["me"]
            assert len(found["creds"]) == 3
            assert 600 < found["until"] - time.time() <= 900
            assert found["laptops"][0]["session"] == hashlib.sha256(SESSION.encode()).hexdigest()[:32]
            told = {"k": agent["x-plldb-token"], "s": found["laptops"][0]["session"], "d": "plldb4 frame"}
            frame = json.dumps({"action": "relay", "v": 4, **told})
            await sandbox.send(frame)
            assert await desk.recv() == "plldb4 frame"
            await sandbox.send("no JSON at all")
        await gone(dynamodb)
        assert await is_refused(address, agent)
        assert (await ask(sandbox, **of_agent))["laptops"][0]["peer"] is None
        await dynamodb.update_item(
            TableName="PLLDBDebugger",
            Key={"RequestId": {"S": f"fn#arn:aws:lambda:{REGION}:{account}:function:{FUNCTION}"}},
            UpdateExpression="SET LeaseUntil = :past",
            ExpressionAttributeValues={":past": number(time.time() - 1)},
        )
        refused = await ask(sandbox, **of_agent)
        assert (refused["t"], refused["why"]) == ("refused", "lease")
    assert await is_refused(address, agent)


async def gone(dynamodb: Any) -> None:
    """Wait until `$disconnect` has taken note: it runs after the connection is closed."""
    key = {"SessionId": {"S": SESSION}}
    async with asyncio.timeout(60):
        while "ConnectionId" in (await dynamodb.get_item(TableName="PLLDBSessions", Key=key))["Item"]:
            await asyncio.sleep(0.1)


async def test_who_has_no_valid_token_is_refused_with_403(
    aws_env: dict[str, str], ministack: str, open_client: OpenClient, account: str
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    address = websocket_address(ministack, (await read_outputs(open_client))["WebSocketUrl"])
    dynamodb = await open_client("dynamodb")
    laptop, agent = await allow_laptop(dynamodb), await hold_function(dynamodb, account)
    assert await is_refused(address, {})
    assert await is_refused(address, {**laptop, "x-plldb-token": "wrong"})
    assert await is_refused(address, {**agent, "x-plldb-token": "wrong"})
    async with websockets.connect(address, additional_headers=laptop):
        assert await is_refused(address, laptop)  # a token is good once
    laptop = await allow_laptop(dynamodb)
    assert sorted(await asyncio.gather(*[knock(address, laptop) for _ in range(5)])) == [101, *[403] * 4]


async def knock(address: str, headers: dict[str, str]) -> int:
    """The status with which a request for a connection is answered."""
    try:
        async with websockets.connect(address, additional_headers=headers) as connection:
            return connection.response.status_code if connection.response else 0
    except websockets.InvalidStatus as refused:
        return refused.response.status_code


async def meet(address: str, dynamodb: Any) -> str:
    """Connect as a laptop and say hello; the kind of the answer."""
    async with websockets.connect(address, additional_headers=await allow_laptop(dynamodb)) as desk:
        return str((await ask(desk, action="hello", v=4, n="a1"))["t"])


async def test_a_changed_handler_changes_its_function_alone_and_what_clients_get(
    plldb_cli: RunPlldb, ministack: str, open_client: OpenClient, tmp_path: Path
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    outputs, before = await read_outputs(open_client), await read_code(open_client)
    assert sorted(before) == ["plldb-lease-reaper", *(f"plldb-ws-api-{route}" for route in ROUTES)]
    copy = Copy(tmp_path / "copy")
    copy.edit_handler("default", '"t": "welcome"', '"t": "changed"')

    done = await plldb_cli("bootstrap", "setup", env=copy.env)
    assert done.code == 0, done
    assert f"uploaded ws_api_default_handler; {PACKAGES - 1} unchanged" in done.stdout
    after = await read_code(open_client)
    changed = {name for name in after if after[name][0] != before[name][0]}
    assert changed == {"plldb-ws-api-default"}
    assert await read_outputs(open_client) == outputs  # the API is still the same one
    address = websocket_address(ministack, outputs["WebSocketUrl"])
    assert await meet(address, await open_client("dynamodb")) == "changed"


async def test_destroy_leaves_nothing_of_what_a_client_has_used(
    plldb_cli: RunPlldb, ministack: str, open_client: OpenClient
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    address = websocket_address(ministack, (await read_outputs(open_client))["WebSocketUrl"])
    assert await meet(address, await open_client("dynamodb")) == "welcome"
    kinds = {"tables", "functions", "layers", "roles", "schedules", "log groups", "APIs", "buckets", "stacks"}
    assert set(await list_rest(open_client)) == kinds

    done = await plldb_cli("bootstrap", "destroy", "--yes")
    assert done.code == 0, done
    assert await list_rest(open_client) == {}
