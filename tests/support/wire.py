"""HTTP/1.1 messages, one at a time, kept as they came so that signatures stay valid. Talks to sockets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

Headers = tuple[tuple[str, str], ...]

STREAM_LIMIT = 1 << 20
"""Longest head that is read, in bytes; far beyond what any AWS client sends."""

_FRAMING = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. ``body`` is None while a client that sent ``Expect: 100-continue`` still holds it back."""

    method: str
    target: str
    headers: Headers
    body: bytes | None

    def header(self, name: str) -> str:
        """The value of a header, or an empty string."""
        return _header(self.headers, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response. With ``cut``, only so many bytes of the body are sent before the connection is closed."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    cut: int | None = None

    def header(self, name: str) -> str:
        """The value of a header, or an empty string."""
        return _header(self.headers, name)

    def with_body(self, body: bytes) -> Response:
        """The same response with another body, and the framing that goes with it."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in _FRAMING)
        return replace(self, headers=(*kept, ("Content-Length", str(len(body)))), body=body)


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request, None at the end of the connection. A body that is held back is not read."""
    head = await _read_head(reader)
    if head is None:
        return None
    method, target, _ = head[0].split(" ", 2)
    request = Request(method=method, target=target, headers=head[1], body=None)
    if request.header("expect").lower() == "100-continue":
        return request
    return replace(request, body=await _read_body(reader, request.headers, to_the_end=False))


async def read_expected_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
) -> Request:
    """Tell the client to go on, and read the body that it held back."""
    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    await writer.drain()
    return replace(request, body=await _read_body(reader, request.headers, to_the_end=False))


async def read_response(reader: asyncio.StreamReader, method: str) -> Response:
    """The response to a request of that method; interim responses (1xx) are skipped."""
    status = 100
    while status < 200:
        head = await _read_head(reader)
        if head is None:
            raise ConnectionResetError("the server closed the connection without an answer")
        first_line, headers = head
        _, code, reason = [*first_line.split(" ", 2), ""][:3]
        status = int(code)
    bodiless = method == "HEAD" or status in (204, 304)
    body = b"" if bodiless else await _read_body(reader, headers, to_the_end=True)
    return Response(status=status, reason=reason, headers=headers, body=body)


def encode_request(request: Request) -> bytes:
    """The request as it goes on to the server, without ``Expect``, which has been dealt with."""
    headers = tuple(pair for pair in request.headers if pair[0].lower() != "expect")
    body = request.body or b""
    if "chunked" in request.header("transfer-encoding").lower():
        body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return _encode_head(f"{request.method} {request.target} HTTP/1.1", headers) + body


def encode_response(response: Response, method: str, *, close: bool) -> bytes:
    """The response as the client gets it, with the framing that fits the body at hand."""
    framed = response
    if method != "HEAD" and response.status not in (204, 304):
        framed = response.with_body(response.body)
    headers = tuple(pair for pair in framed.headers if pair[0].lower() not in ("connection", "keep-alive"))
    headers += (("Connection", "close" if close else "keep-alive"),)
    body = framed.body if framed.cut is None else framed.body[: framed.cut]
    return _encode_head(f"HTTP/1.1 {response.status} {response.reason}", headers) + body


def _header(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")


def _encode_head(first_line: str, headers: Headers) -> bytes:
    lines = [first_line, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, Headers] | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first_line, *lines = raw.decode("latin-1")[:-4].split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first_line, tuple((name, value.strip()) for name, _, value in pairs)


async def _read_body(reader: asyncio.StreamReader, headers: Headers, *, to_the_end: bool) -> bytes:
    if "chunked" in _header(headers, "transfer-encoding").lower():
        return await _read_chunks(reader)
    length = _header(headers, "content-length")
    if length:
        return await reader.readexactly(int(length))
    return await reader.read() if to_the_end else b""


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int((await reader.readline()).split(b";")[0] or b"0", 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while (await reader.readline()).strip():
        pass  # trailers
    return b"".join(chunks)
