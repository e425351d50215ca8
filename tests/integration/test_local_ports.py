"""A web page, or another program, against the ports of 127.0.0.1 that plldb opens for workers and editors.

The port of editors themselves is in test_debugging.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from plldb.debugger.workers.dap.adapter import Adapter, start_adapter
from plldb.debugger.workers.dap.relay import Relay
from plldb.debugger.workers.runtime_api import VERSION, Event, RuntimeApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from plldb.debugger.workers.runtime_api import Message

PAGE = "Host: {host}\r\nOrigin: https://evil.example\r\nContent-Type: text/plain\r\n"
INITIALIZE = json.dumps({"seq": 1, "type": "request", "command": "initialize"})


async def ask(port: int, sent: str, *, most: int = -1) -> bytes:
    """What a server says to somebody who sends this, until it hangs up or has said ``most`` bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent.encode())
        if most < 0:
            with suppress(OSError):  # it has hung up
                writer.write_eof()
        with suppress(ConnectionResetError):  # it has hung up without reading all
            async with asyncio.timeout(60):
                return await reader.read(most)
        return b""
    finally:
        writer.close()


@pytest_asyncio.fixture
async def api() -> AsyncIterator[tuple[RuntimeApi, list[Message]]]:
    """The Runtime API of a worker, with an invocation that waits, and what its worker has said."""
    served, said = RuntimeApi(), list["Message"]()
    served.receive = said.append
    await served.open()
    served.give(Event(seconds=3, request_id="r1", headers=(), body=b"secret body"))
    yield served, said
    await served.close()


async def no_adapter() -> Adapter:
    raise OSError


@pytest.mark.parametrize("turns", range(8))
async def test_a_port_whose_opening_was_cancelled_is_closed(turns: int) -> None:
    before = {*os.listdir("/proc/self/fd")}
    served, relay = RuntimeApi(), Relay(no_adapter)
    opening = [asyncio.create_task(served.open()), asyncio.create_task(relay.open(0))]
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in opening:
        task.cancel()
    await asyncio.wait(opening)
    await asyncio.gather(served.close(), relay.close())
    assert not {*os.listdir("/proc/self/fd")} - before  # others may be closed meanwhile


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "evil.example", "localhost:{port}"])
@pytest.mark.parametrize(
    ("path", "method"),
    [
        (f"{VERSION}/invocation/next", "GET"),
        (f"{VERSION}/invocation/r1/response", "POST"),
        (f"/{'0' * 32}{VERSION}/invocation/next", "GET"),
        ("/", "POST"),
        ("*", "OPTIONS"),
    ],
)
async def test_a_page_takes_no_invocation_and_answers_none(
    api: tuple[RuntimeApi, list[Message]], host: str, path: str, method: str
) -> None:
    served, said = api
    head = PAGE.format(host=host.format(port=served.port))
    answer = await ask(served.port, f"{method} {path} HTTP/1.1\r\n{head}Content-Length: 2\r\n\r\n{{}}")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"secret" not in answer
    assert b"access-control" not in answer.lower()
    assert said == []


@pytest.mark.parametrize(
    "sent",
    [
        "GET\r\n\r\n",
        "\r\n\r\n",
        "x" * 3_000_000,
        "POST {secret}/invocation/r1/response HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST {secret}/invocation/r1/response HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\nx",
        "POST {secret}/worker/begun HTTP/1.1\r\nContent-Length: 90000\r\n\r\n" + "[" * 90_000,
    ],
    ids=["no path", "nothing", "endless head", "negative", "longer than it is", "deep"],
)
async def test_what_is_not_the_runtime_api_is_hung_up_on(
    api: tuple[RuntimeApi, list[Message]], sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    served, said = api
    assert await ask(served.port, sent.replace("{secret}", f"/{served.secret}{VERSION}")) == b""
    assert said == []
    right = f"GET /{served.secret}{VERSION}/invocation/next HTTP/1.1\r\n\r\n"
    assert (await ask(served.port, right)).endswith(b"secret body"), "it still serves its worker"
    assert not [record for record in caplog.records if record.exc_info]


async def test_the_adapters_own_port_takes_nobody_but_the_relay() -> None:
    adapter = await start_adapter(Path(sys.executable), dict(os.environ))
    try:
        dap = f"Content-Length: {len(INITIALIZE)}\r\n\r\n{INITIALIZE}"
        post = f"POST / HTTP/1.1\r\n{PAGE.format(host='localhost')}{dap}"
        for sent in (post, dap, "0" * 64 + dap, adapter.secret[:-1], ""):
            assert await ask(adapter.client, sent) == b""
        assert await ask(adapter.client, adapter.secret + dap, most=16) == b"Content-Length: "
        assert adapter.secret not in repr(adapter)
    finally:
        await adapter.close()
