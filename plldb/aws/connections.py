"""HTTP connections and certificates, shared by all clients of one session. Talks to the network."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import ConnectTimeoutError, ProxyConnectionError
from botocore.httpsession import mask_proxy_url

Settings = dict[str, Any]
KEPT_ALIVE = 60
"""Seconds without a byte after which a connection is kept alive. NAT gateways of AWS forget one after 350."""

LONGEST_FOR_PROXY = 15.0
"""Most seconds for a proxy to open a tunnel, also for a function that may take 15 minutes to answer."""


def open_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket, for an address as of `socket.getaddrinfo`, that is kept alive while nothing comes."""
    family, kind, protocol = address[:3]
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # macOS calls the first one otherwise; Windows has both since 2017.
    idle = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
    for option in (idle, getattr(socket, "TCP_KEEPINTVL", None)):
        if option is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, KEPT_ALIVE)
    return made


class Session(AIOHTTPSession):
    """aiobotocore's, that waits as long for a proxy as for a server.

    Neither of aiobotocore's two limits ends the waiting for a proxy that takes a connection and then says
    nothing; it has no setting for the third one.
    """

    def __init__(self, *, timeout: Any = None, **settings: Any) -> None:
        """Take aiobotocore's settings; ``timeout`` is seconds to connect, and for the answer."""
        super().__init__(timeout=timeout, **settings)
        if timeout:
            connect, answer = timeout
            both = connect + min(answer, LONGEST_FOR_PROXY)
            this: Any = self
            this._timeout = aiohttp.ClientTimeout(connect=both, sock_connect=connect, sock_read=answer)

    async def send(self, request: Any) -> Any:
        """Send a request and return the answer; a proxy that says nothing is an error that names it."""
        try:
            return await super().send(request)
        except ConnectTimeoutError as error:
            this: Any = self
            if proxy := this._proxy_config.proxy_url_for(request.url):
                cause = error.kwargs["error"]
                raise ProxyConnectionError(proxy_url=mask_proxy_url(proxy), error=cause) from error
            raise


class Connections:
    """The HTTP sessions of several clients: one for all clients that want the same of it.

    aiobotocore gives each client a session of its own, and each session reads the certificates anew: as
    much work as making two clients. They are closed with ``stack``.
    """

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._opened: list[tuple[Settings, Session]] = []

    def for_client(self, **settings: Any) -> SharedSession:
        """Return what one client sends through; called as `AioConfig` says of an ``http_session_cls``."""
        return SharedSession(self, settings)

    async def open(self, settings: Settings) -> Session:
        """Return the session with these settings; certificates are read at its first request."""
        for known, session in self._opened:
            if known == settings:
                return session
        session = Session(**settings)
        self._opened.append((settings, session))
        return await self._stack.enter_async_context(session)


class SharedSession:
    """One client's view of `Connections`; to close the client leaves them open for the others."""

    def __init__(self, connections: Connections, settings: Settings) -> None:
        self._connections = connections
        self._settings = settings

    async def __aenter__(self) -> SharedSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def close(self) -> None:
        """Leave everything open: `Connections` closes it."""

    async def send(self, request: Any) -> Any:
        """Send a request of botocore's and return the answer."""
        session = await self._connections.open(self._settings)
        return await session.send(request)
