"""The gate: API Gateway's limits and lapses, with TLS, in front of MiniStack. Talks to sockets.

What is neither a WebSocket nor a POST to ``@connections`` goes through as it is, so that the gate is the one
endpoint of everything. It has a thread and an event loop of its own, and serves tests that block theirs, too.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import math
import os
import re
import socket
import ssl
import struct
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.support import wire
from tests.support.records import Interval

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CERTIFICATES = Path(__file__).parents[1] / "certificates"

_LOOK_SECONDS = 0.05
_LIMIT = 1 << 20
_CONNECT_SECONDS = 35.0  # $connect and the authorizer may take as long as on AWS
_SHUTDOWN_SECONDS = 1.0
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
# What a handshake says of its own connection only.
_HANDSHAKE = re.compile("(?i)host$|upgrade$|connection$|user-agent$|sec-websocket-")
_ERRORS = {403: "ForbiddenException", 410: "GoneException", 429: "LimitExceededException"}
_CONNECTIONS = re.compile(r"/_aws/execute-api/[^/]+/[^/]+/(?:@|%40)connections/(?P<id>[^/?]+)")


@dataclass(slots=True)
class Rules:
    """What holds at the gate; a test changes it at any time. Times are seconds.

    The first four are API Gateway's quotas for WebSocket APIs.
    """

    frame: int = 32 * 1024
    message: int = 128 * 1024
    idle: float = 600.0
    """Until a connection without messages is closed (1001). Pings do not count."""
    life: float = 7200.0
    forgets: float = math.inf
    """Idle time after which a network address translation has forgotten a connection: what the cloud sends is
    lost, the client's next bytes are answered by a reset."""
    lost_disconnect: float = 0.0
    """How long the API does not hear of a client's end; `math.inf`: never."""
    accepts_dead: float = 0.0
    """How long POSTs to a client that is gone are answered 200, and lost."""
    error_frames: int = 0
    """How many of the next messages are answered with an error frame and never reach a route."""
    direct: bool = False
    """Whether the gate itself sends what is posted: the emulator needs some milliseconds for each."""
    refuse: Callable[[str, bytes], int] | None = None
    """Called for every POST with connection id and data; a status such as 429 refuses it, 0 does not."""


@dataclass(slots=True, eq=False)
class Connection:
    """One WebSocket at the gate, from its handshake on; times are monotonic."""

    id: str
    writer: asyncio.StreamWriter
    protocol: ServerProtocol
    api: ClientConnection
    born: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)
    closed: float = math.inf
    code: int = 1006
    asked: float = 0.0
    """When a message came of which nothing has been answered yet; 0 for none."""
    frames: list[int] = field(default_factory=list)
    """Sizes of the frames that the client has sent."""

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data and self.writer.is_closing():
                return  # with TLS there is nothing left to write to
            if data:
                self.writer.write(data)
            else:
                self.writer.close()


class Gate:
    """Serves until `close`; ``target`` is MiniStack's port and may be set later."""

    def __init__(self) -> None:
        self.rules = Rules()
        self.target = 0
        self.connections: dict[str, Connection] = {}
        """By connection id, also those that have ended."""
        self.lost = 0
        """How many messages were taken for a client and lost."""
        self.exchanges: list[Interval] = []
        """Each request of clients far away and its answer; so are handshakes and messages of a WebSocket."""
        self._from_far: set[int] = set()  # ports from which their bytes come
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(CERTIFICATES / "localhost.pem")
        self._servers: list[asyncio.Server] = []
        self._roads: dict[int, asyncio.Event] = {}
        self.port = self._listen(self._serve, tls)
        asyncio.run_coroutine_threadsafe(self._watch(), self._loop)

    def age(self, seconds: float, *only: str) -> None:
        """Let so much time pass for every connection, or only for those with these ids."""
        for connection in list(self.connections.values()):
            if not only or connection.id in only:
                connection.born -= seconds
                connection.last -= seconds

    def listen_far(self, seconds: float) -> int:
        """A port that is this gate for a client far away: every byte takes so long, each way."""
        road = asyncio.Event()
        road.set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(2 * seconds)  # TCP's own handshake
            near = await asyncio.open_connection("127.0.0.1", self.port)
            self._from_far.add(near[1].get_extra_info("sockname")[1])
            ways = ((reader, near[1]), (near[0], writer))
            await asyncio.gather(*(_carry(*way, seconds, road) for way in ways))

        port = self._listen(serve, None)
        self._roads[port] = road
        return port

    def block(self, port: int, *, blocked: bool) -> None:
        """Let nothing through to or from such a port for a while; afterwards all of it, as TCP does."""
        road = self._roads[port]
        self._loop.call_soon_threadsafe(road.clear if blocked else road.set)

    def close(self) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _listen(self, serve: Serve, tls: ssl.SSLContext | None) -> int:
        async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # a client may go at any time, and so may we
            finally:
                writer.close()

        async def listen() -> asyncio.Server:
            seconds = None if tls is None else _SHUTDOWN_SECONDS
            return await asyncio.start_server(
                serve_connection, "127.0.0.1", 0, ssl=tls, limit=_LIMIT, ssl_shutdown_timeout=seconds
            )

        server = self._run(listen())
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for connection in self.connections.values():
            connection.writer.transport.abort()
            connection.api.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # HTTP

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        api: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while request := await wire.read_request(reader):
                began = time.monotonic()
                if request.body is None:
                    request = await wire.read_expected_body(reader, writer, request)
                if request.header("upgrade").lower() == "websocket":
                    return await self._serve_websocket(reader, writer, request)
                response = self._judge(request)
                if response is None:
                    api = api or await asyncio.open_connection("127.0.0.1", self.target, limit=_LIMIT)
                    api[1].write(wire.encode_request(request))
                    response = await wire.read_response(api[0], request.method)
                    if response.header("connection").lower() == "close":
                        api[1].close()
                        api = None
                writer.write(wire.encode_response(response, request.method, close=False))
                await writer.drain()
                self._note(writer, began)
        finally:
            if api:
                api[1].close()

    def _note(self, writer: asyncio.StreamWriter, began: float) -> None:
        peer = writer.get_extra_info("peername")  # None for a client that has gone meanwhile
        if peer and peer[1] in self._from_far:
            self.exchanges.append(Interval(began, time.monotonic()))

    def _judge(self, request: wire.Request) -> wire.Response | None:
        """What the gate itself answers to a POST to @connections; None: nothing."""
        found = _CONNECTIONS.match(request.target)
        if request.method != "POST" or not found:
            return None
        identity, body = unquote(found["id"]), request.body or b""
        if len(body) > self.rules.message:
            return _refuse(413, "PayloadTooLargeException")
        if self.rules.refuse and (status := self.rules.refuse(identity, body)):
            return _refuse(status, _ERRORS.get(status, "InternalServerErrorException"))
        connection = self.connections.get(identity)
        if connection is not None and connection.closed == math.inf and self.rules.direct:
            self._send(connection, body)
            return wire.Response(status=200, reason="OK", headers=(), body=b"")
        if connection is None or connection.closed == math.inf:
            return None
        if time.monotonic() - connection.closed < self.rules.accepts_dead:
            self.lost += 1
            return wire.Response(status=200, reason="OK", headers=(), body=b"")
        return _refuse(410, _ERRORS[410])

    # WebSockets

    async def _serve_websocket(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: wire.Request
    ) -> None:
        began = time.monotonic()
        protocol = ServerProtocol(max_size=(self.rules.message, self.rules.frame))
        protocol.receive_data(wire.encode_request(request))
        handshake = next(event for event in protocol.events_received() if isinstance(event, Request))
        # An id of API Gateway's form.
        identity = base64.urlsafe_b64encode(os.urandom(11)).decode()
        kept = [header for header in request.headers if not _HANDSHAKE.match(header[0])]
        try:
            api = await connect(
                f"ws://127.0.0.1:{self.target}{request.target}",
                additional_headers=[*kept, ("x-gate-connection", identity)],
                user_agent_header=request.header("user-agent") or None,
                compression=None,
                max_size=None,
                open_timeout=_CONNECT_SECONDS,
                ping_interval=None,
                proxy=None,
            )
        except InvalidStatus as error:
            refused = error.response
            body, reason = bytes(refused.body or b""), refused.reason_phrase
            response = wire.Response(status=refused.status_code, reason=reason, headers=(), body=body)
            writer.write(wire.encode_response(response, "GET", close=True))
            return
        connection = Connection(identity, writer, protocol, api)
        self.connections[identity] = connection
        protocol.send_response(protocol.accept(handshake))
        connection.flush()
        down = asyncio.create_task(self._send_down(connection))
        try:
            self._note(writer, began)
            await self._take_up(connection, reader)
        finally:
            connection.closed = min(connection.closed, time.monotonic())
            writer.close()
            await asyncio.sleep(self.rules.lost_disconnect)
            down.cancel()
            # What may be sent (RFC 6455, 7.4): not 1005, 1006, 1015.
            await api.close(connection.code if connection.code not in (1005, 1006, 1015) else 1001)

    async def _take_up(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        """Read what the client sends, until it is closed from either side."""
        protocol, message = connection.protocol, b""
        while data := await reader.read(_LIMIT):
            if self._is_forgotten(connection):
                _reset(connection.writer)
                return
            protocol.receive_data(data)
            for frame in protocol.events_received():
                if not isinstance(frame, Frame) or frame.opcode not in _DATA:
                    continue
                connection.last = time.monotonic()
                connection.frames.append(len(frame.data))
                message += frame.data
                if frame.fin:
                    connection.asked = time.monotonic()
                    await self._route(connection, message.decode("utf-8", "replace"))
                    message = b""
            connection.flush()
            if protocol.state is not State.OPEN:
                close = protocol.close_rcvd or protocol.close_sent
                connection.code = close.code if close else connection.code
                # A client must be able to read why; unread bytes would make a reset of our close.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_SHUTDOWN_SECONDS):
                        while await reader.read(_LIMIT):
                            pass
                return

    async def _route(self, connection: Connection, message: str) -> None:
        if self.rules.error_frames == 0:
            await connection.api.send(message)
            return
        self.rules.error_frames -= 1
        answer = {
            "message": "Internal server error",
            "connectionId": connection.id,
            "requestId": str(uuid.uuid4()),
        }
        connection.protocol.send_text(json.dumps(answer).encode())

    async def _send_down(self, connection: Connection) -> None:
        """Send what the API sends, in frames of the size that API Gateway sends."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                text = await connection.api.recv(decode=False)
                if connection.closed < math.inf or self._is_forgotten(connection):
                    self.lost += 1
                    continue
                self._send(connection, text)
        self._end(connection, connection.api.close_code or 1000)

    def _send(self, connection: Connection, text: bytes) -> None:
        connection.last = time.monotonic()
        if connection.asked:
            self._note(connection.writer, connection.asked)
            connection.asked = 0.0
        size = self.rules.frame
        parts = [text[i : i + size] for i in range(0, len(text), size)]
        for number, part in enumerate(parts):
            send = connection.protocol.send_continuation if number else connection.protocol.send_text
            send(part, fin=number == len(parts) - 1)
        connection.flush()

    def _is_forgotten(self, connection: Connection) -> bool:
        return time.monotonic() - connection.last > self.rules.forgets

    def _end(self, connection: Connection, code: int) -> None:
        if connection.closed < math.inf:
            return
        connection.closed, connection.code = time.monotonic(), code
        if connection.protocol.state is State.OPEN:
            connection.protocol.send_close(code, "Going away" if code == 1001 else "")
            connection.flush()
        self._loop.call_later(_LOOK_SECONDS, connection.writer.close)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            for connection in tuple(self.connections.values()):
                if now - connection.born > self.rules.life or now - connection.last > self.rules.idle:
                    self._end(connection, 1001)


def _refuse(status: int, kind: str) -> wire.Response:
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", kind))
    return wire.Response(
        status=status, reason=kind, headers=headers, body=json.dumps({"message": kind}).encode()
    )


def _reset(writer: asyncio.StreamWriter) -> None:
    no_linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
    writer.transport.abort()


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float, road: asyncio.Event
) -> None:
    """Pass on what is read, each piece so many seconds after it came, and not while the road is blocked."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def write() -> None:
        while True:
            when, data = await pieces.get()
            await asyncio.sleep(when - time.monotonic())
            await road.wait()
            if not data:
                writer.close()
                return
            writer.write(data)

    writing = asyncio.create_task(write())
    try:
        while data := await reader.read(_LIMIT):
            pieces.put_nowait((time.monotonic() + seconds, data))
    except OSError:
        pass
    finally:
        pieces.put_nowait((time.monotonic() + seconds, b""))
        await writing
