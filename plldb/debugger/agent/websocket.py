"""A WebSocket by hand. Talks to API Gateway. All that can go wrong here is an OSError."""

from __future__ import annotations

import binascii
import os
from _thread import allocate_lock
from io import BufferedReader, RawIOBase

from plldb.debugger.agent.sockets import (
    CONNECT_LIMIT,
    connect,
    field,
    has_unread,
    read_exactly,
    read_head,
    wait_for_bytes,
)

LARGEST_MESSAGE = 256 * 1024
"""Of a WebSocket, in bytes. API Gateway's limit is 128 KB."""

NOBODY = 409
"""Status of a refused connection that says that no laptop is attached: `ws_api_connect_handler.NOBODY`."""

_WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class NobodyError(OSError):
    """The WebSocket was refused, since no laptop is attached."""


class Incoming(RawIOBase):
    """What comes through a connection; ``taken`` while bytes were taken from it that nobody knows of yet."""

    def __init__(self, connection: Connection) -> None:
        self.taken = False
        self.waits = False  # whether bytes are awaited before they are taken, however long that is
        self._connection = connection

    def readable(self) -> bool:
        """Return true: it can be read through a buffer."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there into a buffer, and return how much; 0 at the end."""
        if self.waits:
            self.taken = False  # whoever asks for more has passed on what was there
            wait_for_bytes(self._connection)
            self.taken = True  # and only then are they: at no time are they nowhere
        return self._connection.readinto(buffer)


class WebSocket:
    """A client's WebSocket. One thread receives, any thread sends."""

    def __init__(self, url: str, headers: Headers, asked: Callable[[], None]) -> None:
        """Open it; ``asked`` is called when the request for it is on its way."""
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        self._lock = allocate_lock()
        self._socket = connect(host, tls=scheme == "wss", timeout=CONNECT_LIMIT)
        self._incoming = Incoming(self._socket)
        stream: Any = BufferedReader(self._incoming)
        self._stream: BufferedReader = stream
        try:
            self._ask(host, path, headers)
            asked()
            self._learn()
            self._socket.settimeout(None)
            self._incoming.waits = True
        except BaseException as error:
            self.close()
            if isinstance(error, EOFError):
                raise OSError("connection closed in the handshake") from None
            raise

    def _ask(self, host: str, path: str, headers: Headers) -> None:
        self._key = binascii.b2a_base64(os.urandom(16), newline=False).decode()
        lines = [f"GET /{path} HTTP/1.1", f"host: {host}", "upgrade: websocket", "connection: Upgrade"]
        lines += [f"sec-websocket-key: {self._key}", "sec-websocket-version: 13"]
        lines += [f"{name}: {value}" for name, value in headers]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def _learn(self) -> None:
        head = read_head(self._stream)
        status = int(head.split(None, 2)[1])
        if status == NOBODY:
            raise NobodyError
        if status != 101:
            raise OSError(f"the WebSocket was refused (HTTP {status})")
        import hashlib  # 1 ms, of which a refused connection needs nothing

        digest = hashlib.sha1((self._key + _WEBSOCKET_GUID).encode(), usedforsecurity=False).digest()
        expected = binascii.b2a_base64(digest, newline=False)
        if field(head, b"sec-websocket-accept") != expected:
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

    def has_unread(self) -> bool:
        """Return whether bytes wait in the socket, or `receive` has them and has not returned a text yet.

        It may also be true for a moment after that.
        """
        return has_unread(self._socket) or self._incoming.taken  # in this order

    def close(self) -> None:
        """Close the connection; whoever receives gets an OSError."""
        self._socket.close()


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from _typeshed import WriteableBuffer

    from plldb.debugger.agent.sockets import Connection, Headers
