"""A WebSocket, a post, a download, with proxy and certificates as requests to AWS. Talks to the network."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote, urlsplit

import aiohttp
from aiobotocore.session import AioSession
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.parsers import create_parser
from botocore.utils import get_environ_proxies
from yarl import URL

import plldb
from plldb.aws.errors import TryAgainError, translate
from plldb.aws.failures.unreachable import malformed_proxy, unreadable_certificates
from plldb.aws.own_session import certificates
from plldb.errors import PlldbError

POSTS_AT_ONCE = 64
"""Connections that posts go through; see `plldb.debugger.protocol.delivery.AT_ONCE`."""

KEPT_OPEN = 50.0
"""Seconds that an unused one is kept: then the next answer needs no handshakes, three round trips."""

SENDER = {"User-Agent": f"plldb/{plldb.__version__}"}
"""What names plldb where an account's requests are looked at."""

_LONGEST_MESSAGE = 128 * 1024  # API Gateway's own limit
_PIECE = 1 << 20


class HandshakeRefusedError(Exception):
    """The server answered the request for a WebSocket with another status. Never leaves plldb."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the WebSocket is refused ({status})")
        self.status = status


@dataclass(frozen=True, slots=True)
class WebSocket:
    """An open WebSocket for texts."""

    _http: aiohttp.ClientSession
    _socket: aiohttp.ClientWebSocketResponse

    async def send(self, text: str) -> None:
        """Send a text.

        Raises:
            ConnectionError: it is closed.
        """
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, RuntimeError) as error:
            raise ConnectionResetError(str(error)) from error

    async def texts(self) -> AsyncIterator[str]:
        """Yield each text that comes, until the WebSocket is closed or the other end is silent."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                yield message.data

    @property
    def close_code(self) -> int | None:
        """Why it was closed, in the numbers of RFC 6455; None if nobody said."""
        return self._socket.close_code

    async def close(self) -> None:
        """Close it; do not wait for an end that is silent."""
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            await self._socket.close()
        await self._http.close()


class Posts:
    """Posts to connections of a WebSocket API, as `open_posts` opens them.

    A client of botocore's, with its parameters, hooks and rules of endpoints, takes three times as long for
    each; an answer of some megabytes takes 200 posts.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str, region: str) -> None:
        self._http = http
        self._url = url
        self._host = urlsplit(url).netloc
        self._region = region
        self._proxy = _proxy_for(url)

    async def post(self, connection: str, data: bytes, keys: Any) -> None:
        """Post as ``post_to_connection`` of such a client does; raises what that raises, or aiohttp's errors.

        ``keys`` are frozen credentials, which sign it; None if there are none.
        """
        url = f"{self._url}/@connections/{quote(connection, safe='')}"
        headers = {"Content-Type": "application/octet-stream", "Host": self._host}
        # With these two at hand botocore signs in half of the time: it needs not read the URL, nor the body.
        headers["X-Amz-Content-SHA256"] = hashlib.sha256(data).hexdigest()
        request = AWSRequest(method="POST", url=url, data=data, headers=headers)
        SigV4Auth(keys, "execute-api", self._region).add_auth(request)
        # As it was signed: yarl would quote it in its own way.
        exactly, signed = URL(url, encoded=True), dict(request.headers.items())
        # Whoever redirects is no API Gateway: what is sent to another address has reached no sandbox.
        settings: Any = {"headers": signed, "proxy": self._proxy, "allow_redirects": False}
        async with self._http.post(exactly, data=data, **settings) as answer:
            if answer.status < 300:
                return
            told: Any = {"status_code": answer.status, "headers": answer.headers}
            told["body"], no_shape = await answer.read(), None  # of an error it needs none
            parser: Any = create_parser("rest-json")
            raise ClientError(parser.parse(told, no_shape), "PostToConnection")


async def open_posts(
    session: AioSession, stack: AsyncExitStack, url: str, region: str, *, connect: float, answer: float
) -> Posts:
    """Return what posts to connections of the API with this management endpoint; it is closed with ``stack``.

    ``connect`` and ``answer`` are how many seconds either may take.

    Raises:
        SettingsError: a setting is in the way.
    """
    trust = await asyncio.to_thread(_trust, session) if url.startswith("https://") else True
    connector = aiohttp.TCPConnector(limit=POSTS_AT_ONCE, ssl=trust, keepalive_timeout=KEPT_OPEN)
    # Neither of the two others ends the waiting for a proxy that takes the connection and then says nothing.
    both = connect + answer
    limit = aiohttp.ClientTimeout(total=None, connect=both, sock_connect=connect, sock_read=answer)
    http = aiohttp.ClientSession(
        headers=SENDER, connector=connector, timeout=limit, cookie_jar=aiohttp.DummyCookieJar()
    )
    return Posts(await stack.enter_async_context(http), url, region)


async def open_websocket(
    session: AioSession, url: str, headers: Mapping[str, str], *, seconds: float, ping: float
) -> WebSocket:
    """Open a WebSocket.

    Args:
        session: whose settings hold: ``ca_bundle`` of its profile, AWS_CA_BUNDLE. HTTPS_PROXY holds, too.
        url: of the form ``wss://…``.
        headers: of the request.
        seconds: how long the connection and the handshake may take.
        ping: between two pings, in seconds; half of it without an answer ends the WebSocket.

    Raises:
        HandshakeRefusedError: the server answered otherwise.
        TryAgainError: no answer came.
        AwsError: no answer can come.
        SettingsError: a setting is in the way.
    """
    trust = await asyncio.to_thread(_trust, session) if url.startswith("wss://") else True
    http = aiohttp.ClientSession(
        headers=SENDER, timeout=aiohttp.ClientTimeout(total=None, sock_connect=seconds)
    )
    try:
        async with asyncio.timeout(seconds):
            socket = await http.ws_connect(
                url,
                headers=headers,
                ssl=trust,
                proxy=_proxy_for(url),
                heartbeat=ping,
                max_msg_size=_LONGEST_MESSAGE,
                timeout=aiohttp.ClientWSTimeout(ws_close=ping / 2),
            )
    except BaseException as error:
        await http.close()
        if isinstance(error, aiohttp.WSServerHandshakeError):
            raise HandshakeRefusedError(error.status) from None  # its text repeats the headers
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError | ValueError):
            raise _meaning(error, url) from error
        raise
    return WebSocket(http, socket)


async def download(
    session: AioSession, url: str, *, seconds: float, most: int, end: int | None = None
) -> bytes | None:
    """Return what is there; None if it cannot be had within this time, or is larger than ``most`` bytes.

    With ``end`` only so many bytes of its end are asked for; a server may send all of it. The address is good
    for whoever has it: it is in no message and no log.

    Raises:
        SettingsError: a setting is in the way.
    """
    content = io.BytesIO()
    got = await download_to(session, content, url, seconds=seconds, most=most, end=end)
    return content.getvalue() if got else None


async def download_to(
    session: AioSession, file: IO[bytes], url: str, *, seconds: float, most: int, end: int | None = None
) -> bool:
    """Write what is there to a file, and return whether all of it is there, as `download` does."""
    trust = await asyncio.to_thread(_trust, session) if url.startswith("https://") else True
    limit = aiohttp.ClientTimeout(total=seconds)
    headers = {} if end is None else {"Range": f"bytes=-{end}"}
    size = 0
    try:
        async with (
            aiohttp.ClientSession(headers=SENDER, timeout=limit) as http,
            http.get(url, ssl=trust, proxy=_proxy_for(url), headers=headers) as answer,
        ):
            async for piece in answer.content.iter_chunked(_PIECE):
                size += len(piece)
                if size > most:
                    return False
                file.write(piece)
            return answer.status in (200, 206)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False


def _trust(session: AioSession) -> ssl.SSLContext:
    """Return the certificates that requests to AWS trust: those of a setting, else botocore's.

    Raises:
        SettingsError: they cannot be read.
    """
    bundle: Any = certificates(session)  # a path, which the stubs of botocore do not know
    try:
        return ssl.create_default_context(cafile=get_cert_path(bundle or True))
    except OSError as error:
        raise unreadable_certificates(str(error)) from error


def _proxy_for(url: str) -> str | None:
    """Return the proxy for an address; a WebSocket has that of HTTPS, for nobody sets one for WebSockets."""
    url = re.sub("^ws", "http", url)
    found: str | None = ProxyConfiguration(get_environ_proxies(url)).proxy_url_for(url)
    return found


def _meaning(error: Exception, url: str) -> PlldbError | TryAgainError:
    # A certificate that is not trusted is a ValueError, too.
    if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientConnectionError):
        return malformed_proxy()  # AWS's address can be one
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        error = EndpointConnectionError(endpoint_url=url, error=error)  # it may be the name of the proxy
    return translate(error, service="API Gateway", operation="connect")
