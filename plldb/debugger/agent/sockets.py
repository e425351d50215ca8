"""HTTP/1.1 by hand, with and without TLS. Talks to the Runtime API and to API Gateway.

The modules below ``socket`` and ``ssl`` are used as they are: those two, with what they import, take 22 ms of
a cold start, these 5; ``http.client`` would take 20 more. All that can go wrong here is an OSError.
"""

from __future__ import annotations

import binascii
import os
from _socket import IPPROTO_TCP, SHUT_RDWR, SOCK_STREAM, TCP_NODELAY, getaddrinfo, socket
from io import BufferedReader, RawIOBase
from select import POLLIN, POLLNVAL, poll

CONNECT_LIMIT = 5.0
"""Seconds to connect, name resolution not included: nothing can end that."""

IDLE_LIMIT = 30.0
"""Seconds after which a kept connection is not used again: the server may have closed it unseen."""

AUTHORITIES = (b"Amazon", b"Starfield")
"""Words in the names of the authorities that issue API Gateway's certificates (Amazon Trust Services)."""

Headers = list[tuple[str, str]]

_CLOSED = (6, 8)  # SSL_ERROR_ZERO_RETURN and SSL_ERROR_EOF: with a farewell and without one

_contexts: list[Any] = []  # the one that trusts few authorities, then if need be all


class _Plain(socket):
    """A socket to which TLS can refer weakly."""


class Connection(RawIOBase):
    """A connection, with TLS or without. Its timeout, in seconds, is that of each step."""

    def __init__(self, plain: socket, tls: Any = None) -> None:
        self._plain = plain
        self._tls = tls
        self.settimeout = plain.settimeout

    def fileno(self) -> int:
        """Return its descriptor, -1 after its end."""
        return self._plain.fileno()

    def stream(self) -> BufferedReader:
        """Return what reads it through a buffer."""
        this: Any = self
        return BufferedReader(this)

    def readable(self) -> bool:
        """Return true: it can be read through a buffer."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there into a buffer, and return how much; 0 at the end."""
        view = memoryview(buffer)
        if self._tls is None:
            return self._plain.recv_into(view)
        try:
            return int(self._tls.read(len(view), view))
        except OSError as error:
            if error.errno in _CLOSED:
                return 0
            raise

    def recv(self, size: int) -> bytes:
        """Return at most so many bytes that are there; none at the end."""
        return self._plain.recv(size) if self._tls is None else self.read(size) or b""

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        if self._tls is None:
            self._plain.sendall(data)
            return
        left = memoryview(data)
        while left:
            left = left[self._tls.write(left) :]

    def close(self) -> None:
        """Close it, also for a thread that waits for something to come through it."""
        try:  # noqa: SIM105 - contextlib would be one more import
            self._plain.shutdown(SHUT_RDWR)
        except OSError:
            pass  # it is closed already
        self._plain.close()
        super().close()


def connect(host: str, *, tls: bool, timeout: float | None) -> Connection:
    """Return a connection to ``name[:port]``; the timeout, in seconds, is that of each later step."""
    if not tls:
        return _connect(host, None, timeout)
    context = trust()
    try:
        return _connect(host, context, timeout)
    except OSError as error:
        if type(error).__name__ != "SSLCertVerificationError" or context in _contexts[1:]:
            raise
    return _connect(host, trust(everybody=True), timeout)


def _connect(host: str, context: Any, timeout: float | None) -> Connection:
    name, _, port = host.partition(":")
    plain = _open(name, int(port or (443 if context else 80)))
    try:
        plain.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        tls = None
        if context:
            tls = context._wrap_socket(plain, False, name)
            tls.do_handshake()  # which checks the certificate, and the name in it
        plain.settimeout(timeout)
    except BaseException:
        plain.close()
        raise
    return Connection(plain, tls)


def _open(name: str, port: int) -> _Plain:
    failure = OSError("no address")
    # As bytes: of a text the codec for international names is imported.
    for family, kind, protocol, _, address in getaddrinfo(name.encode(), port, 0, SOCK_STREAM):
        plain = _Plain(family, kind, protocol)
        try:
            plain.settimeout(CONNECT_LIMIT)
            plain.connect(address)
        except OSError as error:
            plain.close()
            failure = error
        else:
            return plain
    raise failure


def trust(*, everybody: bool = False) -> Any:
    """Return what to trust: few authorities, and once ``everybody`` was asked for, all of them."""
    import _ssl  # not before an address asks for it

    if not _contexts:
        variable, file = _ssl.get_default_verify_paths()[:2]
        # Such a context demands a certificate of a known authority, for the name that is asked for.
        few = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
        if known := find_authorities(os.environ.get(variable, file)):
            few.load_verify_locations(cadata=known)
        else:
            few.set_default_verify_paths()
        _contexts.append(few)
    if everybody and len(_contexts) == 1:
        # A proxy in between, or an API with a certificate of its own, may have another authority.
        all_ = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
        all_.set_default_verify_paths()
        _contexts.append(all_)
    return _contexts[-1]


def find_authorities(path: str | None) -> bytes:
    """Return those of the trusted certificates that API Gateway's are issued by; empty if none is found.

    To read them all takes 16 ms of a cold start, these six 2 ms.
    """
    found = []
    try:
        with open(path or "", "rb") as file:
            for block in file.read().split(b"-----BEGIN CERTIFICATE-----")[1:]:
                certificate = binascii.a2b_base64(block.partition(b"-----END")[0])
                if any(name in certificate for name in AUTHORITIES):
                    found.append(certificate)
    except (OSError, ValueError):
        return b""
    return b"".join(found)


def has_unread(connection: Connection) -> bool:
    """Return whether bytes, or its end, wait in a connection; false if it was closed at this end."""
    watched = poll()  # `select` refuses descriptors above 1023
    try:
        watched.register(connection, POLLIN)
    except ValueError:
        return False
    return any(event & ~POLLNVAL for _, event in watched.poll(0))


def read_head(stream: BufferedReader) -> tuple[bytes, list[bytes]]:
    """Return the first line of a message and all lines as received, the empty one included.

    Raises:
        EOFError: the connection was closed before the first byte.
        OSError: it was closed within the head.
    """
    lines = [stream.readline(65536)]
    if not lines[0]:
        raise EOFError
    while lines[-1] not in (b"\r\n", b"\n"):
        lines.append(stream.readline(65536))
        if not lines[-1]:
            raise OSError("connection closed within a head")
    return lines[0], lines


def framing(lines: list[bytes]) -> tuple[int, bool]:
    """Return how long a message's body is by its head: its bytes, and whether it is chunked."""
    size, chunked = 0, False
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
        elif name.lower() == b"transfer-encoding":
            chunked = b"chunked" in value.lower()
    return size, chunked


def read_exactly(stream: BufferedReader, size: int) -> bytes:
    """Return so many bytes.

    Raises:
        OSError: the connection was closed before.
    """
    data = stream.read(size)
    if len(data) < size:
        raise OSError("connection closed within a message")
    return data


class Http:
    """One kept connection to one host."""

    def __init__(self, host: str, *, tls: bool = False, timeout: float | None = None) -> None:
        self._host = host
        self._tls = tls
        self._timeout = timeout
        self._socket: Connection | None = None
        self._stream: BufferedReader | None = None
        self._used = 0.0

    def open(self, now: float) -> None:
        """Make sure that there is a connection which the other end has not closed, as far as can be seen."""
        if self._socket is not None:
            # Nothing is awaited: what can be read is the end of the connection.
            if not has_unread(self._socket) and now - self._used < IDLE_LIMIT:
                return
            self.close()
        self._socket = connect(self._host, tls=self._tls, timeout=self._timeout)
        self._stream = self._socket.stream()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._stream = None

    def request(
        self, method: str, path: str, headers: Headers, body: bytes, now: float
    ) -> tuple[int, Headers, bytes]:
        """Send a request through the open connection, and return status, headers and body of the answer."""
        assert self._socket is not None  # noqa: S101 - `open` was called
        assert self._stream is not None  # noqa: S101
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        try:
            self._socket.sendall(head + body)
            answer = self._answer(self._stream)
        except EOFError:
            self.close()
            raise OSError("connection closed before an answer") from None
        except BaseException:
            self.close()
            raise
        self._used = now
        return answer

    def _answer(self, stream: BufferedReader) -> tuple[int, Headers, bytes]:
        first, lines = read_head(stream)
        size, chunked = framing(lines)
        pairs = (line.decode("latin-1").strip().partition(":") for line in lines[1:-1])
        headers = [(name, value.strip()) for name, _, value in pairs]
        body = b"".join(chunks(stream)) if chunked else read_exactly(stream, size)
        return int(first.split(None, 2)[1]), headers, body


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


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from _typeshed import WriteableBuffer
