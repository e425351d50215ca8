"""Runs the invocations that come to an attached session, and tells of them. Talks to workers and the link."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import PurePath
from typing import Any, Protocol, assert_never

from plldb.debugger.arming.mutex import Table
from plldb.debugger.attaching.ledger import AT_ONCE, End, Notes, note_invocation
from plldb.debugger.attaching.queues import keep_invisible
from plldb.debugger.attaching.telling import Telling
from plldb.debugger.attaching.triggers import (
    find_repeated,
    finished_event,
    read_trigger,
)
from plldb.debugger.events.attach import FunctionRelayed, VisibilityDenied
from plldb.debugger.events.connection import AnswersDelayed, ConnectionLost, ConnectionRestored, SignInNeeded
from plldb.debugger.events.invocations import (
    AnswerLost,
    InvocationRefused,
    InvocationStarted,
    Output,
)
from plldb.debugger.link.link import Link
from plldb.debugger.pace import Pace
from plldb.debugger.protocol.decisions import Cancel, Declined, Delivered, EndSandbox, Relayed, Start
from plldb.debugger.protocol.invocations import Answer, Identity, Sandbox
from plldb.debugger.workers import output
from plldb.debugger.workers.output import TellOutput
from plldb.errors import CredentialsError
from plldb.tasks import cancel_all, gather_all

Keep = Callable[[Start, Answer | None, str, float], Coroutine[Any, Any, None]]


class Workers(Protocol):
    """What runs invocations; see `plldb.debugger.workers`."""

    @property
    def debug_port(self) -> int | None:
        """Where debuggers may connect; None for nowhere."""

    async def run(self, start: Start, tell_output: TellOutput, /) -> Answer | None:
        """Run one, and return its answer; None if it was cancelled."""

    def cancel(self, identity: Identity, /) -> None:
        """Stop one."""

    def end(self, sandbox: Sandbox, /) -> None:
        """End what is kept for a sandbox that is no more."""

    def release(self) -> None:
        """Hold no invocation any longer for a debugger that has not come."""


class Service:
    """The invocations of one session: fed with what the link yields until nothing is in hand any more."""

    def __init__(
        self,
        link: Link,
        workers: Workers,
        table: Table,
        folders: Mapping[str, PurePath],
        telling: Telling,
        sign_in_needed: Callable[[str], None],
        pace: Pace,
        *,
        keep: Keep | None = None,
    ) -> None:
        """Begin.

        Args:
            link: what comes from the cloud.
            workers: what runs it.
            table: where invocations are noted.
            folders: where the code of each function lies.
            telling: takes the events.
            sign_in_needed: takes the message with which AWS does not accept the caller's credentials.
            pace: how long to wait.
            keep: keeps an invocation that has ended; None for nobody.
        """
        self._keep = keep
        self._sign_in_needed = sign_in_needed
        self._pace = pace
        self._denied: set[str] = set()
        self._heard: set[tuple[str, str]] = set()
        self.invocations = 0
        self.failed = 0
        self._link = link
        self._workers = workers
        self._table = table
        self._folders = folders
        self._telling = telling
        self._tell = telling.put
        self._running: dict[asyncio.Task[None], Identity] = {}
        self._notes = Notes()
        self._recordings = Notes(most=math.inf)  # each was asked for
        self._few = asyncio.Semaphore(AT_ONCE)
        self._functions: dict[Identity, str] = {}  # of the invocations that are running or being answered
        self._events: dict[str, dict[str, tuple[bytes, float]]] = {}  # of what runs, by function
        self._changed = asyncio.Event()
        self.lost = asyncio.Event()  # set while the connection is

    async def run(self) -> None:
        """Run what comes, until cancelled.

        Raises:
            RefusedError: the session's row is gone.
            ProtocolError: somebody has deployed another version of plldb.
        """
        async for event in self._link.events():
            match event:
                case Start():
                    self._heard |= {(event.function, event.identity.request_id), (event.function, "")}
                    self._start(event)
                case Cancel(identity):
                    self._workers.cancel(identity)
                case EndSandbox(sandbox):
                    self._workers.end(sandbox)
                case Declined(identity=identity, function=function, reason=reason):
                    self._heard |= {(function, identity.request_id), (function, "")}
                    self._tell(
                        InvocationRefused(request_id=identity.request_id, function=function, reason=reason)
                    )
                case Delivered(identity=identity, complete=complete):
                    if not complete:
                        self._tell(AnswerLost(request_id=identity.request_id))
                case Relayed(function):
                    self._tell(FunctionRelayed(function=function))
                case AnswersDelayed(code=CredentialsError.code, message=message):
                    self._sign_in_needed(message)
                case ConnectionLost() | ConnectionRestored() | AnswersDelayed() | SignInNeeded():
                    self._tell(event)
                    if isinstance(event, ConnectionLost):
                        self.lost.set()
                    elif isinstance(event, ConnectionRestored):
                        self.lost.clear()
                case _:
                    assert_never(event)
            self._changed.set()

    def heard(self, function: str, request_id: str) -> bool:
        """Whether an invocation has come here; with an empty id, whether any of the function has."""
        return (function, request_id) in self._heard

    async def until_quiet(self, function: str) -> None:
        """Wait until no invocation of a function runs, and every answer has been posted or given up."""
        while function in self._busy():
            self._changed.clear()
            await self._changed.wait()

    def is_busy(self) -> bool:
        """Whether an invocation runs, or its answer has not been taken yet."""
        return bool(self._link.in_hand or self._running)

    def count(self) -> int:
        """How many invocations have come, also those that were not run."""
        return self.invocations + len(self._heard)

    def _busy(self) -> set[str]:
        """The functions that have an invocation in hand."""
        in_hand = {*self._link.in_hand, *self._running.values()}
        self._functions = {each: name for each, name in self._functions.items() if each in in_hand}
        return {*self._functions.values()}

    async def close(self) -> None:
        """End what still runs; wait for the ledger, which nothing else has waited for."""
        await cancel_all(self._running)
        await gather_all(self._notes.written(), self._recordings.written())

    def _start(self, start: Start) -> None:
        task = asyncio.create_task(self._run_one(start))
        self._functions[start.identity] = start.function
        self._running[task] = start.identity
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._changed.set()

    async def _run_one(self, start: Start) -> None:
        loop = asyncio.get_running_loop()
        began, end = loop.time(), loop.create_future()
        is_told = self._tell_start(start, began)
        noted = {"request_id": start.identity.request_id, "function": start.function, "now": int(time.time())}
        self._notes.add(note_invocation(self._table, self._link.row, noted, end, self._few))
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

        hiding = asyncio.create_task(keep_invisible(self._table.aws, body, function, self._deny, self._pace))
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
        if self._keep is not None:
            self._recordings.add(self._keep(start, answer, finished.outcome, seconds))
        return End(outcome=finished.outcome, seconds=seconds)

    def _deny(self, event: VisibilityDenied) -> None:
        if event.function not in self._denied:
            self._denied.add(event.function)
            self._tell(event)
