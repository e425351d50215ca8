"""Runs an invocation, tells of it, notes and records it. Talks to workers, the link and AWS."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from pathlib import PurePath

from plldb.debugger.attaching.held import HeldFunctions
from plldb.debugger.attaching.invocations.callers import find_repeated
from plldb.debugger.attaching.invocations.ledger import End, Ledger, Notes
from plldb.debugger.attaching.invocations.outcomes import finished_event
from plldb.debugger.attaching.invocations.queues import keep_invisible
from plldb.debugger.attaching.invocations.triggers import read_trigger
from plldb.debugger.attaching.options import Workers
from plldb.debugger.events.functions import VisibilityDenied
from plldb.debugger.events.invocations import InvocationStarted, Output
from plldb.debugger.link.link import Link
from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer
from plldb.debugger.recordings.recorder import Recorder
from plldb.debugger.workers import output
from plldb.tasks import cancel_all, gather_all


class Runner:
    """Runs invocations of a session, any number side by side, and counts them."""

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
            link: takes the answers.
            workers: what runs the invocations.
            held: the functions whose invocations these are.
            folders: where the code of each function lies.
            recorder: keeps invocations that have ended; None for nobody.
        """
        self._link = link
        self._workers = workers
        self._held = held
        self._telling = held.telling
        self._folders = folders
        self._recorder = recorder
        self._ledger = Ledger(held.places.table, held.row)
        self._recordings = Notes(most=math.inf, within=None)  # each was asked for
        self._events: dict[str, dict[str, tuple[bytes, float]]] = {}  # of what runs, by function
        self._denied: set[str] = set()  # functions whose messages may not be kept hidden
        self.invocations = 0
        self.failed = 0

    async def written(self) -> None:
        """Wait until what has run is noted and recorded: nothing else has waited for it."""
        await gather_all(self._ledger.written(), self._recordings.written())

    async def run(self, start: Start) -> None:
        """Run an invocation and answer it."""
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
            self._telling.put(finished)
        if self._recorder is not None:
            self._recordings.add(self._recorder.keep(start, answer, finished.outcome, seconds))
        return End(outcome=finished.outcome, seconds=seconds)

    def _deny(self, event: VisibilityDenied) -> None:
        if event.function not in self._denied:
            self._denied.add(event.function)
            self._telling.put(event)
