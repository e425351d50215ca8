"""Messages of HTTP/1.1, and requests through a kept connection. Talks to servers.

All that can go wrong here is an OSError.
"""

from __future__ import annotations

from io import BufferedReader, RawIOBase
from select import POLLIN, poll

from plldb.debugger.agent.sockets import Connection, Headers, connect

BLOCK = 65536
"""Bytes of a message that are awaited as a whole. A longer one goes on piece by piece."""

IDLE_LIMIT = 30.0
"""Seconds after which a kept connection is not used again: the server may have closed it unseen."""

_DEADLINE = b"\nlambda-runtime-deadline-ms:"
LENGTH = b"\ncontent-length:"

_NOT_KEPT = (b"content-length", b"transfer-encoding", b"connection", b"lambda-runtime-deadline-ms")


class Http:
    """One kept connection to one host."""

    def __init__(self, host: str, *, tls: bool = False, timeout: float | None = None) -> None:
        self._host = host
        self._tls = tls
        self._timeout = timeout
        self._socket: Connection | None = None
        self._used = 0.0
        self._watched = poll()

    def open(self, now: float) -> None:
        """Make sure that there is a connection which the other end has not closed, as far as can be seen."""
        if self._socket is not None:
            # Nothing is awaited: what can be read is the end of the connection.
            if not self._watched.poll(0) and now - self._used < IDLE_LIMIT:
                return
            self.close()
        self._socket = connect(self._host, tls=self._tls, timeout=self._timeout)
        self._watched = poll()
        self._watched.register(self._socket, POLLIN)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def request(
        self, method: str, path: str, headers: Headers, body: bytes, now: float
    ) -> tuple[int, bytes, bytes]:
        """Send a request through the open connection, and return status, head and body of the answer."""
        return self.read(self.send(self.build(method, path, headers, body), now))

    def build(self, method: str, path: str, headers: Headers, body: bytes) -> bytes:
        """Return a request as it is sent."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def send(self, request: bytes, now: float) -> bytes:
        """Send a request that is built; return what of the answer comes first: of most all."""
        assert self._socket is not None  # noqa: S101 - `open` was called
        try:
            self._socket.sendall(request)
            said = self._socket.recv(BLOCK)
            if not said:
                raise OSError("connection closed before an answer")
        except BaseException:
            self.close()
            raise
        self._used = now
        return said

    def read(self, said: bytes) -> tuple[int, bytes, bytes]:
        """Read the rest of an answer that begins so, and return status, head and body."""
        assert self._socket is not None  # noqa: S101 - `send` was called
        try:
            stream: BufferedReader = BufferedReader(Said(said, self._socket))
            head = read_head(stream)
            size, chunked = framing(head)
            body = b"".join(chunks(stream)) if chunked else read_exactly(stream, size)
        except BaseException:
            self.close()
            raise
        if field(head, b"connection").lower() == b"close":
            self.close()  # the server will, but perhaps after the next request was sent
        return int(head.split(None, 2)[1]), head, body


class Said(RawIOBase):
    """What a connection has said already, then what it says."""

    def __init__(self, said: bytes, connection: Connection) -> None:
        self._said = said
        self._connection = connection

    def readable(self) -> bool:
        """Return true: it can be read through a buffer."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there into a buffer, and return how much; 0 at the end."""
        if not self._said:
            return self._connection.readinto(buffer)
        view = memoryview(buffer)
        size = min(len(view), len(self._said))
        view[:size], self._said = self._said[:size], self._said[size:]
        return size


def headers_of(head: bytes) -> Headers:
    """Return the headers in a head."""
    pairs = (line.partition(":") for line in head.decode("latin-1").split("\n")[1:-2])
    return [(name, value.strip()) for name, _, value in pairs]


def hasten(said: bytes, latest: float) -> tuple[bytes, float] | None:
    """Return an invocation as the API gave it, but due at the latest then, and when; in epoch seconds.

    None unless ``said`` is all of it, in the form that the API gives it.
    """
    end = said.find(b"\r\n\r\n") + 4
    lower = said[:end].lower()
    start, at = lower.find(_DEADLINE) + len(_DEADLINE), lower.find(LENGTH) + len(LENGTH)
    if (
        said[9:13] != b"200 "
        or at < len(LENGTH)
        or int(lower[at : lower.find(b"\n", at)]) != len(said) - end
        or start < len(_DEADLINE)
        or b"\ntransfer-encoding:" in lower
        or b"\nconnection:" in lower
    ):
        return None
    stop = lower.find(b"\r", start)
    deadline = min(int(said[start:stop]) / 1000, latest)
    return b"%b %d%b" % (said[:start], deadline * 1000, said[stop:]), deadline


def with_deadline(head: bytes, body: bytes, deadline: float) -> bytes:
    """Return an invocation with another deadline, in epoch seconds, in the form that `hasten` awaits."""
    kept = [line for line in head.splitlines()[:-1] if line.partition(b":")[0].lower() not in _NOT_KEPT]
    kept.append(b"Lambda-Runtime-Deadline-Ms: %d" % (deadline * 1000))
    return b"\r\n".join([*kept, b"Content-Length: %d" % len(body), b"", body])


def chunks(stream: BufferedReader) -> Iterator[bytes]:
    """Yield the chunks of a chunked body, without their sizes."""
    while True:
        size = int(stream.readline().split(b";")[0], 16)
        if size == 0:
            while stream.readline().strip():  # trailers
                pass
            return
        yield read_exactly(stream, size)
        stream.readline()


def read_head(stream: BufferedReader) -> bytes:
    """Return the head of a message as received, with the empty line.

    Raises:
        EOFError: the connection was closed before the first byte.
        OSError: it was closed within the head.
    """
    end = stream.peek().find(b"\r\n\r\n") + 4
    if end >= 4:  # most are there as a whole
        return stream.read(end)
    lines = [stream.readline(65536)]
    if not lines[0]:
        raise EOFError
    while lines[-1] not in (b"\r\n", b"\n"):
        lines.append(stream.readline(65536))
        if not lines[-1]:
            raise OSError("connection closed within a head")
    return b"".join(lines)


def field(head: bytes, name: bytes) -> bytes:
    """Return what a head says under a name in lower case; empty if nothing."""
    at = head.lower().find(b"\n" + name + b":")
    return head[at + len(name) + 2 : head.index(b"\n", at + 1)].strip() if at >= 0 else b""


def framing(head: bytes) -> tuple[int, bool]:
    """Return how long a message's body is by its head: its bytes, and whether it is chunked."""
    lower = head.lower()
    size = int(field(lower, b"content-length") or 0)
    return size, b"\ntransfer-encoding:" in lower and b"chunked" in field(lower, b"transfer-encoding")


def read_exactly(stream: BufferedReader, size: int) -> bytes:
    """Return so many bytes.

    Raises:
        OSError: the connection was closed before.
    """
    data = stream.read(size)
    if len(data) < size:
        raise OSError("connection closed within a message")
    return data


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer
