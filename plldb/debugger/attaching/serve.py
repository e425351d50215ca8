"""What comes to an attached session, and what of it is in hand. Talks to workers and the link."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import assert_never

from plldb.debugger.attaching.held import HeldFunctions
from plldb.debugger.attaching.options import Workers
from plldb.debugger.attaching.runner import Runner
from plldb.debugger.events.connection import AnswersDelayed, ConnectionLost, ConnectionRestored, SignInNeeded
from plldb.debugger.events.functions import FunctionRelayed
from plldb.debugger.events.invocations import AnswerLost, InvocationRefused
from plldb.debugger.link.link import Link
from plldb.debugger.protocol.decisions import Cancel, Declined, Delivered, EndSandbox, Relayed, Start
from plldb.debugger.protocol.invocations import Identity, Sandbox
from plldb.errors import CredentialsError
from plldb.tasks import cancel_all, ended, until_one


class Service:
    """The invocations of one session: fed with what the link yields until nothing is in hand any more.

    To be used as a context manager: at its end all that still runs is ended.
    """

    serving: asyncio.Task[None]
    """Runs what comes; it ends only with an error, see `run`, or with a bug in running an invocation."""

    def __init__(self, link: Link, workers: Workers, held: HeldFunctions, runner: Runner) -> None:
        """Begin.

        Args:
            link: what comes from the cloud.
            workers: are told of what is cancelled, and of sandboxes that end.
            held: the functions whose invocations these are.
            runner: runs the invocations.
        """
        self._link = link
        self._workers = workers
        self._held = held
        self._tell = held.telling.put
        self.runner = runner
        self._declined = 0
        self._heard: set[str] = set()
        self._running: dict[asyncio.Task[None], Identity] = {}
        self._newest: dict[Sandbox, tuple[Identity, str]] = {}  # what each runs or has run, of which function
        self._bug: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # it only fails
        self._changed = asyncio.Event()
        self.lost = asyncio.Event()  # set while the connection is

    async def __aenter__(self) -> Service:
        self.serving = asyncio.create_task(self._serve())
        self.serving.add_done_callback(self._over)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await cancel_all([self.serving, *self._running])
        finally:
            await self.runner.written()
        if kind is None and self._bug.done():
            self._bug.result()  # raises what nobody has awaited

    async def _serve(self) -> None:
        async with ended(self.run()) as running:
            await until_one([running, self._bug])

    def _over(self, serving: asyncio.Task[None]) -> None:
        if not serving.cancelled():
            serving.exception()  # else asyncio would complain that nobody has looked
        self._changed.set()

    async def run(self) -> None:
        """Run what comes, until cancelled.

        Raises:
            RefusedError: the session's row is gone.
            ProtocolError: somebody has deployed another version of plldb.
        """
        async for event in self._link.events():
            match event:
                case Start():
                    self._heard.add(event.function)
                    self._start(event)
                case Cancel(identity):
                    self._workers.cancel(identity)
                case EndSandbox(sandbox):
                    self._newest.pop(sandbox, None)
                    self._workers.end(sandbox)
                case Declined(identity=identity, function=function, reason=reason):
                    self._heard.add(function)
                    self._declined += 1
                    self._tell(
                        InvocationRefused(request_id=identity.request_id, function=function, reason=reason)
                    )
                case Delivered(identity=identity, complete=complete):
                    if not complete:
                        self._tell(AnswerLost(request_id=identity.request_id))
                case Relayed(function):
                    self._tell(FunctionRelayed(function=function))
                case AnswersDelayed(code=CredentialsError.code, message=message):
                    self._held.sign_in.needed(message)
                case ConnectionLost() | ConnectionRestored() | AnswersDelayed() | SignInNeeded():
                    self._tell(event)
                    if isinstance(event, ConnectionLost):
                        self.lost.set()
                    elif isinstance(event, ConnectionRestored):
                        self.lost.clear()
                case _:
                    assert_never(event)
            self._changed.set()

    def heard(self, function: str) -> bool:
        """Whether any invocation of a function has come here."""
        return function in self._heard

    async def until_quiet(self, function: str) -> None:
        """Wait until no invocation of a function runs, and every answer has been posted or given up.

        Raises:
            PlldbError: nothing is heard any more, so that this cannot be told; see `run`.
        """
        while function in self._busy():
            if self.serving.done():
                self.serving.result()  # raises why
            self._changed.clear()
            await self._changed.wait()

    def is_busy(self) -> bool:
        """Whether an invocation runs, or its answer has not been taken yet."""
        return bool(self._link.in_hand or self._running)

    def count(self) -> int:
        """How many invocations have come, also those that were not run."""
        return self.runner.invocations + self._declined

    def _busy(self) -> set[str]:
        """The functions that have an invocation in hand."""
        in_hand = {*self._link.in_hand, *self._running.values()}
        return {function for identity, function in self._newest.values() if identity in in_hand}

    def _start(self, start: Start) -> None:
        task = asyncio.create_task(self.runner.run(start))
        self._newest[start.identity.sandbox] = start.identity, start.function
        self._running[task] = start.identity
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._changed.set()
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._bug.done():
            self._bug.set_exception(error)
            self._bug.exception()  # else asyncio would complain if nobody looks
