"""Events for a reader who may be slow, from those who must not wait. Pure."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType

from plldb.debugger.events.attach import AttachEvent
from plldb.debugger.events.invocations import EventsSkipped, InvocationStarted, Output
from plldb.streams import Tell
from plldb.tasks import cancel_all

MOST_OUTPUT = 5000
"""Events that may wait for a reader before more output does not: some screens full."""
MOST_CHARACTERS = 16_000_000
"""The same in characters of output, of which a line may have very many."""
MOST_EVENTS = 20_000
"""Events that may wait before whole invocations are left out."""


class _Gap:
    """What is left out at a place of the queue."""

    def __init__(self) -> None:
        self.lines = self.invocations = 0


class Telling:
    """Hands on what was put, in order, while nobody who puts waits for the reader.

    An invocation is answered at once even if the terminal stands still. Output waits for a reader who is
    slow, and is left out where the reader takes nothing for ``patience`` seconds. To be used as a context
    manager: at its end nothing is handed on any more.
    """

    def __init__(self, tell: Tell[AttachEvent], patience: float) -> None:
        self._tell = tell
        self._patience = patience
        self._queue: asyncio.Queue[AttachEvent | _Gap] = asyncio.Queue()
        self._characters = 0
        self._gap: _Gap | None = None  # the last one in the queue, while nothing is taken
        self._taken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, event: AttachEvent) -> None:
        """Hand on an event soon."""
        self._queue.put_nowait(event)

    def put_start(self, event: InvocationStarted) -> bool:
        """Hand on that an invocation has started; False if so much waits that nothing is told of it."""
        if self._queue.qsize() < MOST_EVENTS:
            self.put(event)
            return True
        self._open_gap().invocations += 1
        return False

    async def put_output(self, event: Output) -> None:
        """Hand on a line once there is room for it: a function may print faster than anybody reads."""
        while self._is_full():
            if self._gap is not None or not await self._is_taken():
                self._open_gap().lines += 1
                return
        self._gap = None
        self._characters += len(event.text)
        self.put(event)

    async def flush(self) -> None:
        """Wait until the reader has taken all that was put."""
        await self._queue.join()

    async def __aenter__(self) -> Telling:
        self._task = asyncio.create_task(self._hand_on())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            await cancel_all([self._task])

    def _is_full(self) -> bool:
        return self._queue.qsize() >= MOST_OUTPUT or self._characters >= MOST_CHARACTERS

    async def _is_taken(self) -> bool:
        self._taken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._taken.wait()
        return self._taken.is_set()

    def _open_gap(self) -> _Gap:
        if self._gap is None:
            self._gap = _Gap()
            self._queue.put_nowait(self._gap)
        return self._gap

    async def _hand_on(self) -> None:
        while True:
            event = await self._queue.get()
            if isinstance(event, _Gap):
                self._gap = None
                event = EventsSkipped(lines=event.lines, invocations=event.invocations)
            await self._tell(event)
            self._taken.set()
            if isinstance(event, Output):
                self._characters -= len(event.text)
            self._queue.task_done()
