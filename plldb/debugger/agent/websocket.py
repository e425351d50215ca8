"""A WebSocket by hand. Talks to API Gateway. All that can go wrong here is an OSError."""

from __future__ import annotations

import binascii
import hashlib
import os
from _thread import allocate_lock
from io import BufferedReader, RawIOBase
from select import POLLIN, POLLNVAL, poll

from plldb.debugger.agent.http import field, read_exactly
from plldb.debugger.agent.sockets import NOBODY

LARGEST_MESSAGE = 256 * 1024
"""Of a WebSocket, in bytes. API Gateway's limit is 128 KB."""

_WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class NobodyError(OSError):
    """The WebSocket was refused, since no laptop is attached."""


class Incoming(RawIOBase):
    """What comes through a connection; ``taken`` while bytes were taken from it that nobody knows of yet."""

    def __init__(self, connection: Connection, early: bytes) -> None:
        self._early = early  # what came with the handshake
        self.taken = bool(early)
        self.waits = False  # whether bytes are awaited before they are taken, however long that is
        self._connection = connection

    def readable(self) -> bool:
        """Return true: it can be read through a buffer."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there into a buffer, and return how much; 0 at the end."""
        if self._early:
            view = memoryview(buffer)
            size = min(len(view), len(self._early))
            view[:size], self._early = self._early[:size], self._early[size:]
            return size
        if self.waits:
            # Whoever asks for more has passed on what was there, but for what TLS has decrypted.
            self.taken = self._connection.holds_bytes()
            wait_for_bytes(self._connection)
            self.taken = True  # and only then are they: at no time are they nowhere
        return self._connection.readinto(buffer)


class WebSocket:
    """A client's WebSocket. One thread receives, any thread sends."""

    def __init__(self, asked: Asked) -> None:
        """Take over what was asked for, if that was granted."""
        self._lock = allocate_lock()
        self._socket = asked.connection
        self._incoming = Incoming(self._socket, asked.rest)
        stream: Any = BufferedReader(self._incoming)
        self._stream: BufferedReader = stream
        try:
            _check(asked)
            self._socket.settimeout(None)
            self._incoming.waits = True
        except BaseException:
            self.close()
            raise

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


def _check(asked: Asked) -> None:
    """Raise an OSError unless it is a WebSocket; a `NobodyError` if nobody is there."""
    if asked.status == NOBODY:
        raise NobodyError
    if asked.status != 101:
        raise OSError(f"the WebSocket was refused (HTTP {asked.status})")
    digest = hashlib.sha1((asked.key + _WEBSOCKET_GUID).encode(), usedforsecurity=False).digest()
    if field(asked.head, b"sec-websocket-accept") != binascii.b2a_base64(digest, newline=False):
        raise OSError("no WebSocket at this address")


def has_unread(connection: Connection) -> bool:
    """Return whether bytes, or its end, wait in a connection; false if it was closed at this end."""
    watched = poll()  # `select` refuses descriptors above 1023
    try:
        watched.register(connection, POLLIN)
    except ValueError:
        return False
    return any(event & ~POLLNVAL for _, event in watched.poll(0))


def wait_for_bytes(connection: Connection) -> None:
    """Return when bytes, or its end, wait in a connection, or it was closed at this end."""
    watched = poll()
    try:
        watched.register(connection, POLLIN)
    except ValueError:
        return
    if not connection.holds_bytes():
        watched.poll()


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from _typeshed import WriteableBuffer

    from plldb.debugger.agent.sockets import Asked, Connection
