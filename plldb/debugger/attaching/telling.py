"""Events for a reader who may be slow, from those who must not wait. Pure."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Generic, TypeVar

from plldb.streams import Tell
from plldb.tasks import cancel_all

T = TypeVar("T")

MOST_WAITING = 5000
"""Events that may wait for a reader before more output does not: some screens full, and little memory."""


class Telling(Generic[T]):
    """Hands on what was put, in order, while nobody who puts waits for the reader.

    An invocation is answered at once even if the terminal stands still. To be used as a context manager: at
    its end nothing is handed on any more.
    """

    def __init__(self, tell: Tell[T]) -> None:
        self._tell = tell
        self._queue: asyncio.Queue[T] = asyncio.Queue()
        self._taken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, event: T) -> None:
        """Hand on an event soon."""
        self._queue.put_nowait(event)

    async def put_when_read(self, event: T) -> None:
        """Hand on an event that can wait: a function may print faster than anybody reads, without end."""
        while self._queue.qsize() >= MOST_WAITING:
            self._taken.clear()
            await self._taken.wait()
        self.put(event)

    async def flush(self) -> None:
        """Wait until the reader has taken all that was put."""
        await self._queue.join()

    async def __aenter__(self) -> Telling[T]:
        self._task = asyncio.create_task(self._hand_on())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            await cancel_all([self._task])

    async def _hand_on(self) -> None:
        while True:
            event = await self._queue.get()
            self._taken.set()
            await self._tell(event)
            self._queue.task_done()
