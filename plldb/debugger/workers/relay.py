"""The one port on which an editor finds all workers. Talks to editors and to debugpy's adapter.

The editor attaches to a process that does nothing; each worker is reported to it as a child of that one, and
gets a session of its own through the same port. debugpy knows no authentication, and takes a web page's
POST for its own protocol: what does not begin as the Debug Adapter Protocol (DAP) does is turned away here.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from plldb.debugger.errors import PortError, SourceError
from plldb.debugger.workers.adapter import HOST, Adapter
from plldb.debugger.workers.runtime_api import keep_task
from plldb.errors import Hint
from plldb.tasks import cancel_all

LARGEST_MESSAGE = 16 * 2**20
"""Most bytes of a message of an editor."""
FIRST_WITHIN = 10.0
"""Seconds for the first message of a connection."""
LEAVE_WITHIN = 5.0
"""Seconds for the adapter to end a session."""
LAST_REQUEST = 2**30
"""Number of the request that ends a session, above those of the editor."""

Message = Mapping[str, object]


async def open_relay(port: int, start_adapter: Callable[[], Awaitable[Adapter]]) -> Relay:
    """Start the debugger, and listen on a port of 127.0.0.1, 0 for a free one.

    Raises:
        PortError: it is taken, or may not be used.
        SourceError: the debugger does not start.
    """
    relay = Relay(start_adapter)
    try:
        await relay.listen(port)
        await relay.adapter()
    except OSError as error:
        await relay.close()
        raise SourceError(f"No debugger can run: {error}.") from error
    return relay


class Relay:
    """Listens for editors until it is closed. `open_relay` makes one."""

    def __init__(self, start_adapter: Callable[[], Awaitable[Adapter]]) -> None:
        self.attached = asyncio.Event()
        """Set as soon as an editor has been there and has set its breakpoints."""
        self.names: dict[int, str] = {}
        """What an editor shows of the processes, by their ids."""
        self.port = 0
        self._start_adapter = start_adapter
        self._adapter: Adapter | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()

    async def listen(self, port: int) -> None:
        """Listen on a port; see `open_relay`."""
        try:
            self._server = await asyncio.start_server(self._serve, HOST, port, limit=LARGEST_MESSAGE)
        except OSError as error:
            raise PortError(
                f"The debugger's port {port} cannot be used: {error.strerror or error}.",
                hint=Hint("fix-argument", "Another session or program may have it: choose another port."),
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def adapter(self) -> Adapter:
        """Return the adapter; it is started anew if somebody has ended it.

        Raises:
            OSError: it does not start.
        """
        if self._adapter is None or self._adapter.ended:
            self._adapter = await self._start_adapter()
        return self._adapter

    async def close(self) -> None:
        """Turn away the editors, and end the adapter."""
        if self._server is not None:
            self._server.close()
        await cancel_all(self._tasks)
        if self._adapter is not None:
            await self._adapter.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keep_task(self._tasks)
        # What is no editor, and one that has left.
        with suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.CancelledError):
            async with asyncio.timeout(FIRST_WITHIN):
                first = await _read_message(reader)
            if _is_first(first):
                await self._relay(first, reader, writer, await self.adapter())
        writer.close()

    async def _relay(
        self, first: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, adapter: Adapter
    ) -> None:
        source, target = await asyncio.open_connection(HOST, adapter.client, limit=LARGEST_MESSAGE)
        for each in (writer, target):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = asyncio.create_task(self._copy(source, target.get_extra_info("socket"), writer))
        try:
            await self._forward(first, reader, target, adapter)
        finally:
            keep_task(self._leaving)
            await _leave(target, back)

    async def _forward(
        self, message: Message, reader: asyncio.StreamReader, target: asyncio.StreamWriter, adapter: Adapter
    ) -> None:
        """Pass on what an editor says. ``root`` is the session of the process that does nothing."""
        root = False
        while True:
            match message:
                case {"command": "attach", "arguments": dict(arguments)}:
                    # The adapter gives a process to one session at a time: first let the former ones end.
                    if self._leaving:
                        await asyncio.wait(self._leaving)
                    root = "subProcessId" not in arguments
                    message = {**message, "arguments": self._adapt(arguments, adapter)}
                case {"command": "disconnect" | "terminate"} if root:
                    # It is there for the next editor.
                    message = {**message, "command": "disconnect", "arguments": {"terminateDebuggee": False}}
                case {"command": "configurationDone"} if root:
                    self.attached.set()
            target.write(_write_message(message))
            await target.drain()
            message = await _read_message(reader)

    def _adapt(self, arguments: Mapping[str, object], adapter: Adapter) -> Mapping[str, object]:
        """See that an editor attaches to the right process, and to the others through this port."""
        return {
            "connect": {"host": HOST, "port": self.port},
            # Without it the adapter gives the editor any process.
            "subProcessId": adapter.pid,
            **arguments,
        }

    async def _copy(
        self, reader: asyncio.StreamReader, source: socket.socket, writer: asyncio.StreamWriter
    ) -> None:
        """Pass on what the adapter says, until it ends the session; the editor may have left before."""
        with suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            while True:
                # The adapter writes head and body of a message apart, and the system keeps the second back
                # until the first is acknowledged, which by itself takes 40 ms (Linux).
                message = await _read_message(reader, lambda: _acknowledge(source))
                writer.write(_write_message(self._named(message)))
                with suppress(OSError):
                    await writer.drain()
        writer.close()

    def _named(self, message: Message) -> Message:
        match message:
            case {"event": "debugpyAttach", "body": dict(body)}:
                name = self.names.get(body.get("subProcessId", 0), body.get("name"))
                return {**message, "body": {**body, "name": name}}
            case {"command": "startDebugging", "arguments": {"request": how, "configuration": dict(body)}}:
                name = self.names.get(body.get("subProcessId", 0), body.get("name"))
                return {**message, "arguments": {"request": how, "configuration": {**body, "name": name}}}
        return message


def _is_first(message: Message) -> bool:
    return message.get("type") == "request" and message.get("command") == "initialize"


async def _leave(target: asyncio.StreamWriter, back: asyncio.Task[None]) -> None:
    """End a session of the adapter in order, so that the next one finds the process free."""
    leave = {"seq": LAST_REQUEST, "type": "request", "command": "disconnect"}
    target.write(_write_message({**leave, "arguments": {"terminateDebuggee": False}}))
    try:
        await asyncio.wait([back], timeout=LEAVE_WITHIN)
    finally:
        target.close()
        await cancel_all([back])


def _acknowledge(source: socket.socket) -> None:
    """Acknowledge at once what has come."""
    if quick := getattr(socket, "TCP_QUICKACK", 0):
        source.setsockopt(socket.IPPROTO_TCP, quick, 1)


async def _read_message(
    reader: asyncio.StreamReader, head_is_here: Callable[[], None] = lambda: None
) -> Message:
    # An HTTP request has its own first line, so that this is the whole of the check.
    name, _, length = (await reader.readuntil(b"\r\n")).partition(b":")
    if name != b"Content-Length":
        raise ValueError("not DAP")
    while (await reader.readuntil(b"\r\n")).strip():
        pass  # other headers
    head_is_here()
    size = int(length)
    if not 0 <= size <= LARGEST_MESSAGE:
        raise ValueError("too long")
    message = json.loads(await reader.readexactly(size))
    if not isinstance(message, dict):
        raise ValueError("not a message")
    return message


def _write_message(message: Message) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
