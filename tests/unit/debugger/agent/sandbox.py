"""What stands around an agent: Lambda's Runtime API, API Gateway, and a laptop. Talks to sockets.

Each is a real server with a thread for each connection; the agent is a process of its own, started by its
wrapper from the layer as setup builds it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any

from websockets.frames import Opcode
from websockets.server import ServerProtocol

from plldb.debugger import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

TOKEN = "a-token-that-nobody-guesses"
LIMIT = 60.0


def wait_until(holds: Callable[[], object]) -> None:
    """Return once it holds; fail if it does not for `LIMIT` seconds."""
    ends = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


class Server:
    """Accepts connections, and reads requests."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while head := stream.readline():
                    lines = [head]
                    while lines[-1].strip():
                        lines.append(stream.readline())
                    self.handle(connection, stream, b"".join(lines))
        except OSError:
            pass

    def handle(self, connection: socket.socket, stream: BinaryIO, head: bytes) -> None:
        raise NotImplementedError

    def close(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def without_private(source: str) -> str:
    """A module of the agent in a Python without those below `socket`, `ssl`, `json`, `queue` and `signal`."""
    return re.sub(r"(from|import) _(socket|ssl|json|queue|signal)\b", r"\1 _no_\2", source)


def header(head: bytes, name: str) -> str:
    """A header's value, or nothing."""
    for line in head.decode("latin-1").split("\r\n"):
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return ""


def read_body(stream: BinaryIO, head: bytes) -> bytes:
    """A body as it was sent, the sizes of chunks included."""
    if header(head, "transfer-encoding") != "chunked":
        return stream.read(int(header(head, "content-length") or 0))
    body = b""
    while True:
        line = stream.readline()
        body += line
        size = int(line.split(b";")[0], 16)
        body += stream.read(size + 2) if size else b""
        if not size:
            while body[-4:] != b"\r\n\r\n":
                body += stream.readline()
            return body


@dataclass(frozen=True)
class Request:
    """What came to the Runtime API, as it was sent."""

    head: bytes
    body: bytes

    @property
    def path(self) -> str:
        return self.head.split(b" ")[1].decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RuntimeApi(Server):
    """Lambda's side."""

    def __init__(self) -> None:
        super().__init__()
        self.invocations: Queue[tuple[str, bytes, float]] = Queue()
        self.requests: Queue[Request] = Queue()
        self.nexts = 0
        self.says_at_most = 1 << 30  # bytes of an invocation

    def handle(self, connection: socket.socket, stream: BinaryIO, head: bytes) -> None:
        if head.startswith(b"GET /2018-06-01/runtime/invocation/next"):
            self.nexts += 1
            rid, body, seconds = self.invocations.get()
            deadline = int((time.time() + seconds) * 1000)
            lines = f"Lambda-Runtime-Aws-Request-Id: {rid}\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n"
            answer = f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
            connection.sendall(answer[: self.says_at_most])
            if len(answer) > self.says_at_most:
                raise OSError  # the connection ends within it
            return
        if header(head, "expect"):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.requests.put(Request(head, read_body(stream, head)))
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nX-Kept: as it is\r\nContent-Length: 3\r\n\r\nok\n")

    def invoke(self, rid: str, body: bytes = b"{}", seconds: float = 899) -> Request:
        """What an invocation is answered with."""
        self.invocations.put((rid, body, seconds))
        return self.requests.get(timeout=LIMIT)


class Gateway(Server):
    """API Gateway, the handlers behind it, and a laptop."""

    def __init__(self) -> None:
        super().__init__()
        self.peer: str | None = "laptop="
        self.handshake = 101
        self.greets = True  # whether hello is answered
        self.welcome: dict[str, Any] = {}  # what its answer says besides, or instead
        self.laptop: dict[str, Any] = {}  # what that says of the laptop besides, or instead
        self.others: list[dict[str, Any]] = []  # laptops that have joined
        self.status: Callable[[dict[str, Any]], int] = lambda frame: 200
        self.answer: Callable[[dict[str, Any], bytes], tuple[str, bytes] | None] = lambda meta, body: (
            "response",
            b"laptop:" + body,
        )
        self.frames: Queue[dict[str, Any]] = Queue()
        self.hellos: Queue[dict[str, Any]] = Queue()
        self.heads: list[bytes] = []
        self._pieces: dict[str, wire.Pieces] = {}
        self._websocket: tuple[socket.socket, ServerProtocol] | None = None

    def handle(self, connection: socket.socket, stream: BinaryIO, head: bytes) -> None:
        self.heads.append(head)
        if head.startswith(b"POST /live/@connections/"):
            _, frame = wire.verify(read_body(stream, head).decode(), {wire.key_id(TOKEN): TOKEN})
            status = self.status(frame)
            if not status:
                raise OSError  # the connection ends before an answer
            self.frames.put(frame)  # first: the agent may go on at once
            connection.sendall(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            if status == 200:
                self._take(frame)
            return
        if self.handshake == 0:
            return  # it says nothing
        if self.handshake != 101:
            connection.sendall(f"HTTP/1.1 {self.handshake} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        protocol = ServerProtocol()
        protocol.receive_data(head)
        (request,) = protocol.events_received()
        protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]
        self._websocket = (connection, protocol)
        self._flush()
        while data := connection.recv(65536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if event.opcode == Opcode.TEXT:  # type: ignore[union-attr]
                    self._hear(json.loads(bytes(event.data)))  # type: ignore[union-attr]
            self._flush()

    def _flush(self) -> None:
        assert self._websocket
        for data in self._websocket[1].data_to_send():
            if data:
                self._websocket[0].sendall(data)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["action"] == "relay":
            _, frame = wire.verify(message["d"], {wire.key_id(TOKEN): TOKEN})
            self.frames.put(frame)
            self._take(frame)
            return
        self.hellos.put(message)
        if self.greets:
            now = time.time()
            welcome = {
                "t": "welcome",
                "v": 4,
                "n": message["n"],
                "me": "agent=",
                "now": now,
            }
            welcome |= {"creds": ["key", "secret", "session"], "until": now + 900, "lease": now + 3600}
            laptop = {"session": "s", "proof": wire.prove("s", TOKEN), "peer": self.peer}
            welcome["laptops"] = [laptop | self.laptop, *self.others]
            self.push(json.dumps(welcome | self.welcome))

    def push(self, text: str) -> None:
        """Send a text to the agent."""
        assert self._websocket
        self._websocket[1].send_text(text.encode())
        self._flush()

    def tell(self, frame: dict[str, Any], **message: Any) -> None:
        """Send a frame of the laptop, about the same invocation as that of the agent."""
        about = {"id": frame.get("id"), "no": frame.get("no"), "sb": frame.get("sb"), "at": time.time()}
        about["se"] = frame.get("se")
        self.push(wire.sign(about | message, TOKEN))

    def hang_up(self) -> None:
        assert self._websocket
        self._websocket[0].shutdown(socket.SHUT_RDWR)

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["t"] != "invocation":
            return
        pieces = self._pieces.setdefault(frame["no"], wire.Pieces(frame["of"], frame["z"]))
        pieces.add(frame["i"], frame["of"], frame["z"], frame["d"])
        if pieces.complete and (answer := self.answer(*pieces.join())):
            z, texts = wire.split({"kind": answer[0], "headers": [["content-type", "a/b"]]}, answer[1])
            for i, text in enumerate(texts):
                self.tell(frame, t="answer", i=i, of=len(texts), z=z, d=text)


@dataclass
class Sandbox:
    """One execution environment."""

    lambda_: RuntimeApi
    gateway: Gateway
    folder: Path
    layer: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def settings(self, *, lease: float = 3600, timeout: str = "3", wrapper: str = "", url: str = "") -> str:
        url = url or f"ws://{self.gateway.address}/live"
        return f"1|{int(time.time() + lease)}|{url}|{TOKEN}|{timeout}|{wrapper}"

    def start(self, command: list[str], descriptors: tuple[int, ...] = (), **environment: str) -> None:
        """Start the runtime as Lambda does, through the wrapper."""
        values = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": self.lambda_.address,
            "AWS_LAMBDA_FUNCTION_NAME": "fn",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "role-key",
            "SECRET_OF_THE_FUNCTION": "stays here",
            "AWS_LAMBDA_EXEC_WRAPPER": str(self.layer / "plldb" / "wrapper"),
            "PLLDB": self.settings(),
        } | environment
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [values["AWS_LAMBDA_EXEC_WRAPPER"], *command],
                env=values,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                pass_fds=descriptors,
            )

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def end(self) -> int:
        """The exit status, when it has ended."""
        assert self.process
        return self.process.wait(LIMIT)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def open_sandbox(folder: Path, layer: Path) -> Iterator[Sandbox]:
    """A sandbox with everything around it."""
    sandbox = Sandbox(RuntimeApi(), Gateway(), folder, layer)
    try:
        yield sandbox
    finally:
        sandbox.kill()
        sandbox.lambda_.close()
        sandbox.gateway.close()
