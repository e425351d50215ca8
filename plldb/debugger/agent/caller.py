"""A connection of the runtime, and how what it says is passed on. Talks to the Runtime API."""

from __future__ import annotations

from select import POLLIN, poll

from plldb.debugger.agent.http import BLOCK, LENGTH
from plldb.debugger.agent.sockets import connect

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"


class Caller:
    """A connection of the runtime, and the one to the real API that its requests go to."""

    def __init__(self, connection: Connection, api: str, descriptor: int) -> None:
        """Take a connection of the runtime; ``wait``, of milliseconds, returns for ``descriptor``, too."""
        self.connection = connection
        self.upstream: Connection | None = None
        self.pumped = False  # whether a thread carries what comes from the API
        self.busy = False  # whether it has an invocation, and the agent's own thread is to carry what it says
        self.said = b""  # what it has said and nobody has taken
        self._api = api
        self._poll = poll()
        self._poll.register(connection, POLLIN)
        self._poll.register(descriptor, POLLIN)
        self.wait = self._poll.poll
        self._awaited = 0  # how long the request is of which ``said`` is the beginning, if that is known
        self._unanswered = False

    def connect(self) -> Connection:
        """Return the connection to the real API."""
        if self.upstream is None:
            self.upstream = connect(self._api, tls=False, timeout=None)
            self._poll.register(self.upstream, POLLIN)
        return self.upstream

    def leave_to_thread(self) -> bool:
        """Let a thread carry what comes from the API; return whether there was none so far."""
        if self.upstream is None or self.pumped:
            return False
        self.pumped = True
        self._poll.unregister(self.upstream)
        return True

    def hear(self, note: Callable[[bytes, bytes], None]) -> str:
        """Read what it says, and pass on each request; ``note`` is given method and path first.

        Returns:
            ``more`` if it goes on, ``next`` if it asks for the next invocation, ``large`` if ``said`` begins
            with a request that has to be passed on piece by piece, ``closed``.

        Raises:
            OSError: a connection is broken, or ``note`` refuses.
        """
        data = self.connection.recv(BLOCK)
        if not data:
            return "closed"
        if not self.said and data.startswith(NEXT) and data.find(b"\r\n\r\n") + 4 == len(data):
            return "next"  # so say most runtimes
        self.said += data
        while self.said:
            size = self._awaited or measure(self.said)
            if size < 0:
                return "large"
            if not 0 < size <= len(self.said):
                self._awaited = size
                return "more"
            request, self.said, self._awaited = self.said[:size], self.said[size:], 0
            method, path = request.split(b" ", 2)[:2]
            if asks_next(method, path):
                return "next"
            note(method, path)
            self.connect().sendall(request)
            self._unanswered = True
        return "more"

    def take_said(self) -> bytes:
        """Return what it has said, for somebody else to pass on."""
        said, self.said, self._awaited = self.said, b"", 0
        return said

    def pass_on(self) -> bool:
        """Pass on what the API says; return whether the connection is of use after that."""
        if self.pumped:  # the thread has closed both ends, so the descriptor is no longer one of them
            return False
        assert self.upstream is not None  # noqa: S101 - something was read of it
        data = self.upstream.recv(BLOCK)
        if data:
            self.connection.sendall(data)
            self._unanswered = False
            return True
        # Closed. Between two requests that is nothing to the runtime: the next one gets another connection.
        self._poll.unregister(self.upstream)
        self.upstream.close()
        self.upstream = None
        return not self._unanswered


def asks_next(method: bytes, path: bytes) -> bool:
    """Return whether a request asks for the next invocation."""
    return method == b"GET" and path.endswith(b"/runtime/invocation/next")


def measure(said: bytes) -> int:
    """Return how long the first request is: 0 while its head is incomplete, -1 if it is to be streamed."""
    end = said.find(b"\r\n\r\n") + 4
    if end < 4:
        return -1 if len(said) > BLOCK else 0
    head = said[:end].lower()
    at = head.find(LENGTH)
    size = int(head[at + len(LENGTH) : head.find(b"\n", at + 1)].strip() or 0) if at >= 0 else 0
    return -1 if b"\ntransfer-encoding:" in head or size > BLOCK or b"\nexpect:" in head else end + size


def close(caller: Caller) -> None:
    """Close both of its connections."""
    for each in (caller.connection, caller.upstream):
        if each is not None:
            each.close()


def forward_body(stream: BufferedReader, upstream: Connection, size: int, chunked: bool) -> None:
    """Pass on the body of a request, as it comes."""
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


def _forward(stream: BufferedReader, upstream: Connection, size: int) -> None:
    while size:
        data = stream.read1(min(size, BLOCK))  # what is there: a streamed answer is not held back
        if not data:
            raise OSError("connection closed within a body")
        upstream.sendall(data)
        size -= len(data)


def send(connection: Connection, data: bytes) -> None:
    """Send something to a runtime, which may be at its end."""
    try:  # noqa: SIM105 - contextlib would be one more import
        connection.sendall(data)
    except OSError:
        pass  # its end is reported


def pump(source: Connection, target: Connection) -> None:
    """Pass on all that comes through a connection."""
    try:
        while True:
            data = source.recv(BLOCK)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass  # either end is gone; the other one learns it below
    target.close()


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedReader

    from plldb.debugger.agent.sockets import Connection
