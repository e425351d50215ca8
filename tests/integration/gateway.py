"""A server that speaks as API Gateway and its handlers do, and a link to it. Talks to sockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger import wire
from plldb.debugger.link import rows
from plldb.debugger.link.link import Link, open_link
from plldb.debugger.pace import Pace
from plldb.debugger.protocol.decisions import Start
from tests.support.frames import FUNCTION, TOKEN, Agent

if TYPE_CHECKING:
    import ssl

QUICK = Pace(first_retry=0.05, longest_retry=0.2, look=0.05, overlap=0.1, hello_within=2.0, hello_again=0.3)


class Gateway:
    """Admits by the row as ``$connect`` does, answers hello, keeps what is posted."""

    def __init__(self, dynamodb: Any) -> None:
        self.dynamodb = dynamodb
        self.log: list[str] = []
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.posts: list[tuple[str, str]] = []
        self.post_status: Callable[[], int] = lambda: 200
        self.large = 8192
        self.takes_large = asyncio.Event()  # frames of more bytes are answered as long as this is set
        self.takes_large.set()
        self.reply: dict[str, object] = {"t": "welcome"}
        self.tokens: list[str] = []
        self.handshakes: list[int] = []  # what the next requests for a WebSocket are answered with instead
        self.url = ""

    async def connect(self, request: web.Request) -> web.StreamResponse:
        if self.handshakes:
            return web.Response(status=self.handshakes.pop(0))
        key = {"SessionId": {"S": request.headers["x-plldb-session"]}}
        row = (await self.dynamodb.get_item(TableName=rows.TABLE, Key=key)).get("Item", {})
        self.tokens.append(request.headers["x-plldb-token"])
        digest = hashlib.sha256(self.tokens[-1].encode()).hexdigest()
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
                said = {"v": 4, "n": hello["n"], "me": name, "now": time.time()} | self.reply
                await socket.send_json(said)
        self.log.append(f"close {name}")
        del self.sockets[name]
        return socket

    async def post(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        status, text = self.post_status(), await request.text()
        if len(text) > self.large:
            await self.takes_large.wait()
        if status == 200:
            self.posts.append((request.match_info["id"], text))
            self.log.append(f"post {request.match_info['id']}")
        kind = {403: "ForbiddenException", 410: "GoneException", 429: "LimitExceededException"}.get(
            status, ""
        )
        return web.Response(status=status, text="{}", headers={"x-amzn-ErrorType": kind} if kind else {})


@asynccontextmanager
async def serve_gateway(dynamodb: Any, tls: ssl.SSLContext | None = None) -> AsyncIterator[Gateway]:
    """A gateway, and the table of sessions."""
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
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    gateway.url = f"ws{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}/live"
    yield gateway
    await runner.cleanup()


@asynccontextmanager
async def attached(gateway: Gateway, pace: Pace = QUICK, url: str = "") -> AsyncIterator[Link]:
    """A link to the gateway, or to it by way of another URL."""
    async with open_aws(Place(), pace) as aws:
        row = await rows.make_row(aws, stack="shop", host="here", now=time.time(), seconds=3600)
        async with open_link(
            aws, websocket=url or gateway.url, row=row, tokens={FUNCTION: TOKEN}, pace=pace
        ) as link:
            yield link


def agent_of(link: Link) -> Agent:
    return Agent(now=time.time(), session=wire.session_name(link.row.id))


async def until(link: Link, kind: type[Any]) -> Any:
    async with asyncio.timeout(60):
        async for event in link.events():
            if isinstance(event, kind):
                return event
    raise AssertionError


async def eventually(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
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
