"""One WebSocket, from hello to its end. Talks to API Gateway."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from plldb.aws.websockets import WebSocket
from plldb.debugger.link.greetings import Refused, Welcome, read_reply, write_hello
from plldb.debugger.link.refusals import api_silent, not_let_in, other_version
from plldb.debugger.pace import Pace
from plldb.debugger.protocol.outgoing import Times
from plldb.debugger.wire import WireError

log = logging.getLogger(__name__)

SLOW = 2.0
"""Seconds. An answer to hello that took longer says too little about AWS's clock: perhaps this machine was
asleep meanwhile."""


def read_clocks() -> Times:
    """Return the time by the clock of the event loop, which may stand still during sleep, and by the wall."""
    return Times(now=asyncio.get_running_loop().time(), wall=time.time())


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a hello. ``took`` is in seconds, by that of two clocks which says more."""

    told: Welcome | Refused
    sent: Times
    took: float


class Connection:
    """One WebSocket. Somebody has to `read` it, also for the answer to hello.

    ``opened_at`` and ``greeted_at`` (the last hello that was answered) are by the clock of the event loop;
    ``id`` is what API Gateway calls it, empty before the first hello was answered.
    """

    def __init__(self, socket: WebSocket, clocks: Callable[[], Times] = read_clocks) -> None:
        self.socket = socket
        self.opened_at = self.greeted_at = clocks().now
        self.id = ""
        self.closed = asyncio.Event()
        self._clocks = clocks
        self._sent: dict[str, Times] = {}  # by the nonces of those hellos whose answer is awaited
        self._reply: asyncio.Future[Reply] | None = None

    async def read(self, heard: Callable[[str], object]) -> None:
        """Hand frames on until the WebSocket is closed."""
        try:
            async for text in self.socket.texts():
                if text.startswith("plldb"):
                    heard(text)
                elif self._reply is not None and not self._reply.done():
                    self._take_reply(self._reply, text)
        finally:
            self.closed.set()
            if self._reply is not None and not self._reply.done():
                self._reply.set_exception(ConnectionResetError())
                self._reply.exception()  # else asyncio would complain where nobody waits for it any more
            await self.socket.close()

    def _take_reply(self, reply: asyncio.Future[Reply], text: str) -> None:
        try:
            told = read_reply(text, self._sent)
        except WireError as error:
            log.info("an answer to hello is malformed: %s", error)
            return
        if told is not None:
            sent, now = self._sent[told.nonce], self._clocks()
            reply.set_result(Reply(told, sent, max(now.now - sent.now, abs(now.wall - sent.wall))))

    async def greet(self, pace: Pace) -> tuple[Welcome, float]:
        """Say hello; return the answer, and by how many seconds AWS's clock is ahead of this machine's.

        It is ahead by less, never by more: AWS read it after the hello was sent.

        Raises:
            TryAgainError: no answer came.
            ProtocolError: the API is of another version.
            RefusedError: the API does not know this connection.
        """
        reply = await self._ask(pace)
        if reply.took > SLOW:
            reply = await self._ask(pace)
        told = reply.told
        if isinstance(told, Refused):
            raise other_version(told) if told.why == "protocol" else not_let_in(403)
        self.greeted_at = self._clocks().now
        return told, told.now - reply.sent.wall

    async def _ask(self, pace: Pace) -> Reply:
        """Say hello, again if no answer comes."""
        self._sent, self._reply = {}, asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(pace.hello_within):
                while not self._reply.done():
                    nonce = secrets.token_hex(8)
                    self._sent[nonce] = self._clocks()
                    await self.socket.send(write_hello(nonce))
                    await asyncio.wait({self._reply}, timeout=pace.hello_again)
            return self._reply.result()
        except (TimeoutError, ConnectionError):
            self._reply = None
            await self.socket.close()
            raise api_silent() from None
