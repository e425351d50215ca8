"""An editor: a client of the Debug Adapter Protocol that follows a debugger into every process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path


@dataclass(slots=True)
class Stop:
    """A thread that stands still."""

    session: Session
    reason: str
    thread: int

    async def frames(self) -> list[dict[str, Any]]:
        answer = await self.session.request("stackTrace", threadId=self.thread)
        return list(answer["stackFrames"])

    async def line(self) -> tuple[str, int]:
        """Name of the function and line where it stands."""
        top = (await self.frames())[0]
        return top["name"], top["line"]

    async def variables(self) -> dict[str, str]:
        """The local variables, as the editor shows them."""
        frame = (await self.frames())[0]["id"]
        scopes = (await self.session.request("scopes", frameId=frame))["scopes"]
        found = await self.session.request("variables", variablesReference=scopes[0]["variablesReference"])
        return {each["name"]: each["value"] for each in found["variables"]}

    async def evaluate(self, expression: str) -> str:
        frame = (await self.frames())[0]["id"]
        answer = await self.session.request("evaluate", expression=expression, frameId=frame, context="repl")
        return str(answer["result"])

    async def go_on(self, how: str = "continue") -> None:
        """``continue``, ``next``, ``stepIn`` or ``stepOut``."""
        await self.session.request(how, threadId=self.thread)


@dataclass(frozen=True, slots=True)
class Manner:
    """In what the dialogues of editors differ."""

    client: str = "test"
    starts_sessions: bool = False  # as the protocol's own request asks for, not debugpy's event
    answers_last: bool = False  # that request, once the session is there
    exceptions_first: bool = False
    functions: bool = True  # breakpoints of functions are set, too: none
    leaves: tuple[str, dict[str, bool]] | None = None  # the request on its first session, if it makes one


@dataclass(slots=True)
class Editor:
    """All sessions of one editor. ``breakpoints`` are lines by file."""

    port: int
    breakpoints: Mapping[Path, Sequence[int]]
    arguments: dict[str, Any]
    filters: Sequence[str] = ("uncaught",)
    stops: asyncio.Queue[Stop] = field(default_factory=asyncio.Queue)
    sessions: list[Session] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    ready: int = 0
    manner: Manner = Manner()

    async def stop(self) -> Stop:
        """The next thread that stops."""
        async with asyncio.timeout(120):
            return await self.stops.get()

    async def followed(self, count: int) -> None:
        """Wait until the sessions of so many workers have their breakpoints."""
        async with asyncio.timeout(120):
            while self.ready <= count:
                await asyncio.sleep(0.01)

    async def attach(self, arguments: Mapping[str, Any]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        session = Session(self, reader, writer)
        self.sessions.append(session)
        self.tasks.append(asyncio.create_task(session.listen()))
        client = {"clientID": self.manner.client, "adapterID": "python", "pathFormat": "path"}
        follows = {"supportsStartDebuggingRequest": self.manner.starts_sessions}
        await session.request("initialize", **client, **follows)
        attached = session.send(arguments.get("request", "attach"), arguments)
        ready = asyncio.create_task(session.initialized.wait())
        await asyncio.wait({attached, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        ready.cancel()
        if attached.done():
            attached.result()
        await self._configure(session)
        await session.request("configurationDone")
        await attached
        self.ready += 1

    async def _configure(self, session: Session) -> None:
        exceptions = ("setExceptionBreakpoints", {"filters": list(self.filters)})
        if self.manner.exceptions_first:
            await session.send(*exceptions)
        for path, lines in self.breakpoints.items():
            wanted = [{"line": line} for line in lines]
            await session.request("setBreakpoints", source={"path": str(path)}, breakpoints=wanted)
        if self.manner.functions:
            await session.request("setFunctionBreakpoints", breakpoints=[])
        if not self.manner.exceptions_first:
            await session.send(*exceptions)

    def follow(self, arguments: Mapping[str, Any], answer: Callable[[], None] = lambda: None) -> None:
        """Attach to a process that a session has reported."""
        self.names.append(arguments["name"])
        self.tasks.append(asyncio.create_task(self._follow(arguments, answer)))

    async def _follow(self, arguments: Mapping[str, Any], answer: Callable[[], None]) -> None:
        if not self.manner.answers_last:
            answer()
        await self.attach(arguments)
        if self.manner.answers_last:
            answer()

    async def leave(self) -> None:
        """Say that it leaves, as editors do before they close their connections."""
        if self.manner.leaves is not None:
            command, arguments = self.manner.leaves
            await self.sessions[0].request(command, **arguments)


@asynccontextmanager
async def debugpy_started(env: Mapping[str, str], folder: Path) -> AsyncIterator[int]:
    """debugpy's adapter as an editor starts it that starts the program, too; its port."""
    endpoints = folder / "debugpy-endpoints.json"
    command = (sys.executable, "-m", "debugpy.adapter", "--host", "127.0.0.1", "--port", "0")
    process = await asyncio.create_subprocess_exec(
        *command, env={**env, "DEBUGPY_ADAPTER_ENDPOINTS": str(endpoints)}
    )
    try:
        async with asyncio.timeout(120):
            # Its port is open a moment before it can serve a client: this file is written after that.
            while not endpoints.exists() or not endpoints.read_text().endswith("\n"):
                await asyncio.sleep(0.01)
        yield json.loads(endpoints.read_text())["client"]["port"]
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


class Session:
    """One connection to the debugger."""

    def __init__(self, editor: Editor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.initialized = asyncio.Event()
        self._editor, self._reader, self.writer = editor, reader, writer
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    def send(self, command: str, arguments: Mapping[str, Any]) -> asyncio.Future[Any]:
        number = len(self._waiting) + 1
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._write({"seq": number, "type": "request", "command": command, "arguments": dict(arguments)})
        return future

    def _write(self, message: Mapping[str, Any]) -> None:
        body = json.dumps(message).encode()
        self.writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def request(self, command: str, **arguments: Any) -> Any:
        async with asyncio.timeout(120):
            return await self.send(command, arguments)

    async def listen(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await self._reader.readuntil(b"\r\n\r\n")
                self._take(json.loads(await self._reader.readexactly(int(head.split(b":")[1]))))

    def _take(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"type": "response", "success": True, "request_seq": number}:
                self._waiting[number].set_result(message.get("body"))
            case {"type": "response", "request_seq": number}:
                self._waiting[number].set_exception(RuntimeError(message.get("message")))
            case {"event": "initialized"}:
                self.initialized.set()
            case {"event": "debugpyAttach", "body": body}:
                self._editor.follow(body)
            case {"command": "startDebugging", "seq": number, "arguments": {"configuration": body}}:
                answer = {"type": "response", "command": "startDebugging", "request_seq": number}
                self._editor.follow(body, lambda: self._write({**answer, "success": True, "seq": number}))
            case {"event": "stopped", "body": body}:
                self._editor.stops.put_nowait(Stop(self, body["reason"], body["threadId"]))


@asynccontextmanager
async def editor(
    port: int | None,
    breakpoints: Mapping[Path, Sequence[int]] | None = None,
    *,
    filters: Sequence[str] = ("uncaught",),
    manner: Manner = Manner(),
    **arguments: Any,
) -> AsyncIterator[Editor]:
    """An editor that has attached; it leaves at the end of the block."""
    assert port is not None
    one = Editor(port, breakpoints or {}, arguments, filters, manner=manner)
    try:
        await one.attach(arguments)
        yield one
    finally:
        for session in one.sessions:
            session.writer.close()
        for task in one.tasks:
            task.cancel()
        await asyncio.gather(*one.tasks, return_exceptions=True)
