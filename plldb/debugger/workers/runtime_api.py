"""The Runtime API for one worker process. Talks to that process, over HTTP on 127.0.0.1.

The path begins with a secret that only the worker knows: another program of this machine, or a page in a
browser, can neither take an invocation nor answer it. One queue for each process: one that is dying cannot
take what was meant for the next.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from plldb.debugger.protocol.invocations import ANSWER_HEADERS, LARGEST_ANSWER, Answer
from plldb.tasks import cancel_all

VERSION = "/2018-06-01/runtime"
"""Version of the Runtime API (Lambda Developer Guide, "Lambda runtime API")."""
LARGEST_HEAD = 2 * 2**20
"""Most bytes of a request's head: awslambdaric describes an error in a header of up to 1 MB."""

_TOO_LARGE = (
    f'{{"errorMessage":"Exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes).",'
    '"errorType":"RequestEntityTooLarge"}\n'
)
TOO_LARGE = f"HTTP/1.1 413 Too Large\r\ncontent-length: {len(_TOO_LARGE)}\r\n\r\n{_TOO_LARGE}".encode()
"""What the Runtime API says of an answer above the limit, as AWS's emulator has it."""

ASLEEP = 5.0
"""Seconds by which the clocks have moved apart that mean that the machine was asleep."""

HUNG_UP = (
    *(OSError, EOFError, ValueError, RecursionError),
    *(asyncio.LimitOverrunError, asyncio.CancelledError),
)
"""What ends a connection, also because something else came than the Runtime API's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An invocation for the worker; ``seconds`` is the function's own timeout, the rest as in `Start`."""

    seconds: float
    latest: float = math.inf
    clocks: float = 0.0
    request_id: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Took:
    """The worker has loaded the function and has taken an invocation."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Missed:
    """The machine was asleep while the worker was starting, and it is too late to run this invocation."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The worker has answered an invocation."""

    request_id: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The worker's result for an invocation is above Lambda's limit. As in Lambda it ends by itself."""

    request_id: str


@dataclass(frozen=True, slots=True)
class InitFailed:
    """The function could not be loaded; the answer says why."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Told:
    """What the worker says of itself: it has begun, a debugger holds it, it has loaded files."""

    word: str
    value: object


Message = Took | Missed | Answered | TooLarge | InitFailed | Told


class RuntimeApi:
    """Serves one process until it is closed."""

    def __init__(self) -> None:
        self.secret = secrets.token_hex(16)
        self.port = 0
        self.receive: Callable[[Message], None] = lambda _: None
        """Is given what the worker says."""
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        # In two steps: who is cancelled in the second one closes it.
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, limit=LARGEST_HEAD, start_serving=False
        )
        await self._server.start_serving()
        self.port = self._server.sockets[0].getsockname()[1]

    def give(self, event: Event) -> None:
        """Give an invocation to the worker as soon as it asks for the next."""
        self._events.put_nowait(event)

    async def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
        await cancel_all(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keep_task(self._tasks)
        try:
            # The worker has gone, or it was none.
            with suppress(*HUNG_UP):
                while await self._one(reader, writer):
                    await writer.drain()
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; False if the connection is to be closed."""
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        prefix = f"/{self.secret}{VERSION}"
        if not path.startswith(prefix):
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return False
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        match (method, *path.removeprefix(prefix).split("/")[1:]):
            case ("GET", "invocation", "next"):
                event = await self._events.get()
                if _was_slept_over(event):
                    self.receive(Missed(event.request_id))
                    return False
                self.receive(Took(event.request_id))
                writer.write(_next(event))
                return True
            case ("POST", "invocation", request_id, "response" | "error" as kind):
                if len(body) > LARGEST_ANSWER:
                    if kind == "response":
                        self.receive(TooLarge(request_id))
                    writer.write(TOO_LARGE)
                    return True
                self.receive(Answered(request_id, _answer(kind, headers, body)))
            case ("POST", "init", "error"):
                self.receive(InitFailed(_answer("error", headers, body)))
            case ("POST", "worker", word):
                self.receive(Told(word, json.loads(body)))
            case _:
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                return True
        writer.write(b'HTTP/1.1 202 Accepted\r\ncontent-length: 16\r\n\r\n{"status":"OK"}\n')
        return True


def keep_task(tasks: set[asyncio.Task[None]]) -> None:
    """Keep the task that this runs in among these until it is done."""
    if task := asyncio.current_task():
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def _was_slept_over(event: Event) -> bool:
    slept = time.time() - time.monotonic() - event.clocks > ASLEEP
    return slept and time.time() > event.latest


def _next(event: Event) -> bytes:
    headers = {
        **dict(event.headers),
        # Counted from now: Lambda's is that of the armed function.
        "lambda-runtime-deadline-ms": str(int((time.time() + event.seconds) * 1000)),
        # Lambda has no other; awslambdaric takes the body for JSON only if it is told so.
        "content-type": "application/json",
        "content-length": str(len(event.body)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode("latin-1", "replace") + event.body


def _answer(kind: Literal["response", "error"], headers: dict[str, str], body: bytes) -> Answer:
    return Answer(
        kind=kind,
        headers=tuple((name, value) for name, value in headers.items() if name in ANSWER_HEADERS),
        body=body,
    )
