"""The function's own runtime as a child, and the Runtime API that it sees. Talks to the real Runtime API.

Only ``next`` is answered here, with what the agent hands over. Every other request of the runtime and of
extensions in it goes to the real API and back byte for byte, as it comes.
"""

from __future__ import annotations

import os
import signal
import socket
from _queue import SimpleQueue
from _thread import allocate_lock, start_new_thread

from plldb.debugger.agent.sockets import connect, framing, hang_up, read_exactly, read_head

BLOCK = 65536

# What Python ignores, or the agent does, and a program expects to find as the system has it.
DEFAULT_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM]


class Runtime:
    """The runtime. Its events are ``("idle",)``, ``("ended", status)`` and ``("init_error", body)``."""

    def __init__(
        self, command: list[str], environment: dict[str, str], api: str, events: SimpleQueue[Event]
    ) -> None:
        """Take a port for it, whether or not it is ever started: a failure now costs no invocation.

        Raises:
            OSError: there is no port.
        """
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._command = command
        self._environment = environment
        self._api = api
        self._events = events
        self._asking: socket.socket | None = None  # the runtime's connection that waits in next
        self._lock = allocate_lock()
        self._accepting = False
        self._pid = 0
        self._silenced = False  # killed: nothing of it reaches the API any more
        self.answered = False  # whether the answer of the invocation at hand went to the API
        self.waiting = False  # an invocation waits for the runtime's first next

    @property
    def running(self) -> bool:
        """Whether the runtime was started and has not ended."""
        return self._pid != 0

    def start(self) -> None:
        """Start it, with every descriptor that the agent has inherited.

        Raises:
            OSError: the command cannot be run.
        """
        port = self._listener.getsockname()[1]
        if not self._accepting:
            start_new_thread(self._accept, ())
            self._accepting = True
        environment = dict(self._environment, AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{port}")
        # A signal to the sandbox's processes reaches the runtime as it did before: the agent leaves it alone.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._pid = os.posix_spawnp(self._command[0], self._command, environment, setsigdef=DEFAULT_SIGNALS)
        start_new_thread(self._reap, (self._pid,))

    def hand_over(self, answer: bytes) -> None:
        """Give the runtime that waits in ``next`` this answer."""
        self.answered = False
        if self._asking is None:
            return
        if len(answer) > BLOCK:  # it may have to wait for a runtime that does not read
            start_new_thread(_send, (self._asking, answer))
        else:
            _send(self._asking, answer)

    def silence(self) -> bool:
        """Kill it, and return whether it had answered the invocation at hand."""
        with self._lock:
            self._silenced = True
        os.kill(self._pid, signal.SIGKILL)
        return self.answered

    def ended(self) -> None:
        """Take note of its end: it can be started again."""
        self._pid = 0

    def _reap(self, pid: int) -> None:
        self._events.put(("ended", os.waitpid(pid, 0)[1]))

    def _accept(self) -> None:
        while True:
            connection = self._listener.accept()[0]
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            start_new_thread(self._serve, (connection,))

    def _serve(self, connection: socket.socket) -> None:
        upstream: list[socket.socket] = []
        try:
            stream = connection.makefile("rb")
            while True:
                self._one(connection, stream, upstream)
        except (OSError, EOFError):
            pass  # the runtime, or the sandbox, is at its end
        finally:
            for each in (connection, *upstream):
                hang_up(each)

    def _one(self, connection: socket.socket, stream: BufferedReader, upstream: list[socket.socket]) -> None:
        first, lines = read_head(stream)
        method, path = first.split(b" ", 2)[:2]
        if method == b"GET" and path.endswith(b"/runtime/invocation/next"):
            self._asking = connection
            self._events.put(("idle",))
        elif self.waiting and path.endswith(b"/runtime/init/error"):
            # The real API has an invocation under way, so this is that invocation's error.
            self._events.put(("init_error", read_exactly(stream, framing(lines)[0])))
            connection.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        else:
            if not upstream:
                upstream.append(connect(self._api, tls=False, timeout=None))
                start_new_thread(_pump, (upstream[0], connection))
            if method == b"POST" and b"/runtime/invocation/" in path:
                with self._lock:
                    if self._silenced:
                        raise OSError("the runtime was killed")
                    self.answered = True
            size, chunked = framing(lines)
            if not chunked and size <= BLOCK:
                # In one piece, which the API reads at once.
                upstream[0].sendall(b"".join(lines) + read_exactly(stream, size))
                return
            upstream[0].sendall(b"".join(lines))
            _forward_body(stream, upstream[0], size, chunked)


def _forward_body(stream: BufferedReader, upstream: socket.socket, size: int, chunked: bool) -> None:
    if not chunked:
        _forward(stream, upstream, size)
        return
    while True:
        line = stream.readline()
        upstream.sendall(line)
        length = int(line.split(b";")[0] or b"0", 16)
        if length == 0:
            break
        _forward(stream, upstream, length + 2)
    while line.strip():  # trailers, and the empty line
        line = stream.readline()
        upstream.sendall(line)


def _forward(stream: BufferedReader, upstream: socket.socket, size: int) -> None:
    while size:
        data = stream.read1(min(size, BLOCK))  # what is there: a streamed answer is not held back
        if not data:
            raise OSError("connection closed within a body")
        upstream.sendall(data)
        size -= len(data)


def _send(connection: socket.socket, data: bytes) -> None:
    try:  # noqa: SIM105 - contextlib would be one more import
        connection.sendall(data)
    except OSError:
        pass  # the runtime is at its end, which is reported


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while True:
            data = source.recv(BLOCK)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass  # either end is gone; the other one learns it below
    hang_up(target)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader

    from plldb.debugger.agent.lines import Event
