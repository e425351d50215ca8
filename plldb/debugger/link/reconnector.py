"""A session, kept connected. Talks to API Gateway.

A WebSocket is replaced before API Gateway closes it and whenever it breaks: the new one is opened, then the
sandboxes are told, then the old one is closed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from plldb.aws.errors import TryAgainError
from plldb.aws.session import Aws
from plldb.aws.websockets import HandshakeRefusedError, WebSocket
from plldb.debugger.errors import RefusedError
from plldb.debugger.events.connection import ConnectionEvent, ConnectionLost, ConnectionRestored
from plldb.debugger.link import rows
from plldb.debugger.link.connection import Connection
from plldb.debugger.link.greetings import Welcome
from plldb.debugger.link.refusals import api_answers, not_let_in
from plldb.debugger.pace import Pace
from plldb.errors import AwsError

log = logging.getLogger(__name__)

DENIED = (401, 403)
"""The statuses with which API Gateway answers who is not let in."""


class Owner(Protocol):
    """Whose connection it is."""

    def heard(self, frame: str) -> None:
        """Take a frame."""

    def greeted(self, skew: float) -> None:
        """Take by how many seconds AWS's clock is ahead of this machine's."""

    def moved(self, connection: str) -> None:
        """Take the id of the connection that replaces the former one."""

    def tell(self, event: ConnectionEvent) -> None:
        """Take what happens to the connection."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background."""


class Reconnector:
    """Keeps a session connected: it opens another WebSocket whenever that is needed, once `keep` is run."""

    def __init__(self, aws: Aws, url: str, row: rows.SessionRow, pace: Pace, owner: Owner) -> None:
        self._aws = aws
        self._url = url
        self._row = row
        self._pace = pace
        self._owner = owner
        self._connections: set[Connection] = set()
        self._connection: Connection | None = None
        self._skew = 0.0  # seconds by which AWS's clock is ahead of this machine's

    @property
    def id(self) -> str:
        """Id of the present connection, as API Gateway calls it."""
        return self._connection.id if self._connection else ""

    async def open(self) -> None:
        """Write the row and connect for the first time: here nothing is tried again."""
        try:
            self._connection = await self._open(new=True)  # AWS's clock is asked for only if ours is refused
        except TryAgainError as again:
            raise again.error from again.__cause__

    async def close(self) -> None:
        """Close every WebSocket."""
        await asyncio.gather(*[connection.socket.close() for connection in self._connections])

    async def _open(self, *, new: bool) -> Connection:
        """Open a WebSocket, by a fresh token in the row, and say hello on it; ``new``: with a new row."""
        try:
            socket = await self._connect(new=new)
        except HandshakeRefusedError as refused:
            if refused.status not in DENIED:
                raise api_answers(refused.status) from None
            # The token's age is judged by AWS's clock: perhaps ours was set meanwhile.
            self._skew = -await self._aws.read_clock_skew()
            try:
                socket = await self._connect(new=False)
            except HandshakeRefusedError as again:
                refusal = not_let_in if again.status in DENIED else api_answers
                raise refusal(again.status) from None
        connection = Connection(socket)
        self._connections.add(connection)
        self._owner.spawn(self._read(connection))
        welcome = await self._greet(connection)
        connection.id = welcome.connection
        return connection

    async def _connect(self, *, new: bool) -> WebSocket:
        token = await rows.write_token(self._aws, self._row, now=time.time() + self._skew, new=new)
        return await self._aws.open_websocket(
            self._url,
            {"x-plldb-session": self._row.id, "x-plldb-token": token},
            seconds=self._pace.connect_within,
            ping=self._pace.ping,
        )

    async def _read(self, connection: Connection) -> None:
        try:
            await connection.read(self._owner.heard)
        finally:
            self._connections.discard(connection)

    async def _greet(self, connection: Connection) -> Welcome:
        """Say hello; its answer tells the id of the connection, and AWS's time."""
        welcome, self._skew = await connection.greet(self._pace)
        self._owner.greeted(self._skew)
        return welcome

    async def keep(self) -> None:
        """Open another WebSocket whenever the present one is too old or broken, until cancelled."""
        while self._connection is not None:
            former = self._connection
            reason = await self._until_due(former)
            self._connection = await self._open_again(former, reason)
            self._owner.moved(self._connection.id)
            self._owner.spawn(self._leave(former))

    async def _until_due(self, connection: Connection) -> str:
        """Wait until a connection is to be replaced; return why, empty if only for its age."""
        loop, pace = asyncio.get_running_loop(), self._pace
        before = time.time() - loop.time()
        while True:
            try:
                async with asyncio.timeout(pace.look):
                    await connection.closed.wait()
                code = connection.socket.close_code
                return f"closed ({code})" if code else "broken"
            except TimeoutError:
                pass
            now = loop.time()
            if now - connection.opened_at >= pace.replace_after:
                return ""
            # The clock of the event loop stands still while the machine sleeps.
            slept, before = time.time() - now - before > pace.asleep, time.time() - now
            if slept or now - connection.greeted_at >= pace.hello_every:
                try:
                    await self._greet(connection)
                except (TryAgainError, RefusedError):
                    return "silent"

    async def _open_again(self, former: Connection, reason: str) -> Connection:
        loop, pause, told = asyncio.get_running_loop(), self._pace.first_retry, ""
        began = loop.time()
        while True:
            try:
                connection = await self._open(new=False)
            except (TryAgainError, AwsError) as error:
                log.info("no connection: %s", error)
                # What a person has to do something about is told also when it comes later.
                cause = reason or "closed" if isinstance(error, TryAgainError) else str(error)
                if former.closed.is_set() and (not told or (cause != told and isinstance(error, AwsError))):
                    self._owner.tell(ConnectionLost(reason=cause))
                    told = cause
                await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter, not a secret
                pause = min(pause * 2, self._pace.longest_retry)
            else:
                if told:
                    self._owner.tell(ConnectionRestored(seconds=loop.time() - began))
                return connection

    async def _leave(self, former: Connection) -> None:
        # What was already on its way to it still comes.
        await asyncio.sleep(self._pace.overlap)
        await former.socket.close()
