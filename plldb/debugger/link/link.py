"""The connection of a session: a WebSocket to hear, ``@connections`` to speak. Talks to API Gateway.

What is heard goes into `Session`, and what that decides is carried out here or handed to the caller.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from plldb.aws.session import Aws
from plldb.debugger import wire
from plldb.debugger.events.connection import ConnectionEvent
from plldb.debugger.link import rows
from plldb.debugger.link.posting import Poster
from plldb.debugger.link.reconnector import Reconnector
from plldb.debugger.pace import DEFAULT_PACE, Pace
from plldb.debugger.protocol.decisions import (
    Cancel,
    Decision,
    Declined,
    Delivered,
    Dropped,
    EndSandbox,
    Post,
    Relayed,
    Start,
)
from plldb.debugger.protocol.invocations import Answer, Identity
from plldb.debugger.protocol.session import Session
from plldb.tasks import cancel_all, finish, gather_all

log = logging.getLogger(__name__)

LinkEvent = Start | Cancel | EndSandbox | Declined | Delivered | Relayed | ConnectionEvent
"""What a `Link` yields: what is to be run, and what happens to it and to the connection."""


class Link:
    """An attached session that is connected. Made by `open_link`."""

    def __init__(
        self, aws: Aws, websocket: str, row: rows.SessionRow, tokens: Mapping[str, str], pace: Pace
    ) -> None:
        self.row = row
        self._aws = aws
        self._pace = pace
        self._session = Session(name=wire.session_name(row.id), tokens=tokens)
        self._queue: asyncio.Queue[LinkEvent | BaseException] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._poster = Poster(aws, websocket, self.tell)
        self._reconnector = Reconnector(aws, websocket, row, pace, self)

    # --- for the caller --------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what is to be run and what happens, until the caller stops.

        Raises:
            RefusedError: the session's row is gone.
            ProtocolError: somebody has deployed another version of plldb.
        """
        while True:
            event = await self._queue.get()
            if isinstance(event, BaseException):
                raise event
            yield event

    def answer(self, identity: Identity, answer: Answer) -> None:
        """Send the answer to an invocation that was started."""
        self._act(self._session.answered(identity, answer, **self._times()))

    def use_token(self, function: str, token: str) -> None:
        """Accept what the agents of a function send that have this token."""
        self._session.use_token(function, token)

    @property
    def connection(self) -> str:
        """Id of the present connection, as API Gateway calls it."""
        return self._reconnector.id

    @property
    def in_hand(self) -> tuple[Identity, ...]:
        """The invocations that are run now or whose answer is still on its way."""
        return self._session.in_hand

    async def detach(self) -> None:
        """Take no more invocations. What is running may go on and will be answered.

        Raises:
            AwsError: the table cannot be written. The sandboxes that are known were told all the same.
        """
        await self._detach(self._session.detach(**self._times()))

    async def abandon(self) -> None:
        """Take no more invocations, answer those that are running with an error, and wait for all answers.

        Raises:
            AwsError: the table cannot be written. The sandboxes that are known were told all the same.
        """
        await self._detach(self._session.abandon(**self._times()), self._until_answered())

    async def _until_answered(self) -> None:
        """Wait until each answer is posted: one that AWS throttles, or that is long, takes several rounds."""
        async with asyncio.timeout(self._pace.last_answers_within):
            while self._session.in_hand:
                self._changed.clear()
                await self._changed.wait()

    async def _detach(self, decisions: Iterable[Decision], *others: Awaitable[None]) -> None:
        marking, posts = rows.mark_detached(self._aws, self.row), self._act(decisions)
        # Nobody may close the link before the posts have ended, whatever becomes of the row.
        refusal, *_ = await asyncio.gather(marking, *posts, *others, return_exceptions=True)
        if refusal is not None:
            raise refusal

    # --- start and end ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Write the row and connect; called by `open_link`."""
        await gather_all(self._reconnector.open(), self._poster.opened)
        self.spawn(self._reconnector.keep())
        self.spawn(self._tick())

    async def close(self) -> None:
        """Close everything and delete the row; called by `open_link`."""
        await cancel_all(self._tasks)
        await self._reconnector.close()
        await rows.forget_row(self._aws, self.row)

    # --- for its connection, see `Owner` ---------------------------------------------------------------

    def heard(self, frame: str) -> None:
        """Take a frame."""
        self._act(self._session.received(frame, **self._times()))

    def greeted(self, skew: float) -> None:
        """Take by how many seconds AWS's clock is ahead of this machine's."""
        self._session.set_clock(skew)

    def moved(self, connection: str) -> None:
        """Tell the sandboxes that this machine has another connection."""
        self._act(self._session.moved(connection, **self._times()))

    def tell(self, event: ConnectionEvent) -> None:
        """Tell the caller what happens to the connection."""
        self._queue.put_nowait(event)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background; if it fails, `events` raises the error."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._queue.put_nowait(error)

    # --- what the session decides ----------------------------------------------------------------------

    def _times(self) -> dict[str, float]:
        return {"now": asyncio.get_running_loop().time(), "wall": time.time()}

    def _act(self, decisions: Iterable[Decision]) -> list[asyncio.Task[None]]:
        """Carry out decisions, and return the posts that are under way for them."""
        posts = []
        for decision in decisions:
            match decision:
                case Post():
                    posts.append(self.spawn(self._post(decision)))
                case Dropped(reason):
                    log.debug("a frame was ignored: %s", reason)
                case _:
                    self._queue.put_nowait(decision)
        self._changed.set()
        return posts

    async def _tick(self) -> None:
        while True:
            self._changed.clear()
            now, due = asyncio.get_running_loop().time(), self._session.wake_at
            try:
                async with asyncio.timeout(None if due is None else max(0, due - now)):
                    await self._changed.wait()
            except TimeoutError:
                self._act(self._session.tick(**self._times()))

    async def _post(self, post: Post) -> None:
        status = await self._poster.post(post)
        self._act(self._session.posted(post, status, **self._times()))


@asynccontextmanager
async def open_link(
    aws: Aws,
    *,
    websocket: str,
    row: rows.SessionRow,
    tokens: Mapping[str, str],
    pace: Pace = DEFAULT_PACE,
) -> AsyncIterator[Link]:
    """Connect an attached session; it is closed and its row deleted at the end of the block.

    Args:
        aws: whose rights write the row and send answers.
        websocket: where the API is, see `plldb.debugger.link.addresses.websocket_address`.
        row: of the session, see `plldb.debugger.link.rows.make_row`.
        tokens: token of each function's agents, by the name of the function.
        pace: how long to wait.

    Raises:
        RefusedError: the API does not let this session in.
        ProtocolError: the deployed API is of another version.
        UnreachableError: the API cannot be reached.
        AwsError: AWS refused something.
    """
    link = Link(aws, websocket, row, tokens, pace)
    try:
        await link.start()
        yield link
    finally:
        await finish(link.close())
