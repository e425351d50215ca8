"""What clients share: certificates and connections, with every setting of AWS's that concerns them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession

from plldb.aws.connections import Connections
from plldb.aws.pace import RequestPace
from plldb.aws.place import Place
from plldb.aws.session import Aws, open_aws
from plldb.errors import SettingsError, UnreachableError
from tests.support import wire

CERTIFICATES = Path(__file__).parents[2] / "support" / "certificates"
CA, LOCALHOST = str(CERTIFICATES / "ca.pem"), str(CERTIFICATES / "localhost.pem")
ONCE = RequestPace(attempts=1)
IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>x</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@asynccontextmanager
async def sts(
    tls: ssl.SSLContext | None = None, *, status: int = 200
) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that knows who is asking: its URL, and the targets of all requests that reached it."""
    targets: list[str] = []
    answer = wire.Response(status=status, reason="OK", headers=(("Content-Type", "text/xml"),), body=IDENTITY)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await wire.read_request(reader)) is not None:
                targets.append(f"{request.method} {request.target}")
                writer.write(wire.encode_response(answer, request.method, close=True))
                await writer.drain()
                break
        except ConnectionError:
            pass  # a client that does not trust us
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}", targets


def server_tls(*, wants_certificate: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(LOCALHOST)
    if wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(CA)
    return context


async def ask(endpoint_url: str, session: AioSession | None = None, **pace: Any) -> str:
    place = Place(session=session, region="eu-west-1", endpoint_url=endpoint_url)
    async with open_aws(place, replace(ONCE, first_wait=0, **pace)) as aws:
        return (await aws.read_target()).account


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    for name in ("REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
async def test_a_server_is_trusted_with_its_ca_and_refused_without(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sts(server_tls()) as (url, targets):
        with pytest.raises(UnreachableError, match="certificate verify failed") as raised:
            await ask(url)
        assert "AWS_CA_BUNDLE" in str(raised.value.hint)
        assert targets == []
        monkeypatch.setenv(name, CA)
        assert await ask(url) == "123456789012"


async def test_the_ca_may_come_from_the_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\nca_bundle = {CA}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    async with sts(server_tls()) as (url, _):
        assert await ask(url) == "123456789012"


async def test_the_name_in_the_certificate_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", CA)
    async with sts(server_tls()) as (url, targets):
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.2"):
            await ask(url.replace("127.0.0.1", "127.0.0.2"))
        assert targets == []


async def test_a_certificate_of_the_client_is_shown_to_a_server_that_asks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", CA)
    session = AioSession()
    session.set_default_client_config(AioConfig(client_cert=LOCALHOST))
    async with sts(server_tls(wants_certificate=True)) as (url, _):
        with pytest.raises(UnreachableError):
            await ask(url)
        assert await ask(url, session) == "123456789012"


async def test_a_file_of_certificates_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/no/such/file")
    with pytest.raises(SettingsError, match="no file '/no/such/file'"):
        await ask("https://127.0.0.1:1")


async def test_a_proxy_is_asked_for_what_is_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sts() as (url, targets):
        monkeypatch.setenv("HTTP_PROXY", url)
        assert await ask("http://aws.invalid") == "123456789012"
        assert targets == ["POST http://aws.invalid/"]


@pytest.mark.parametrize(
    ("status", "said"), [(403, "NO_PROXY"), (407, "user and password"), (502, "HTTPS_PROXY")]
)
async def test_a_proxy_that_refuses_a_tunnel_is_named_with_its_status(
    status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sts(status=status) as (url, targets):
        monkeypatch.setenv("HTTPS_PROXY", url.replace("//", "//me:secret@"))
        with pytest.raises(
            UnreachableError, match=rf"the proxy http://.*{url[7:]} refuses .*\({status} "
        ) as raised:
            await ask("https://aws.invalid", attempts=2)
        # Only the proxy's own trouble may go away.
        assert targets == ["CONNECT aws.invalid:443"] * (2 if status == 502 else 1)
    assert raised.value.hint
    assert raised.value.hint.kind == "check-proxy"
    assert said in raised.value.hint.text
    assert "secret" not in raised.value.message


@pytest.mark.parametrize("proxy", ["http://proxy.invalid:3128", "http://127.0.0.1:1"])
async def test_a_proxy_that_is_not_there_is_named_and_not_aws(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UnreachableError, match=f"the proxy {proxy[7:]}") as raised:
        await ask("https://sts.eu-west-1.amazonaws.com")
    assert "amazonaws" not in raised.value.message
    assert raised.value.hint
    assert raised.value.hint.kind == "check-proxy"


async def test_a_proxy_that_takes_a_connection_and_says_nothing_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"127.0.0.1:{proxy.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@{address}")
        with pytest.raises(UnreachableError, match=rf"the proxy http://.*@{address} says nothing") as raised:
            await ask("https://aws.invalid", connect_timeout=0.1, read_timeout=0.1)
    assert raised.value.hint
    assert raised.value.hint.kind == "check-proxy"
    assert "secret" not in raised.value.message


async def test_the_certificates_of_a_proxy_with_tls_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sts(server_tls()) as (url, targets):
        monkeypatch.setenv("HTTP_PROXY", url)
        with pytest.raises(UnreachableError, match="certificate verify failed"):
            await ask("http://aws.invalid")
        assert targets == []
        monkeypatch.setenv("AWS_CA_BUNDLE", CA)
        assert await ask("http://aws.invalid") == "123456789012"


async def test_a_name_that_is_not_found_is_told_as_that() -> None:
    with pytest.raises(UnreachableError, match=r"sts: aws\.invalid:443 is not found"):
        await ask("https://aws.invalid")


async def test_a_backend_that_the_callers_session_has_set_is_used() -> None:
    made: list[object] = []

    class Theirs(AIOHTTPSession):
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            made.append(self)
            super().__init__(*arguments, **settings)

    session = AioSession()
    session.set_default_client_config(AioConfig(http_session_cls=Theirs))
    async with sts() as (url, _):
        assert await ask(url, session) == "123456789012"
    assert made


async def test_who_wants_the_same_shares_it_and_others_have_their_own() -> None:
    async with AsyncExitStack() as stack:
        connections = Connections(stack)
        one, same, other = [
            await connections.open({"verify": verify, "proxies": {}}) for verify in (True, True, CA)
        ]
    assert one is same
    assert one is not other


async def test_a_client_that_is_closed_leaves_the_others_their_connections() -> None:
    async with sts() as (url, _), AsyncExitStack() as stack:
        aws = Aws(AioSession(), Place(endpoint_url=url), "eu-west-1", ONCE, stack)
        async with await aws.client("sts"):
            pass
        assert (await aws.read_target()).account == "123456789012"
