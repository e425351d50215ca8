"""A session's connection on bad networks, behind a company's proxy, and with a company's certificates."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger.errors import RefusedError
from plldb.debugger.events.connection import AnswersDelayed, ConnectionLost, ConnectionRestored
from plldb.debugger.link import rows
from plldb.debugger.pace import Pace
from plldb.debugger.protocol.decisions import Delivered
from plldb.debugger.protocol.invocations import Answer
from plldb.errors import SettingsError, UnreachableError
from tests.integration.gateway import (
    QUICK,
    Gateway,
    agent_of,
    attached,
    eventually,
    read_rows,
    serve_gateway,
    start,
    until,
)
from tests.support.behaviours import Reset, nth, on
from tests.support.frames import join_answer
from tests.support.proxy import Proxy
from tests.support.road import Road, open_road

if TYPE_CHECKING:
    from tests.conftest import OpenClient

CERTIFICATES = Path(__file__).parents[1] / "support" / "certificates"
ALERT = Pace(
    ping=0.2,
    connect_within=1.0,
    first_retry=0.05,
    longest_retry=0.1,
    look=0.05,
    hello_within=1.0,
    attempts=2,
    first_wait=0.01,
    longest_wait=0.05,
)


@pytest_asyncio.fixture
async def road() -> AsyncIterator[Road]:
    async with open_road() as road:
        yield road


@pytest_asyncio.fixture
async def tls_gateway(aws_env: dict[str, str], open_client: OpenClient) -> AsyncIterator[Gateway]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATES / "localhost.pem")
    async with serve_gateway(await open_client("dynamodb"), tls) as gateway:
        yield gateway


@pytest.mark.parametrize("way", ["stands still", "is torn"])
async def test_a_network_that_is_lost_is_told_and_what_is_due_is_answered_afterwards(
    gateway: Gateway, road: Road, way: str
) -> None:
    port = gateway.url.split(":")[2].split("/")[0]
    road.target = int(port)
    async with attached(gateway, ALERT, gateway.url.replace(port, str(road.port))) as link:
        agent, first = agent_of(link), link.connection
        started = await start(gateway, link, agent)
        if way == "is torn":
            road.tear()
        else:
            road.goes.clear()
        assert (await until(link, ConnectionLost)).reason
        link.answer(started.identity, Answer(kind="response", body=b'"late"'))
        road.torn = False
        road.goes.set()
        kinds = {ConnectionRestored, Delivered}
        async for event in link.events():
            kinds.discard(type(event))
            if not kinds:
                break
        assert link.connection != first

        def told() -> list[dict[str, Any]]:
            return [agent.read(text) for _, text in gateway.posts]

        assert join_answer(told())[1] == b'"late"'
        await eventually(lambda: any(each.get("peer") == link.connection for each in told()))


async def test_the_proxy_of_the_environment_is_used(
    tls_gateway: Gateway, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(CERTIFICATES / "ca.pem"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{road.port}")
    async with attached(tls_gateway) as link:
        started = await start(tls_gateway, link, agent_of(link))
        link.answer(started.identity, Answer(kind="response", body=b"1"))
        await until(link, Delivered)
    host = tls_gateway.url.split("/")[2]
    assert set(road.asked) == {f"CONNECT {host} HTTP/1.1"}
    assert len(road.asked) >= 2  # the WebSocket, and @connections


async def test_a_proxy_that_refuses_is_named_and_no_password_is_told(
    tls_gateway: Gateway, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    road.refuses = True
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{road.port}")
    with pytest.raises(UnreachableError, match="407") as raised:
        async with attached(tls_gateway):
            pass
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("bundle", ["", "no such file"])
async def test_certificates_that_are_not_trusted_and_a_bundle_that_is_not_there_are_errors(
    tls_gateway: Gateway, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bundle:
        monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    else:
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    error = SettingsError if bundle else UnreachableError
    with pytest.raises(error, match="certificate"):
        async with attached(tls_gateway):
            pass


async def test_a_token_that_was_too_old_is_written_again_by_the_clock_of_aws(gateway: Gateway) -> None:
    gateway.handshakes = [403]
    async with attached(gateway) as link:
        assert gateway.log == [f"open {link.connection}"]


@pytest.mark.parametrize(
    ("handshakes", "reply", "said"),
    [
        ([403, 403], {}, r"does not let this session in \(403\)"),
        ([500], {}, "answers 500"),
        ([429], {}, "answers 429"),
        ([403, 500], {}, "answers 500"),
        ([], {"t": "else"}, "does not answer"),
        ([], {"me": 7}, "does not answer"),
        ([], {"t": "refused", "why": "token", "v": 4}, r"does not let this session in \(403\)"),
    ],
)
async def test_an_api_that_does_not_let_in_is_an_error_and_leaves_no_row(
    gateway: Gateway, handshakes: list[int], reply: dict[str, object], said: str
) -> None:
    gateway.handshakes = handshakes
    gateway.reply = {"t": "welcome"} | reply
    with pytest.raises(Exception, match=said) as raised:
        async with attached(gateway, ALERT):
            pass
    assert raised.type.__module__.startswith("plldb.")
    assert await read_rows(gateway) == []


async def test_a_post_that_is_not_allowed_is_told_once_and_the_answer_goes_when_it_is(
    gateway: Gateway,
) -> None:
    outcomes = [403, 403]
    gateway.post_status = lambda: outcomes.pop() if outcomes else 200
    async with attached(gateway) as link:
        started = await start(gateway, link, agent_of(link))
        link.answer(started.identity, Answer(kind="response", body=b"1"))
        assert (await until(link, AnswersDelayed)).code == "access-denied"
        assert (await until(link, Delivered)).complete


async def test_a_repeated_request_that_finds_the_row_of_its_first_attempt_has_made_it(
    gateway: Gateway, endpoint: str
) -> None:
    async with Proxy(endpoint) as proxy, open_aws(Place(endpoint_url=proxy.url), QUICK) as aws:
        row = await rows.make_row(aws, stack="shop", host="here", now=time.time(), seconds=60)
        proxy.use(on(Reset(forward=True), "UpdateItem", when=nth(1)))
        assert await rows.write_token(aws, row, now=time.time(), new=True)
        with pytest.raises(RefusedError):
            await rows.write_token(aws, row, now=time.time(), new=True)
        await rows.forget_row(aws, row)
        await rows.mark_detached(aws, row)  # nobody finds the session any more: nothing to say
        assert await read_rows(gateway) == []


async def test_it_is_connected_again_as_often_as_the_connection_breaks(gateway: Gateway) -> None:
    async with attached(gateway) as link:
        for _ in range(3):
            before = link.connection
            await gateway.sockets[before].close()
            await eventually(lambda before=before: link.connection not in ("", before))  # type: ignore[misc]
