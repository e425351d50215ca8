"""The one port on which an editor finds all workers. Talks to editors and to debugpy's adapter.

The editor attaches to a process that does nothing; each worker is reported to it as a child of that one, and
gets a session of its own through the same port. debugpy knows no authentication, and takes a web page's
POST for its own protocol: what does not begin as the Debug Adapter Protocol (DAP) does is turned away here.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from plldb.debugger.errors import PortError
from plldb.debugger.workers.dap.adapter import HOST, Adapter
from plldb.debugger.workers.dap.messages import (
    LARGEST_MESSAGE,
    Message,
    attach_arguments,
    is_first,
    name_process,
    read_message,
    refuse,
    write_message,
)
from plldb.debugger.workers.runtime_api import keep_task
from plldb.errors import Hint
from plldb.tasks import cancel_all

FIRST_WITHIN = 10.0
"""Seconds for the first message of a connection."""
LEAVE_WITHIN = 5.0
"""Seconds for the adapter to end a session."""
LAST_REQUEST = 2**30
"""Number of the request that ends a session, above those of the editor."""
DISCONNECT = {"command": "disconnect", "arguments": {"terminateDebuggee": False}}


@dataclass(frozen=True, slots=True)
class Line:
    """One session of an editor, and that of the adapter for it."""

    editor_reader: asyncio.StreamReader
    editor: asyncio.StreamWriter
    adapter_reader: asyncio.StreamReader
    adapter: asyncio.StreamWriter


class Relay:
    """Listens for editors from `open` to `close`."""

    def __init__(self, start_adapter: Callable[[], Awaitable[Adapter]]) -> None:
        self.attached = asyncio.Event()
        """Set as soon as an editor has been there and has set its breakpoints."""
        self.names: dict[int, str] = {}
        """What an editor shows of the processes, by their ids."""
        self.port = 0
        self._start_adapter = start_adapter
        self._starting: asyncio.Future[Adapter] | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._first: asyncio.Task[None] | None = None

    @property
    def has_editor(self) -> bool:
        """Whether an editor is there now."""
        return self._first is not None

    async def open(self, port: int) -> None:
        """Listen on a port of 127.0.0.1, 0 for a free one; the adapter starts meanwhile.

        Raises:
            PortError: it is taken, or may not be used.
        """
        try:
            # In two steps: who is cancelled in the second one closes it.
            self._server = await asyncio.start_server(
                self._serve, HOST, port, limit=LARGEST_MESSAGE, start_serving=False
            )
            await self._server.start_serving()
        except OSError as error:
            raise PortError(
                f"The debugger's port {port} cannot be used: {error.strerror or error}.",
                hint=Hint("choose-port", "Another session or program may have it: choose another port."),
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        self._starting = asyncio.ensure_future(self._start_adapter())

    async def adapter(self) -> Adapter:
        """Return the adapter; it is started anew if somebody has ended it.

        Raises:
            OSError: it does not start.
        """
        if self._starting is None or (self._starting.done() and _is_over(self._starting)):
            self._starting = asyncio.ensure_future(self._start_adapter())
        return await asyncio.shield(self._starting)

    async def close(self) -> None:
        """Turn away the editors, and end the adapter."""
        if self._server is not None:
            self._server.close()
        await cancel_all(self._tasks)
        if self._starting is not None:
            self._starting.cancel()
            with suppress(OSError, asyncio.CancelledError):
                await (await self._starting).close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keep_task(self._tasks)
        try:
            # What is no editor, and one that has left.
            with suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.CancelledError):
                async with asyncio.timeout(FIRST_WITHIN):
                    first = await read_message(reader)
                if is_first(first):
                    adapter = await self.adapter()
                    try:
                        back = await _connect(adapter)
                    except ConnectionRefusedError:  # somebody has killed debugpy's own process
                        await adapter.close()  # so another one is started
                        adapter = await self.adapter()
                        back = await _connect(adapter)
                    await self._relay(first, Line(reader, writer, *back), adapter.pid)
        finally:
            writer.close()

    async def _relay(self, first: Message, line: Line, pid: int) -> None:
        for each in (line.editor, line.adapter):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = asyncio.create_task(self._pass_back(line))
        try:
            await self._pass_on(first, line, pid)
        finally:
            keep_task(self._leaving)
            await _leave(line.adapter, back)
            if self._first is asyncio.current_task():
                self._first = None

    async def _pass_on(self, message: Message, line: Line, pid: int) -> None:
        """Pass on what an editor says until it leaves. ``pid`` is that of the process that does nothing."""
        while True:
            match message:
                case {"command": "attach", "arguments": dict(arguments)}:
                    # The adapter gives a process to one session at a time: first let the former ones end.
                    if self._leaving:
                        await asyncio.wait(self._leaving)
                    if "subProcessId" not in arguments:
                        if self._first is not None:
                            line.editor.write(write_message(refuse(message, "Another editor is attached.")))
                            return
                        self._first = asyncio.current_task()
                    message = {
                        **message,
                        "arguments": attach_arguments(arguments, port=self.port, pid=pid),
                    }
                case {"command": "disconnect" | "terminate"} if self._first is asyncio.current_task():
                    message = {**message, **DISCONNECT}  # it is there for the next editor
                case {"command": "configurationDone"} if self._first is asyncio.current_task():
                    self.attached.set()
            line.adapter.write(write_message(message))
            await line.adapter.drain()
            message = await read_message(line.editor_reader)

    async def _pass_back(self, line: Line) -> None:
        """Pass on what the adapter says, until it ends the session; the editor may have left before."""
        with suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            while True:
                message = await read_message(line.adapter_reader)
                if message.get("request_seq") != LAST_REQUEST:
                    line.editor.write(write_message(name_process(message, self.names)))
                    with suppress(OSError):
                        await line.editor.drain()
        line.editor.close()


async def _connect(adapter: Adapter) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    streams = await asyncio.open_connection(HOST, adapter.client, limit=LARGEST_MESSAGE)
    streams[1].write(adapter.secret.encode())
    return streams


def _is_over(starting: asyncio.Future[Adapter]) -> bool:
    return starting.cancelled() or starting.exception() is not None or starting.result().ended


async def _leave(adapter: asyncio.StreamWriter, back: asyncio.Task[None]) -> None:
    """End a session of the adapter in order, so that the next one finds the process free."""
    adapter.write(write_message({"seq": LAST_REQUEST, "type": "request", **DISCONNECT}))
    try:
        await asyncio.wait([back], timeout=LEAVE_WITHIN)
    finally:
        adapter.close()
        await cancel_all([back])
