"""The agent's connections: with TLS few authorities are read, all if those do not do; kept ones are used."""

from __future__ import annotations

import asyncio
import base64
import os
import posix
import resource
import socket
import ssl
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from botocore.httpsession import where

from plldb.debugger.agent import sockets
from plldb.debugger.agent.caller import Caller, close
from plldb.debugger.agent.http import Http, hasten, with_deadline
from plldb.debugger.agent.sockets import Connection, find_authorities
from tests.unit.debugger.agent.sandbox import without_private

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CERTIFICATES = Path(__file__).parents[3] / "support" / "certificates"
AUTHORITY = (CERTIFICATES / "ca.pem").read_text()


@pytest.fixture(params=["as they are", "not there"])
def modules(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The agent's sockets, with the modules below `socket` and `ssl`, or where a Python has others."""
    if request.param == "as they are":
        monkeypatch.setattr(sockets, "_contexts", [])
        return sockets
    public = ModuleType("public")
    exec(without_private(Path(sockets.__file__).read_text()), vars(public))
    assert public.network is socket
    return public


@pytest.fixture
async def host() -> AsyncIterator[str]:
    """A server with TLS that says nothing."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATES / "localhost.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "0.0.0.0", 0, ssl=context) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def trust(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file be what is trusted since the process began."""
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))  # OpenSSL reads it here
    monkeypatch.setitem(posix.environ, b"SSL_CERT_FILE", str(trusted).encode())


@pytest.mark.parametrize("beside", ["", "all"])
async def test_the_authority_that_counts_is_found_beside_whichever_others(
    host: str, beside: str, modules: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    others = {"": "", "all": Path(where()).read_text()}
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(AUTHORITY + others[beside])
    trust(trusted, monkeypatch)
    for _ in range(2):
        (await asyncio.to_thread(modules.connect, host, tls=True, timeout=60)).close()


@pytest.mark.parametrize("trusted", ["of Amazon", "none", "no file", "another name"])
async def test_a_server_that_nobody_vouches_for_is_refused(
    host: str, trusted: str, modules: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "trusted.pem"
    texts = {"of Amazon": Path(where()).read_text(), "none": "", "another name": AUTHORITY}
    if trusted in texts:
        path.write_text(texts[trusted])
    if trusted == "another name":
        host = host.replace("127.0.0.1", "127.0.0.2")  # which the certificate does not have
    trust(path, monkeypatch)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        await asyncio.to_thread(modules.connect, host, tls=True, timeout=60)


@pytest.mark.parametrize("form", ["as it is", "of another system", "unbroken"])
def test_of_all_authorities_those_are_taken_that_have_the_name_anywhere(form: str, tmp_path: Path) -> None:
    path, text = tmp_path / "trusted.pem", Path(where()).read_text()
    blocks = [each.partition("-----END")[0] for each in text.split("-----BEGIN CERTIFICATE-----")[1:]]
    every = [base64.b64decode(each) for each in blocks]
    if form == "unbroken":
        for block in blocks:
            text = text.replace(block, block.replace("\n", "") + "\n")
    path.write_text("# Of Amazon, and others\n" + text, newline="\r\n" if form == "of another system" else "")
    assert find_authorities(str(path)) == b"".join(
        each for each in every if b"Amazon" in each or b"Starfield" in each
    )


def test_of_all_authorities_few_are_taken() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=find_authorities(where()))
    names = [str(each["subject"]) for each in context.get_ca_certs()]
    assert 4 <= len(names) <= 10
    assert all("Amazon" in name or "Starfield" in name for name in names)


async def test_a_kept_connection_is_used_again_with_whichever_descriptor_and_not_once_it_was_closed() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        head = b""
        while b"last" not in head and (head := await reader.readuntil(b"\r\n\r\n")):
            more = b"Connection: close\r\n" if b"says" in head else b""
            writer.write(b"HTTP/1.1 200 OK\r\n%bcontent-length: 0\r\n\r\n" % more)
            if more:
                await reader.read(1)  # it closes a little later
                break
        writer.close()
        await writer.wait_closed()

    def ask(path: str) -> int:
        http.open(0.0)
        return http.request("GET", path, [], b"", 0.0)[0]

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    null = os.open(os.devnull, os.O_RDONLY)
    taken = [null]
    try:
        while taken[-1] < 1024:  # above it `select` refuses them
            taken.append(os.dup(null))
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            http = Http(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
            for path in ("/first", "/last", "/says", "/last"):
                assert await asyncio.to_thread(ask, path) == 200
            http.close()
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert connections == 3


def test_a_connection_of_the_runtime_that_the_api_closed_within_an_invocation_is_left() -> None:
    near, far = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as api, near, far:
        caller = Caller(Connection(far), f"127.0.0.1:{api.getsockname()[1]}", api.fileno())
        upstream = caller.connect()
        assert caller.leave_to_thread()
        number = far.fileno()
        for each in (upstream, caller.connection):  # as the thread does
            each.close()
        assert number in dict(caller.wait(0))
        assert not caller.pass_on()


@pytest.mark.parametrize(
    ("last", "heard"),
    [
        (b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n", "next"),
        (b"get /2018-06-01/runtime/invocation/next HTTP/1.1\r\nX: y\r\n\r\n", "more"),  # it is no GET
        (b"POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "large"),
        (b"POST /3 HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", "large"),
        (b"POST /3 HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", "large"),
    ],
)
def test_what_the_runtime_says_in_pieces_goes_on_in_whole_requests(last: bytes, heard: str) -> None:
    first, second = (b"POST /%d HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" % number for number in (1, 2))
    near, far = socket.socketpair()
    noted: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as api, near, far:
        caller = Caller(Connection(far), f"127.0.0.1:{api.getsockname()[1]}", api.fileno())
        for piece in (first[:20], first[20:-2], b"{", b"}" + second[:-1], second[-1:]):
            near.sendall(piece)
            assert caller.hear(lambda _, path: noted.append(path)) == "more"
        near.sendall(last)
        assert caller.hear(lambda *_: None) == heard
        with api.accept()[0] as upstream, upstream.makefile("rb") as stream:
            assert stream.read(len(first + second)) == first + second
        close(caller)
    assert noted == [b"/1", b"/2"]


@pytest.mark.parametrize(
    ("said", "given"),
    [
        (b"Content-Length: 2\r\nX: y\r\n", b"Content-Length: 2\r\nX: y\r\n"),
        (b"content-length: 2\r\nConnection: close\r\n", b"Content-Length: 2\r\n"),
        (b"Transfer-Encoding: chunked\r\nX: y\r\n", b"X: y\r\nContent-Length: 2\r\n"),
        (b"X: y\r\n", b"X: y\r\nContent-Length: 2\r\n"),
    ],
)
def test_an_invocation_goes_on_as_the_api_gave_it_with_the_functions_own_deadline(
    said: bytes, given: bytes
) -> None:
    status, deadline = b"HTTP/1.1 200 OK\r\n", b"Lambda-Runtime-Deadline-Ms: %d\r\n"
    head = status + deadline % 899_000 + said + b"\r\n"
    usual = hasten(head + b"{}", 3.5)
    assert (usual is not None) == said.startswith(b"Content-Length: 2\r\nX")
    answer, due = usual or (with_deadline(head, b"{}", 3.5), 3.5)
    assert hasten(answer + b"more", 3.5) is hasten(answer[:-1], 3.5) is hasten(answer[:60], 3.5) is None
    assert hasten(answer.replace(b"200", b"500"), 3.5) is None
    assert hasten(answer, 899.0) == (answer, due) == (answer, 3.5)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"{}"
    assert sorted(head.split(b"\r\n")) == sorted((status + deadline % 3500 + given)[:-2].split(b"\r\n"))
