"""HTTP/1.1 and WebSocket by hand. Talks to the Runtime API and to API Gateway.

``http.client`` costs 20 ms more of a cold start, and ``ssl`` is imported only where an address asks for it.
All that can go wrong here is an OSError.
"""

from __future__ import annotations

import binascii
import hashlib
import os
import socket
from _thread import allocate_lock
from select import select

CONNECT_LIMIT = 5.0
"""Seconds to connect, name resolution not included: nothing can end that."""

IDLE_LIMIT = 30.0
"""Seconds after which a kept connection is not used again: the server may have closed it unseen."""

LARGEST_MESSAGE = 256 * 1024
"""Of a WebSocket, in bytes. API Gateway's limit is 128 KB."""

AUTHORITIES = (b"Amazon", b"Starfield")
"""Words in the names of the authorities that issue API Gateway's certificates (Amazon Trust Services)."""

_WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3

Headers = list[tuple[str, str]]

_contexts: list[ssl.SSLContext] = []  # the one that trusts few authorities, then if need be all


def connect(host: str, *, tls: bool, timeout: float | None) -> socket.socket:
    """Return a connection to ``name[:port]``; the timeout, in seconds, is that of each later step."""
    if not tls:
        return _connect(host, None, timeout)
    context = _context()
    try:
        return _connect(host, context, timeout)
    except OSError as error:
        if type(error).__name__ != "SSLCertVerificationError" or context in _contexts[1:]:
            raise
    return _connect(host, _context(everybody=True), timeout)


def _connect(host: str, context: ssl.SSLContext | None, timeout: float | None) -> socket.socket:
    name, _, port = host.partition(":")
    plain = socket.create_connection((name, int(port or (443 if context else 80))), CONNECT_LIMIT)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = context.wrap_socket(plain, server_hostname=name) if context else plain
        connection.settimeout(timeout)
    except BaseException:
        plain.close()
        raise
    return connection


def _context(*, everybody: bool = False) -> ssl.SSLContext:
    """Return what to trust: few authorities, and once ``everybody`` was asked for, all of them."""
    import ssl  # 8 ms: not before an address asks for it

    if not _contexts:
        known = find_authorities(ssl.get_default_verify_paths().cafile)
        _contexts.append(ssl.create_default_context(cadata=known or None))
    if everybody and len(_contexts) == 1:
        # A proxy in between, or an API with a certificate of its own, may have another authority.
        _contexts.append(ssl.create_default_context())
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


def hang_up(connection: socket.socket) -> None:
    """Close a connection, also for a thread that waits for something to come through it."""
    try:  # noqa: SIM105 - contextlib would be one more import
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is closed already
    connection.close()


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
        self._socket: socket.socket | None = None
        self._stream: BufferedReader | None = None
        self._used = 0.0

    def open(self, now: float) -> None:
        """Make sure that there is a connection which the other end has not closed, as far as can be seen."""
        if self._socket is not None:
            # Nothing is awaited: what can be read is the end of the connection.
            readable = select([self._socket], [], [], 0)[0]
            if not readable and now - self._used < IDLE_LIMIT:
                return
            self.close()
        self._socket = connect(self._host, tls=self._tls, timeout=self._timeout)
        self._stream = self._socket.makefile("rb")

    def close(self) -> None:
        """Close the connection, if there is one."""
        for each in (self._stream, self._socket):
            if each is not None:
                each.close()
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


class WebSocket:
    """A client's WebSocket. One thread receives, any thread sends."""

    def __init__(self, url: str, headers: Headers) -> None:
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        self._lock = allocate_lock()
        self._socket = connect(host, tls=scheme == "wss", timeout=CONNECT_LIMIT)
        self._stream = self._socket.makefile("rb")
        try:
            self._shake_hands(host, path, headers)
            self._socket.settimeout(None)
        except BaseException as error:
            self.close()
            if isinstance(error, EOFError):
                raise OSError("connection closed in the handshake") from None
            raise

    def _shake_hands(self, host: str, path: str, headers: Headers) -> None:
        key = binascii.b2a_base64(os.urandom(16), newline=False).decode()
        lines = [f"GET /{path} HTTP/1.1", f"host: {host}", "upgrade: websocket", "connection: Upgrade"]
        lines += [f"sec-websocket-key: {key}", "sec-websocket-version: 13"]
        lines += [f"{name}: {value}" for name, value in headers]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        first, answer = read_head(self._stream)
        status = int(first.split(None, 2)[1])
        if status != 101:
            raise OSError(f"the WebSocket was refused (HTTP {status})")
        digest = hashlib.sha1((key + _WEBSOCKET_GUID).encode(), usedforsecurity=False).digest()
        expected = binascii.b2a_base64(digest, newline=False)
        if not any(line.lower().startswith(b"sec-websocket-accept") and expected in line for line in answer):
            raise OSError("no WebSocket at this address")

    def send(self, data: bytes, opcode: int = 1) -> None:
        """Send a message: a text, or by its opcode (RFC 6455, section 5.2) something else."""
        size, mask = len(data), os.urandom(4)
        if size < 126:
            length = bytes([0x80 | size])
        else:
            length = b"\xfe" + size.to_bytes(2, "big") if size < 65536 else b"\xff" + size.to_bytes(8, "big")
        pad = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        with self._lock:
            self._socket.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def receive(self) -> str:
        """Return the next text.

        Raises:
            OSError: the connection is closed.
        """
        parts: list[bytes] = []
        while True:
            final, opcode, data = self._frame()
            if opcode == 8:
                raise OSError("closed by the other end")
            if opcode == 9:
                self.send(data, 10)
            elif opcode in (0, 1, 2):
                parts.append(data)
                if sum(map(len, parts)) > LARGEST_MESSAGE:
                    raise OSError("message too long")
                if final:
                    return b"".join(parts).decode("utf-8", "replace")

    def _frame(self) -> tuple[bool, int, bytes]:
        first, second = read_exactly(self._stream, 2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(read_exactly(self._stream, 2 if size == 126 else 8), "big")
        if size > LARGEST_MESSAGE:
            raise OSError("message too long")
        return bool(first & 0x80), first & 0x0F, read_exactly(self._stream, size)

    def close(self) -> None:
        """Close the connection; whoever receives gets an OSError."""
        hang_up(self._socket)


TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from io import BufferedReader
