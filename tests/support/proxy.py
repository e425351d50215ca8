"""A proxy between the program and the emulator that delays, fails, records and rewrites. Talks to sockets.

::

    async with Proxy(ministack_url) as proxy:
        proxy.use(on(Delay(0.1)), on(Answer(throttled), "CreateStack", when=first(2)))
        ...                                   # run the program with AWS_ENDPOINT_URL = proxy.url
        find_critical_path(proxy.records)     # what it did: see records.py

Host, path, query, headers and body go through untouched, so signatures stay valid. What it can do to a
request is in behaviours.py, the errors it can answer with in answers.py, stack events in events.py.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import socket
import struct
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tests.support import wire
from tests.support.behaviours import DropConnection, Forward, NeverAnswer, Rule
from tests.support.operations import Call, identify_call
from tests.support.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """Listens on a free port of 127.0.0.1 while it is entered; ``upstream`` is the server's URL."""

    def __init__(self, upstream: str, *rules: Rule) -> None:
        self._upstream = _Upstream(upstream)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = itertools.count(1)
        self._numbers = itertools.count(1)
        self._records: list[Record] = []
        self._failures: list[Exception] = []
        self.use(*rules)

    @property
    def url(self) -> str:
        """Where the program sends its requests: the value for AWS_ENDPOINT_URL."""
        if self._server is None:
            raise RuntimeError("the proxy is not running")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def records(self) -> tuple[Record, ...]:
        """Every request that is over, in the order in which they arrived."""
        return tuple(sorted(self._records, key=lambda record: record.number))

    def use(self, *rules: Rule) -> None:
        """Replace the rules; their occurrences are counted from 1 again. None: pass everything through."""
        self._rules = [(rule, itertools.count(1)) for rule in rules]

    def forget(self) -> None:
        """Drop the records so far, to measure what comes next."""
        self._records.clear()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=wire.STREAM_LIMIT)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
        await self._upstream.close()
        if self._failures and error is None:
            raise self._failures[0]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Only our own end cancels the task; Python 3.11 logs an error for a handler that is cancelled.
        with suppress(asyncio.CancelledError):
            await self._serve_connection(reader, writer)

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = next(self._connections)
        try:
            while await self._exchange(reader, writer, connection):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away: it was killed, or lost patience
        except Exception as failure:  # noqa: BLE001 - a fault of the proxy itself must fail the test
            self._failures.append(failure)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> bool:
        """One request and its answer; False when the connection is over."""
        request = await wire.read_request(reader)
        if request is None:
            return False
        call = identify_call(request, number=next(self._numbers), connection=connection)
        with self._recorded(call) as draft:
            try:
                response = await self._answer(call, reader, writer, draft)
            except DropConnection:
                _reset(writer)
                return False
            except NeverAnswer:
                await reader.read()  # until the client closes the connection
                return False
            draft.status, draft.received = response.status, len(response.body)
        held_back = request.body is None and draft.sent == 0
        return await _send(writer, response, request.method, close=held_back or response.cut is not None)

    async def _answer(
        self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draft: _Draft
    ) -> wire.Response:
        async def send_on(inner: Call) -> wire.Response:
            request = inner.request
            if request.body is None:
                request = await wire.read_expected_body(reader, writer, request)
                draft.sent = len(request.body or b"")
            return await self._upstream.send(request)

        forward: Forward = send_on
        # Every rule that concerns the call counts it, even one that another rule keeps from acting.
        matching = [rule for rule, count in self._rules if rule.concerns(call) and rule.when(next(count))]
        for rule in reversed(matching):
            forward = functools.partial(_apply, rule, forward)
        return await forward(call)

    @contextmanager
    def _recorded(self, call: Call) -> Iterator[_Draft]:
        draft = _Draft(start=time.monotonic(), sent=len(call.request.body or b""))
        try:
            yield draft
        finally:
            # Taken before the answer is sent: the client's next request must count as a later one.
            self._records.append(_finish(draft, call))


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A record in the making."""

    start: float
    sent: int
    status: int | None = None
    received: int = 0


def _finish(draft: _Draft, call: Call) -> Record:
    return Record(
        number=call.number,
        service=call.service,
        operation=call.operation,
        account=call.account,
        region=call.region,
        method=call.request.method,
        target=call.request.target,
        start=draft.start,
        end=time.monotonic(),
        status=draft.status,
        sent=draft.sent,
        received=draft.received,
        expected_owner=call.request.header("x-amz-expected-bucket-owner"),
        connection=call.connection,
    )


class _Upstream:
    """Connections to the server, kept open and used again."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._idle: list[_Connection] = []

    async def send(self, request: wire.Request) -> wire.Response:
        """Send a request and read the response."""
        reader, writer = await self._connect()
        try:
            writer.write(wire.encode_request(request))
            await writer.drain()
            response = await wire.read_response(reader, request.method)
        except BaseException:
            writer.transport.abort()
            raise
        if response.header("connection").lower() == "close":
            await _close(writer)
        else:
            self._idle.append((reader, writer))
        return response

    async def close(self) -> None:
        """Close what is open."""
        while self._idle:
            await _close(self._idle.pop()[1])

    async def _connect(self) -> _Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            await _close(writer)
        return await asyncio.open_connection(*self._address, limit=wire.STREAM_LIMIT)


async def _apply(rule: Rule, forward: Forward, call: Call) -> wire.Response:
    return await rule.behaviour(call, forward)


async def _send(writer: asyncio.StreamWriter, response: wire.Response, method: str, *, close: bool) -> bool:
    writer.write(wire.encode_response(response, method, close=close))
    await writer.drain()
    return not close


def _reset(writer: asyncio.StreamWriter) -> None:
    # Lingering for 0 s makes the kernel send RST instead of FIN.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
