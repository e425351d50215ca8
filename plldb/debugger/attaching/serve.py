"""Runs the invocations that come to an attached session, and tells of them. Talks to workers and the link."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from pathlib import PurePath
from types import TracebackType
from typing import assert_never

from plldb.debugger.attaching.held import HeldFunctions
from plldb.debugger.attaching.invocations.callers import find_repeated
from plldb.debugger.attaching.invocations.ledger import End, Ledger, Notes
from plldb.debugger.attaching.invocations.outcomes import finished_event
from plldb.debugger.attaching.invocations.queues import keep_invisible
from plldb.debugger.attaching.invocations.triggers import read_trigger
from plldb.debugger.attaching.options import Workers
from plldb.debugger.events.connection import AnswersDelayed, ConnectionLost, ConnectionRestored, SignInNeeded
from plldb.debugger.events.functions import FunctionRelayed, VisibilityDenied
from plldb.debugger.events.invocations import AnswerLost, InvocationRefused, InvocationStarted, Output
from plldb.debugger.link.link import Link
from plldb.debugger.protocol.decisions import Cancel, Declined, Delivered, EndSandbox, Relayed, Start
from plldb.debugger.protocol.invocations import Answer, Identity, Sandbox
from plldb.debugger.recordings.recorder import Recorder
from plldb.debugger.workers import output
from plldb.errors import CredentialsError
from plldb.tasks import cancel_all, ended, gather_all, until_one


class Service:
    """The invocations of one session: fed with what the link yields until nothing is in hand any more.

    To be used as a context manager: at its end all that still runs is ended.
    """

    serving: asyncio.Task[None]
    """Runs what comes; it ends only with an error, see `run`, or with a bug in running an invocation."""

    def __init__(
        self,
        link: Link,
        workers: Workers,
        held: HeldFunctions,
        folders: Mapping[str, PurePath],
        recorder: Recorder | None = None,
    ) -> None:
        """Begin.

        Args:
            link: what comes from the cloud.
            workers: what runs it.
            held: the functions whose invocations these are.
            folders: where the code of each function lies.
            recorder: keeps invocations that have ended; None for nobody.
        """
        self._link = link
        self._workers = workers
        self._held = held
        self._folders = folders
        self._recorder = recorder
        self._telling = held.telling
        self._tell = held.telling.put
        self.invocations = 0
        self.failed = 0
        self._declined = 0
        self._denied: set[str] = set()
        self._heard: set[str] = set()
        self._running: dict[asyncio.Task[None], Identity] = {}
        self._ledger = Ledger(held.places.table, held.row)
        self._recordings = Notes(most=math.inf)  # each was asked for
        self._newest: dict[Sandbox, tuple[Identity, str]] = {}  # what each runs or has run, of which function
        self._events: dict[str, dict[str, tuple[bytes, float]]] = {}  # of what runs, by function
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
        finally:  # nothing else has waited for these
            await gather_all(self._ledger.written(), self._recordings.written())
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
        return self.invocations + self._declined

    def _busy(self) -> set[str]:
        """The functions that have an invocation in hand."""
        in_hand = {*self._link.in_hand, *self._running.values()}
        return {function for identity, function in self._newest.values() if identity in in_hand}

    def _start(self, start: Start) -> None:
        task = asyncio.create_task(self._run_one(start))
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

    async def _run_one(self, start: Start) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        is_told = self._tell_start(start, began)
        end = self._ledger.begin(start.identity.request_id, start.function)
        try:
            answer = await self._run(start, is_told=is_told)
            if answer is not None:
                self._link.answer(start.identity, answer)
            end.set_result(self._finish(start, answer, loop.time() - began, is_told=is_told))
        finally:
            end.cancel()  # however it ends, nobody waits for it any more

    def _tell_start(self, start: Start, began: float) -> bool:
        """Tell of an invocation and count it; False if nothing is to be told of it."""
        request_id, body = start.identity.request_id, start.invocation.body
        trigger = read_trigger(body)
        running = self._events.setdefault(start.function, {})
        self.invocations += 1
        event = InvocationStarted(
            request_id=request_id,
            function=start.function,
            trigger=trigger.words,
            caller=trigger.caller,
            repeats=find_repeated(running, request_id, body, began),
        )
        running[request_id] = (body, began)
        return self._telling.put_start(event)

    async def _run(self, start: Start, *, is_told: bool) -> Answer | None:
        """Run an invocation, and keep its messages hidden meanwhile."""
        request_id, function, body = start.identity.request_id, start.function, start.invocation.body

        async def tell_output(line: output.Output) -> None:
            event = Output(request_id=request_id, function=function, stream=line.stream, text=line.text)
            if is_told:
                await self._telling.put_output(event)

        hiding = asyncio.create_task(
            keep_invisible(self._held.aws, body, function, self._deny, self._held.pace)
        )
        try:
            return await self._workers.run(start, tell_output)
        finally:
            # Before the answer, on which Lambda deletes the messages.
            await cancel_all([hiding])
            self._events[function].pop(request_id, None)

    def _finish(self, start: Start, answer: Answer | None, seconds: float, *, is_told: bool) -> End:
        """Tell, count and record an invocation that has ended."""
        finished = finished_event(start, answer, seconds, self._folders[start.function])
        self.failed += finished.outcome == "failed"
        if is_told:
            self._tell(finished)
        if self._recorder is not None:
            self._recordings.add(self._recorder.keep(start, answer, finished.outcome, seconds))
        return End(outcome=finished.outcome, seconds=seconds)

    def _deny(self, event: VisibilityDenied) -> None:
        if event.function not in self._denied:
            self._denied.add(event.function)
            self._tell(event)
