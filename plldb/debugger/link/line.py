"""One WebSocket, from hello to its end. Talks to API Gateway."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from plldb.aws.websockets import WebSocket
from plldb.debugger.link.greetings import Refused, Welcome, read_reply, write_hello
from plldb.debugger.link.refusals import api_silent, not_let_in, other_version
from plldb.debugger.pace import Pace
from plldb.debugger.wire import WireError

log = logging.getLogger(__name__)


class Line:
    """One WebSocket. Somebody has to `read` it, also for the answer to hello.

    ``opened_at`` and ``greeted_at`` (the last hello that was answered) are by the clock of the event loop;
    ``connection`` is its id as API Gateway calls it, empty before the first hello was answered.
    """

    def __init__(self, socket: WebSocket, now: float) -> None:
        self.socket = socket
        self.opened_at = now
        self.greeted_at = now
        self.connection = ""
        self.closed = asyncio.Event()
        self._nonce = ""
        self._reply: asyncio.Future[Welcome | Refused] | None = None

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

    def _take_reply(self, reply: asyncio.Future[Welcome | Refused], text: str) -> None:
        try:
            if (told := read_reply(text, self._nonce)) is not None:
                reply.set_result(told)
        except WireError as error:
            log.info("an answer to hello is malformed: %s", error)

    async def greet(self, pace: Pace) -> tuple[Welcome, float]:
        """Say hello; return the answer, and by how many seconds AWS's clock is ahead of this machine's.

        Raises:
            TryAgainError: no answer came.
            ProtocolError: the API is of another version.
            RefusedError: the API does not know this connection.
        """
        loop = asyncio.get_running_loop()
        self._nonce, reply = secrets.token_hex(8), loop.create_future()
        self._reply, sent = reply, time.time()
        try:
            async with asyncio.timeout(pace.hello_within):
                while not reply.done():
                    sent = time.time()
                    await self.socket.send(write_hello(self._nonce))
                    await asyncio.wait({reply}, timeout=pace.hello_again)
            told: Welcome | Refused = reply.result()
        except (TimeoutError, ConnectionError):
            self._reply = None
            await self.socket.close()
            raise api_silent() from None
        if isinstance(told, Refused):
            raise other_version(told) if told.why == "protocol" else not_let_in(403)
        self.greeted_at = loop.time()
        return told, told.now - (sent + time.time()) / 2
