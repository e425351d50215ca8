"""The connection of a session: a WebSocket to hear, ``@connections`` to speak. Talks to API Gateway.

What is heard goes into `Session`, and what that decides is carried out here or handed to the caller. The
WebSocket is opened anew before API Gateway closes it and whenever it breaks: the new one first, then the
sandboxes are told, then the old one is closed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from plldb.aws.errors import TryAgainError
from plldb.aws.session import Aws
from plldb.aws.websockets import HandshakeRefusedError, WebSocket
from plldb.debugger.errors import RefusedError
from plldb.debugger.events.connection import (
    AnswersDelayed,
    ConnectionEvent,
    ConnectionLost,
    ConnectionRestored,
)
from plldb.debugger.link import rows
from plldb.debugger.link.addresses import management_address
from plldb.debugger.link.greetings import Welcome
from plldb.debugger.link.line import Line
from plldb.debugger.link.refusals import api_answers, not_let_in
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
from plldb.errors import AccessDeniedError, AwsError, PlldbError
from plldb.tasks import cancel_all, finish

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
        self._url = websocket
        self._pace = pace
        self._session = Session(name=rows.session_name(row.id), tokens=tokens)
        self._queue: asyncio.Queue[LinkEvent | BaseException] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: set[Line] = set()
        self._line: Line | None = None
        self._changed = asyncio.Event()
        self._ahead = 0.0  # seconds by which AWS's clock is ahead of this machine's
        self._delayed = False

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

    @property
    def connection(self) -> str:
        """Id of the present connection, as API Gateway calls it."""
        return self._line.connection if self._line else ""

    @property
    def in_hand(self) -> tuple[Identity, ...]:
        """The invocations that are run now or whose answer is still on its way."""
        return self._session.in_hand

    async def detach(self) -> None:
        """Take no more invocations. What is running may go on and will be answered.

        Raises:
            AwsError: the table cannot be written. The sandboxes that are known were told all the same.
        """
        told = self._act(self._session.detach(**self._times()))
        await asyncio.gather(rows.mark_detached(self._aws, self.row), *told)

    # --- start and end ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Write the row and connect; called by `open_link`."""
        self._ahead = -await self._aws.read_clock_skew()
        # Made now, so that the first answer does not wait for it.
        await self._aws.client("apigatewaymanagementapi", endpoint_url=management_address(self._url))
        try:
            self._line = await self._open(new=True)
        except TryAgainError as again:
            raise again.error from again.__cause__
        self._spawn(self._keep())
        self._spawn(self._tick())

    async def close(self) -> None:
        """Close everything and delete the row; called by `open_link`."""
        await cancel_all(self._tasks)
        await asyncio.gather(*[line.socket.close() for line in self._lines])
        try:
            await rows.delete_row(self._aws, self.row)
        except PlldbError as error:  # it is of no use to anybody, and expires
            log.info("the row of the session stays: %s", type(error).__name__)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
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
                    posts.append(self._spawn(self._post(decision)))
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
        client = await self._aws.client("apigatewaymanagementapi", endpoint_url=management_address(self._url))
        status, error = 200, None
        try:
            await self._aws.attempt(
                client.post_to_connection, ConnectionId=post.connection, Data=post.frame.encode()
            )
        except TryAgainError as again:
            status = 429 if again.throttled else 0
        except PlldbError as refusal:
            status, error = _status_of(refusal), refusal
        if error is not None and status != 410 and not self._delayed:
            self._queue.put_nowait(AnswersDelayed(code=error.code, message=error.message))
        if status == 200 or error is not None:
            self._delayed = status not in (200, 410)
        self._act(self._session.posted(post, status, **self._times()))

    # --- the WebSocket ---------------------------------------------------------------------------------

    async def _open(self, *, new: bool) -> Line:
        """Open a WebSocket that the API knows as ours."""
        try:
            socket = await self._connect(new=new)
        except HandshakeRefusedError as refused:
            if refused.status not in (401, 403):
                raise api_answers(refused.status) from None
            # The token's age is judged by AWS's clock: perhaps ours was set meanwhile.
            self._ahead = -await self._aws.read_clock_skew()
            try:
                socket = await self._connect(new=False)
            except HandshakeRefusedError as again:
                raise not_let_in(again.status) from None
        line = Line(socket, asyncio.get_running_loop().time())
        self._lines.add(line)
        self._spawn(self._read(line))
        welcome = await self._greet(line)
        line.connection = welcome.connection
        return line

    async def _connect(self, *, new: bool) -> WebSocket:
        token = await rows.write_token(self._aws, self.row, now=time.time() + self._ahead, new=new)
        return await self._aws.open_websocket(
            self._url,
            {"x-plldb-session": self.row.id, "x-plldb-token": token},
            seconds=self._pace.connect_within,
            ping=self._pace.ping,
        )

    async def _read(self, line: Line) -> None:
        try:
            await line.read(lambda frame: self._act(self._session.received(frame, **self._times())))
        finally:
            self._lines.discard(line)

    async def _greet(self, line: Line) -> Welcome:
        """Say hello on a connection; its answer tells AWS's time."""
        welcome, self._ahead = await line.greet(self._pace)
        self._session.set_clock(self._ahead)
        return welcome

    # --- keeping it ------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while self._line is not None:
            former = self._line
            reason = await self._until_due(former)
            self._line = await self._open_again(former, reason)
            self._act(self._session.moved(self._line.connection, **self._times()))
            self._spawn(self._leave(former))

    async def _until_due(self, line: Line) -> str:
        """Wait until a connection is to be replaced; return why, empty if only for its age."""
        loop, pace = asyncio.get_running_loop(), self._pace
        before = time.time() - loop.time()
        while True:
            try:
                async with asyncio.timeout(pace.look):
                    await line.closed.wait()
                return f"closed ({line.socket.close_code})" if line.socket.close_code else "broken"
            except TimeoutError:
                pass
            now = loop.time()
            if now - line.opened_at >= pace.replace_after:
                return ""
            # The clock of the event loop stands still while the machine sleeps.
            slept, before = time.time() - now - before > pace.asleep, time.time() - now
            if slept or now - line.greeted_at >= pace.hello_every:
                try:
                    await self._greet(line)
                except (TryAgainError, RefusedError):
                    return "silent"

    async def _open_again(self, former: Line, reason: str) -> Line:
        loop, pause, told = asyncio.get_running_loop(), self._pace.first_retry, ""
        began = loop.time()
        while True:
            try:
                line = await self._open(new=False)
            except (TryAgainError, AwsError) as error:
                log.info("no connection: %s", error)
                # What a person has to do something about is told also when it comes later.
                cause = reason or "closed" if isinstance(error, TryAgainError) else str(error)
                if former.closed.is_set() and (not told or (cause != told and isinstance(error, AwsError))):
                    self._queue.put_nowait(ConnectionLost(reason=cause))
                    told = cause
                await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter, not a secret
                pause = min(pause * 2, self._pace.longest_retry)
            else:
                if told:
                    self._queue.put_nowait(ConnectionRestored(seconds=loop.time() - began))
                return line

    async def _leave(self, former: Line) -> None:
        # What was already on its way to it still comes.
        await asyncio.sleep(self._pace.overlap)
        await former.socket.close()


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


def _status_of(refusal: PlldbError) -> int:
    if isinstance(refusal, AccessDeniedError):
        return 403
    gone = isinstance(refusal, AwsError) and refusal.aws_code == "GoneException"
    return 410 if gone else 0
