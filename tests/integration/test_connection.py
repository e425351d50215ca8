"""A session's connection against a server that speaks as API Gateway does; rows are in moto."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger import rows
from plldb.debugger.connection import Link, open_link
from plldb.debugger.decisions import Delivered, Start
from plldb.debugger.errors import ProtocolError, RefusedError
from plldb.debugger.messages import Answer
from plldb.debugger.pace import Pace
from tests.support.frames import FUNCTION, TOKEN, Agent, join_answer

if TYPE_CHECKING:
    from tests.conftest import OpenClient

QUICK = Pace(first_retry=0.05, longest_retry=0.2, look=0.05, overlap=0.1, hello_within=2.0, hello_again=0.3)


class Gateway:
    """Admits by the row as ``$connect`` does, answers hello, keeps what is posted."""

    def __init__(self, dynamodb: Any) -> None:
        self.dynamodb = dynamodb
        self.log: list[str] = []
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.posts: list[tuple[str, str]] = []
        self.post_status: Callable[[], int] = lambda: 200
        self.reply: dict[str, object] = {"t": "welcome"}
        self.url = ""

    async def connect(self, request: web.Request) -> web.StreamResponse:
        key = {"SessionId": {"S": request.headers["x-plldb-session"]}}
        row = (await self.dynamodb.get_item(TableName=rows.TABLE, Key=key)).get("Item", {})
        digest = hashlib.sha256(request.headers["x-plldb-token"].encode()).hexdigest()
        if row.get("TokenHash", {}).get("S") != digest or abs(float(row["TokenAt"]["N"]) - time.time()) > 60:
            return web.Response(status=403)
        await self.dynamodb.update_item(TableName=rows.TABLE, Key=key, UpdateExpression="REMOVE TokenHash")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        name = f"C{len(self.log)}="
        self.sockets[name] = socket
        self.log.append(f"open {name}")
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                hello = json.loads(message.data)
                said = {"v": 1, "n": hello["n"], "me": name, "now": time.time()} | self.reply
                await socket.send_json(said)
        self.log.append(f"close {name}")
        del self.sockets[name]
        return socket

    async def post(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        status = self.post_status()
        if status == 200:
            self.posts.append((request.match_info["id"], await request.text()))
            self.log.append(f"post {request.match_info['id']}")
        kind = {403: "ForbiddenException", 410: "GoneException", 429: "LimitExceededException"}.get(
            status, ""
        )
        return web.Response(status=status, text="{}", headers={"x-amzn-ErrorType": kind} if kind else {})


@pytest_asyncio.fixture
async def gateway(aws_env: dict[str, str], open_client: OpenClient) -> AsyncIterator[Gateway]:
    dynamodb = await open_client("dynamodb")
    await dynamodb.create_table(
        TableName=rows.TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "SessionId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "SessionId", "KeyType": "HASH"}],
    )
    gateway = Gateway(dynamodb)
    app = web.Application()
    app.add_routes([web.get("/live", gateway.connect), web.post("/live/@connections/{id}", gateway.post)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    gateway.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/live"
    yield gateway
    await runner.cleanup()


@asynccontextmanager
async def attached(gateway: Gateway, pace: Pace = QUICK) -> AsyncIterator[Link]:
    async with open_aws(Place(), pace) as aws:
        row = await rows.make_row(aws, stack="shop", host="here", now=time.time(), seconds=3600)
        async with open_link(
            aws, websocket=gateway.url, row=row, tokens={FUNCTION: TOKEN}, pace=pace
        ) as link:
            yield link


def agent_of(link: Link) -> Agent:
    return Agent(now=time.time(), session=rows.session_name(link.row.id))


async def until(link: Link, kind: type[Any]) -> Any:
    async with asyncio.timeout(15):
        async for event in link.events():
            if isinstance(event, kind):
                return event
    raise AssertionError


async def eventually(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not holds():
            await asyncio.sleep(0.02)


async def read_rows(gateway: Gateway) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await gateway.dynamodb.scan(TableName=rows.TABLE))["Items"]
    return found


async def start(gateway: Gateway, link: Link, agent: Agent) -> Start:
    for frame in agent.invocation(b'{"a": 1}'):
        await gateway.sockets[link.connection].send_str(frame)
    started: Start = await until(link, Start)
    return started


async def test_an_invocation_comes_and_its_answer_goes(gateway: Gateway) -> None:
    async with attached(gateway) as link:
        agent = agent_of(link)
        started = await start(gateway, link, agent)
        assert started.invocation.body == b'{"a": 1}'
        link.answer(started.identity, Answer(kind="response", body=b'"done"'))
        await until(link, Delivered)
        assert {connection for connection, _ in gateway.posts} == {"Ag3nt="}
        assert join_answer([agent.read(text) for _, text in gateway.posts])[1] == b'"done"'


async def test_the_row_holds_no_token_and_is_deleted_at_the_end(gateway: Gateway) -> None:
    async with attached(gateway) as link:
        (row,) = await read_rows(gateway)
        assert row["SessionId"]["S"] == link.row.id
        assert row["StackName"]["S"] == "shop"
        assert "TokenHash" not in row  # used
        await link.detach()
        (row,) = await read_rows(gateway)
        assert row["Detached"] == {"BOOL": True}
    assert await read_rows(gateway) == []


async def test_a_broken_connection_is_opened_anew_and_the_sandboxes_are_told(gateway: Gateway) -> None:
    async with attached(gateway) as link:
        agent = agent_of(link)
        await start(gateway, link, agent)
        first = link.connection
        await gateway.sockets[first].close()
        await eventually(lambda: any(agent.read(text)["t"] == "moved" for _, text in gateway.posts))
        moved = [agent.read(text) for _, text in gateway.posts if agent.read(text)["t"] == "moved"]
        assert moved[0]["peer"] == link.connection != first


async def test_an_old_connection_is_closed_after_the_new_one_was_told(gateway: Gateway) -> None:
    async with attached(gateway, Pace(replace_after=1.5, look=0.05, overlap=0.2)) as link:
        await start(gateway, link, agent_of(link))
        first = link.connection
        await eventually(lambda: f"close {first}" in gateway.log)
        steps = gateway.log[-4:]
        assert [step.split()[0] for step in steps] == ["post", "open", "post", "close"], gateway.log


@pytest.mark.parametrize("status", [429, 500])
async def test_an_answer_is_posted_until_it_is_taken(gateway: Gateway, status: int) -> None:
    async with attached(gateway) as link:
        agent = agent_of(link)
        started = await start(gateway, link, agent)
        outcomes = [status, 200]
        gateway.post_status = lambda: outcomes.pop(0) if outcomes else 200
        link.answer(started.identity, Answer(kind="response", body=b"1"))
        assert (await until(link, Delivered)).complete


async def test_an_api_of_another_version_is_an_error(gateway: Gateway) -> None:
    gateway.reply = {"t": "refused", "why": "protocol", "v": 2}
    with pytest.raises(ProtocolError, match="version 2"):
        async with attached(gateway):
            pass


async def test_a_session_whose_row_is_gone_ends(gateway: Gateway) -> None:
    async with attached(gateway) as link:
        key = {"SessionId": {"S": link.row.id}}
        await gateway.dynamodb.delete_item(TableName=rows.TABLE, Key=key)
        await gateway.sockets[link.connection].close()
        with pytest.raises(RefusedError, match="is gone"):
            await until(link, type(None))


async def test_hello_keeps_an_idle_connection(gateway: Gateway) -> None:
    async with attached(gateway, Pace(hello_every=0.3, look=0.05)) as link:
        line, first = link.connection, link._line.greeted_at if link._line else 0
        await eventually(lambda: link._line is not None and link._line.greeted_at > first)
        assert link.connection == line
