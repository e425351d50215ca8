"""Real emulators as processes of our own: a `moto_server` and a MiniStack. Talks to processes.

Each is an async context manager that gives a `Server` once it is ready, and leaves nothing behind::

    async with ministack() as server:
        ...  # AWS_ENDPOINT_URL = server.url
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.support import supervise, wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

MINISTACK = "ministack==1.5.33"
# What MiniStack expands AWS SAM's templates with, as CloudFormation does.
_TRANSLATOR = "aws-sam-translator==1.115.0"

# The first start of MiniStack downloads it.
_MINISTACK_SECONDS = 180.0
_MOTO_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_STOP_SECONDS = supervise.GRACE_SECONDS + 60.0
_LINES_TOLD = 40

# What belongs to the test run or to the developer's account must not reach a server.
_PRIVATE = ("AWS_", "COVERAGE_", "COV_CORE_", "PYTEST_")


class ServerError(Exception):
    """A server did not get ready; the message has the end of its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: its URL, and the file that has its output."""

    url: str
    log: Path

    @property
    def output(self) -> str:
        """What the server has printed so far."""
        return self.log.read_text(errors="replace")


@asynccontextmanager
async def moto_server() -> AsyncIterator[Server]:
    """A moto server from the running interpreter's environment."""
    with reserved_port() as port:
        command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
        async with running("moto_server", command, {}, port, "/moto-api/data.json", _MOTO_SECONDS) as server:
            yield server


@asynccontextmanager
async def ministack(
    *, auth: bool = False, script: str = "", settings: Mapping[str, str] | None = None
) -> AsyncIterator[Server]:
    """A MiniStack in an environment of its own; ``auth`` makes it check signatures and IAM policies.

    ``script`` is a file that its Python runs instead, with SAM's translator at hand; ``settings`` are added
    to its environment.
    """
    own = ("--with", MINISTACK, "--with", _TRANSLATOR, "python", script)
    program = own if script else ("--from", MINISTACK, "ministack")
    command = (*find_uv(), "tool", "run", "--python", sys.executable, *program)
    environment = {
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true" if auth else "false",
        # Not used here, and each would open another port.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        **(settings or {}),
    }
    with reserved_port() as port:
        environment["GATEWAY_PORT"] = str(port)
        async with running(
            "MiniStack", command, environment, port, "/_ministack/ready", _MINISTACK_SECONDS
        ) as server:
            yield server


def websocket_address(endpoint: str, url: str) -> str:
    """Where MiniStack serves a WebSocket API; ``url`` is ``wss://<api id>.execute-api.<…>/<stage>``."""
    parts = urlsplit(url)
    api_id = (parts.hostname or "").partition(".")[0]
    return f"ws://{urlsplit(endpoint).netloc}/_aws/execute-api/{api_id}{parts.path}"


def find_uv() -> tuple[str, ...]:
    """The command that runs uv: the one in this environment, or else one on the path."""
    if importlib.util.find_spec("uv"):
        return (sys.executable, "-m", "uv")
    if found := shutil.which("uv"):
        return (found,)
    raise ServerError("uv is needed to start MiniStack: install it, or use scripts/test")


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of 127.0.0.1 for a server that is told of it; nobody who asks for any port gets it meanwhile.

    This socket does not listen, so that a server, all of which set SO_REUSEADDR, may bind the port beside it.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@asynccontextmanager
async def running(
    name: str, command: Sequence[str], settings: Mapping[str, str], port: int, path: str, seconds: float
) -> AsyncIterator[Server]:
    """Any server that answers GET ``path`` on ``port`` with 200 once it is ready, within ``seconds``."""
    with tempfile.TemporaryDirectory(prefix="plldb-", ignore_cleanup_errors=True) as folder:
        server = Server(url=f"http://127.0.0.1:{port}", log=Path(folder, "server.log"))
        # The servers keep files of their own in TMPDIR; they go with the folder.
        environment = {**_without_private(os.environ), "TMPDIR": folder, **settings}
        with _supervised(command, environment, server.log) as process:
            await _wait_until_ready(name, process, server, port, path, seconds)
            yield server


def _without_private(environment: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if not key.startswith(_PRIVATE)}


@contextmanager
def _supervised(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    # A plain Popen, not asyncio's: it may outlive the loop of the test that asked for it first. In a
    # session of its own, so that Ctrl-C reaches us and we stop it in order.
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", supervise.__file__, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(timeout=_STOP_SECONDS)


async def _wait_until_ready(
    name: str, process: subprocess.Popen[bytes], server: Server, port: int, path: str, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    while not await _is_ready(port, path):
        if process.poll() is not None:
            raise ServerError(f"{name} ended with exit code {process.returncode}:\n{_end_of(server.output)}")
        if time.monotonic() > deadline:
            raise ServerError(f"{name} was not ready within {seconds:.0f} s:\n{_end_of(server.output)}")
        await asyncio.sleep(_LOOK_SECONDS)


async def _is_ready(port: int, path: str) -> bool:
    request = wire.Request(method="GET", target=path, headers=(("Host", f"127.0.0.1:{port}"),), body=b"")
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=wire.STREAM_LIMIT)
    except OSError:
        return False
    try:
        writer.write(wire.encode_request(request))
        async with asyncio.timeout(5):
            return (await wire.read_response(reader, "GET")).status == 200
    except (OSError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.transport.abort()


def _end_of(text: str) -> str:
    return "\n".join(text.splitlines()[-_LINES_TOLD:]) or "(no output)"
