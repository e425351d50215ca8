"""A WebSocket has the certificates and the proxy that requests to AWS have, and names what is in its way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import WSMsgType, web
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from plldb.aws.errors import TryAgainError
from plldb.aws.own_session import make_session
from plldb.aws.websockets import HandshakeRefusedError, WebSocket, open_posts, open_websocket
from plldb.errors import SettingsError
from plldb.tasks import gather_all
from tests.support.road import open_road
from tests.unit.aws.fakes import aws
from tests.unit.aws.test_connections import CA, server_tls


async def echo(request: web.Request) -> web.StreamResponse:
    if request.headers["x-token"] != "right":
        return web.Response(status=403)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def one_byte(_: web.Request) -> web.Response:
    return web.Response(body=b"x")


async def elsewhere(request: web.Request) -> web.Response:
    assert request.headers["User-Agent"].startswith("plldb/")
    raise web.HTTPFound("/code")


@asynccontextmanager
async def gateway(*, tls: bool = True) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/prod", echo)
    app.router.add_get("/code", one_byte)
    app.router.add_post("/code/{post:.*}", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_tls() if tls else None).start()
    try:
        yield f"ws{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}/prod"
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


async def connect(url: str, token: str = "right") -> WebSocket:
    return await open_websocket(make_session(None), url, {"x-token": token}, seconds=10, ping=30)


@pytest.mark.parametrize("tls", [True, False])
async def test_what_is_sent_comes_back_until_it_is_closed(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", CA)
    async with gateway(tls=tls) as url:
        socket = await connect(url)
        await socket.send("hello")
        assert await anext(socket.texts()) == "hello"
        await socket.close()
        assert socket.close_code == 1000
        with pytest.raises(ConnectionError):
            await socket.send("too late")


async def test_a_refused_handshake_has_its_status_and_repeats_no_header() -> None:
    async with gateway(tls=False) as url:
        with pytest.raises(HandshakeRefusedError) as raised:
            await connect(url, "secret")
    assert raised.value.status == 403
    assert raised.value.__cause__ is None
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://proxy.invalid:3128", "the proxy proxy.invalid:3128 is not found"),
        ("127.0.0.1:1", "the proxy 127.0.0.1:1"),
        (None, "API Gateway: x.invalid:443 is not found"),
    ],
)
async def test_what_is_not_there_is_named(
    proxy: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(TryAgainError, match=said):
        await connect("wss://x.invalid/prod")


@pytest.mark.parametrize(("name", "value"), [("HTTPS_PROXY", "http://:abc"), ("AWS_CA_BUNDLE", "/no/such")])
async def test_a_setting_in_the_way_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        await connect("wss://x.invalid/prod")
    assert name in f"{raised.value.message} {raised.value.hint}"


async def test_downloads_and_posts_have_the_proxy_and_the_certificates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with gateway() as url, open_road() as road, AsyncExitStack() as stack:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{road.port}")
        package = url.replace("wss", "https").replace("prod", "code")
        assert await aws().download(package, most=9) is None  # not trusted
        monkeypatch.setenv("AWS_CA_BUNDLE", CA)
        assert await aws().download(package, most=9) == b"x"
        posts = await open_posts(make_session(None), stack, package, "eu-west-1", connect=9, answer=9)
        with pytest.raises(ClientError, match="302"):  # to be led elsewhere is not to have arrived
            await posts.post("Ag3nt=", b"x", Credentials("AKIA", "secret"))
        assert road.asked == [f"CONNECT {url.split('/')[2]} HTTP/1.1"] * 3


async def test_a_post_through_a_proxy_that_says_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        async with AsyncExitStack() as stack:
            url = "https://x.invalid/prod"
            posts = await open_posts(make_session(None), stack, url, "eu-west-1", connect=0.1, answer=0.1)
            with pytest.raises(TimeoutError):
                await posts.post("Ag3nt=", b"x", Credentials("AKIA", "secret"))


async def test_no_more_than_two_packages_are_in_memory_at_a_time() -> None:
    now, most = 0, 0

    async def package(_: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return web.Response(body=b"x")

    app = web.Application()
    app.router.add_get("/code", package)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url, one = f"http://127.0.0.1:{runner.addresses[0][1]}/code", aws()
        assert await gather_all(*[one.download(url, most=9) for _ in range(6)]) == (b"x",) * 6
    finally:
        await runner.cleanup()
    assert 0 < most <= 2
