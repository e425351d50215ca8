"""Connections, with and without TLS, and the question for a WebSocket. Talks to servers.

All of this is read before the question is asked: what only others need is in `http` and `websocket`. Where
Python would look at annotations they are in quotation marks: ``__future__`` would take 0.4 ms more.

The modules below ``socket`` and ``ssl`` are used as they are: those two, with what they import, take 22 ms of
a cold start, these 5; ``http.client`` would take 20 more. All that can go wrong here is an OSError.
"""

import binascii
import posix  # `os`, with what it imports, takes 1.2 ms
from _thread import allocate_lock
from io import RawIOBase

CONNECT_LIMIT = 5.0
"""Seconds to connect, name resolution not included: nothing can end that."""

NOBODY = 409
"""Status of a refused WebSocket that says that no laptop is attached: `ws_api_connect_handler.NOBODY`."""

AUTHORITIES = (b"Amazon", b"Starfield")
"""Words in the names of the authorities that issue API Gateway's certificates (Amazon Trust Services)."""

Headers = list[tuple[str, str]]

_CLOSED = (6, 8)  # SSL_ERROR_ZERO_RETURN and SSL_ERROR_EOF: with a farewell and without one

_contexts: "list[Any]" = []  # the one that trusts few authorities, then if need be all
_reading = allocate_lock()  # while one of them is made


def _find_network() -> "Any":
    """Return the module below `socket`; that one itself where a Python is made in another way."""
    try:
        import _socket as found

        if not hasattr(found.socket, "_accept"):
            raise ImportError
    except ImportError:
        import socket as found  # type: ignore[no-redef]
    return found


network = _find_network()


class _Plain(network.socket):  # type: ignore[misc, name-defined]
    """A socket to which TLS can refer weakly."""


class Connection(RawIOBase):
    """A connection, with TLS or without. Its timeout, in seconds, is that of each step."""

    def __init__(self, plain: "socket", tls: "Any" = None) -> None:
        self._plain = plain
        self._tls = tls
        self.settimeout = plain.settimeout
        this: Any = self
        this.fileno = plain.fileno
        if tls is None:  # then the socket does it: a function in between costs each invocation some µs
            this.recv, this.sendall, this.readinto = plain.recv, plain.sendall, plain.recv_into

    def readable(self) -> bool:
        """Return true: it can be read through a buffer."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read what is there into a buffer, and return how much; 0 at the end."""
        view = memoryview(buffer)
        try:
            return int(self._tls.read(len(view), view))
        except OSError as error:
            if error.errno in _CLOSED:
                return 0
            raise

    def recv(self, size: int) -> bytes:
        """Return at most so many bytes that are there; none at the end."""
        return self.read(size) or b""

    def holds_bytes(self) -> bool:
        """Return whether bytes that wait to be read are no longer in the socket: TLS has decrypted them."""
        return self._tls is not None and self._tls.pending() > 0

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            left = left[self._tls.write(left) :]

    def close(self) -> None:
        """Close it, also for a thread that waits for something to come through it."""
        try:  # noqa: SIM105 - contextlib would be one more import
            self._plain.shutdown(network.SHUT_RDWR)
        except OSError:
            pass  # it is closed already
        self._plain.close()
        super().close()


def connect(host: str, *, tls: bool, timeout: "float | None") -> Connection:
    """Return a connection to ``name[:port]``; the timeout, in seconds, is that of each later step."""
    few = len(_contexts) < 2
    try:
        return _connect(host, tls, timeout)
    except OSError as error:
        if type(error).__name__ != "SSLCertVerificationError" or not few:
            raise
    trust(everybody=True)
    return _connect(host, tls, timeout)


def _connect(host: str, secure: bool, timeout: "float | None") -> Connection:
    name, _, port = host.partition(":")
    plain = _open(name, int(port or (443 if secure else 80)))
    try:
        plain.setsockopt(network.IPPROTO_TCP, network.TCP_NODELAY, 1)
        tls = None
        if secure:
            plain, tls = _wrap(plain, trust(), name)
            tls.do_handshake()  # which checks the certificate, and the name in it
        plain.settimeout(timeout)
    except BaseException:
        plain.close()
        raise
    return Connection(plain, tls)


def _wrap(plain: "Any", context: "Any", name: str) -> "tuple[Any, Any]":
    """Return what is to be closed, and what speaks TLS: one and the same in `ssl`."""
    if hasattr(context, "wrap_socket"):
        both = context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        return both, both
    return plain, context._wrap_socket(plain, False, name)


def _open(name: str, port: int) -> _Plain:
    failure = OSError("no address")
    # As bytes: of a text the codec for international names is imported.
    for family, kind, protocol, _, address in network.getaddrinfo(
        name.encode(), port, 0, network.SOCK_STREAM
    ):
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


def trust(*, everybody: bool = False) -> "Any":
    """Return what to trust: few authorities, and once ``everybody`` was asked for, all of them."""
    with _reading:
        if not _contexts:
            _contexts.append(_make_context(few=True))
        if everybody and len(_contexts) == 1:
            # A proxy in between, or an API with a certificate of its own, may have another authority.
            _contexts.append(_make_context(few=False))
        return _contexts[-1]


def _make_context(*, few: bool) -> "Any":
    """Return what demands a certificate of a known authority, for the name that is asked for."""
    try:
        import _ssl  # not before an address asks for it

        variable, file = _ssl.get_default_verify_paths()[:2]
        context = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
        if not hasattr(context, "_wrap_socket"):
            raise AttributeError
    except (ImportError, AttributeError, TypeError, ValueError):  # a Python that is made in another way
        import ssl

        return ssl.create_default_context()
    if known := few and find_authorities(posix.environ.get(variable.encode(), file)):
        context.load_verify_locations(cadata=known)
    else:
        context.set_default_verify_paths()
    return context


def find_authorities(path: "str | bytes | None") -> bytes:
    """Return those of the trusted certificates that API Gateway's are issued by; empty if none is found.

    To read them all takes 16 ms of a cold start, these six 1.3 ms. A certificate names its issuer within
    its first 288 bytes, which are 384 letters.
    """
    found = []
    try:
        with open(path or "", "rb") as file:
            for block in file.read().split(b"-----BEGIN CERTIFICATE-----")[1:]:
                text = block.partition(b"-----END")[0]
                beginning = binascii.a2b_base64(b"".join(text[:520].split())[:384])
                if any(name in beginning for name in AUTHORITIES):
                    found.append(binascii.a2b_base64(text))
    except (OSError, ValueError):
        return b""
    return b"".join(found)


class Asked:
    """What a request for a WebSocket was answered: status, head, and the bytes that came right after it."""

    def __init__(self, connection: Connection, key: str, said: bytes) -> None:
        self.connection = connection
        self.key = key
        self.head, _, self.rest = said.partition(b"\r\n\r\n")
        self.head += b"\r\n"
        self.status = int(self.head.split(None, 2)[1])


def ask(url: str, headers: Headers, sent: "Callable[[], None] | None" = None) -> Asked:
    """Ask for a WebSocket, and return the answer; ``sent`` is called when the request is on its way."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    key = binascii.b2a_base64(posix.urandom(16), newline=False).decode()
    lines = [f"GET /{path} HTTP/1.1", f"host: {host}", "upgrade: websocket", "connection: Upgrade"]
    lines += [f"sec-websocket-key: {key}", "sec-websocket-version: 13"]
    lines += [f"{name}: {value}" for name, value in headers]
    connection = connect(host, tls=scheme == "wss", timeout=CONNECT_LIMIT)
    try:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if sent is not None:
            sent()
        return Asked(connection, key, _read_answer(connection))
    except BaseException:
        connection.close()
        raise


def _read_answer(connection: Connection) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said:
        data = connection.recv(4096)
        if not data or len(said) > 65536:
            raise OSError("connection closed in the handshake")
        said += data
    return said


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket
    from typing import Any

    from _typeshed import WriteableBuffer
