"""One worker: a process that runs one function, one invocation at a time. Talks to that process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer, error_answer, too_large_error
from plldb.debugger.workers.output import Lines, Output, Stream, TellOutput
from plldb.debugger.workers.process import Plan, Process, how_it_ended
from plldb.debugger.workers.runtime_api import (
    Answered,
    Event,
    InitFailed,
    Message,
    Missed,
    RuntimeApi,
    Told,
    Took,
    TooLarge,
)
from plldb.debugger.workers.saved import Stamp, have_changed
from plldb.debugger.workers.spare import Spare
from plldb.tasks import cancel_all

Phase = Literal["start", "load", "run", "idle", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker may take, in seconds.

    Attributes:
        start: until its process runs; Python and the debugger are loaded in it.
        debugger: until debugpy is there, for the first worker.
        load: for the function to be loaded, besides its own timeout. Lambda gives 10 s, and then starts the
            function again within its timeout (Developer Guide, "Init phase").
        output: until what was printed before an answer is here.
        spare: after a function was loaded until the next process is started in spare: that takes a core for
            some tenths of a second, which the first answer is not to wait for.
        idle: without an invocation until a worker is ended.
        look: between two looks at idle workers and at the files that they have loaded.
    """

    start: float = 30.0
    debugger: float = 15.0
    load: float = 10.0
    output: float = 2.0
    spare: float = 0.3
    idle: float = 1800.0
    look: float = 0.5


async def start_worker(plan: Plan, spare: Spare, patience: Patience) -> Worker:
    """Start a worker, of the process in spare if that will do.

    Raises:
        OSError: the interpreter cannot be run.
    """
    begun = await spare.take(plan.kind())
    begun.become(
        {
            "environment": {**plan.environment, "AWS_LAMBDA_RUNTIME_API": begun.address},
            "code": str(plan.code),
            "handler": plan.handler,
            "debugger": plan.debugger,
            "vpc": plan.vpc,
            "terminal": plan.terminal,
            "layers": [str(each) for each in plan.layers],
            "copied": [str(each) for each in plan.copied],
            "compiled": str(plan.compiled) if plan.compiled else None,
        }
    )
    return Worker(begun.process, begun.api, begun.mark, patience)


class Worker:
    """One process, from its start to its end. `start_worker` makes one."""

    def __init__(self, process: Process, api: RuntimeApi, mark: str, patience: Patience) -> None:
        self.loaded = asyncio.Event()
        """Set when it has loaded the function, has ended, or a debugger holds it meanwhile."""
        self._process = process
        self._files: dict[str, Stamp] = {}  # of the function, as they were when the process has loaded them
        self._api = api
        self._patience = patience
        self._lines: Mapping[Stream, Lines] = {
            "stdout": Lines(mark.encode()),
            "stderr": Lines(mark.encode()),
        }
        self._phase: Phase = "start"
        self._idle_since = 0.0
        self._changed = asyncio.Event()
        self._held = 0
        self._failed_to_load = False
        self._too_large = False
        self._marks = 0
        self._answer: Answer | None = None
        self._request_id = ""
        self._seconds = 0.0
        self._tell: TellOutput | None = None
        api.receive = self._receive
        self._readers = (
            asyncio.create_task(self._read("stdout", process.stdout)),
            asyncio.create_task(self._read("stderr", process.stderr)),
        )
        self._end = asyncio.create_task(self._wait_for_end())

    @property
    def alive(self) -> bool:
        """Whether it can take an invocation."""
        return self._phase != "ended" and not self._process.ended

    @property
    def outdated(self) -> bool:
        """Whether a file of the function was saved since the process has loaded it."""
        return have_changed(self._files)

    @property
    def idle_for(self) -> float:
        """Seconds since its last invocation; 0 while it has one."""
        return time.monotonic() - self._idle_since if self._phase == "idle" else 0.0

    @property
    def pid(self) -> int:
        """Id of its process."""
        return self._process.pid

    async def run(self, start: Start, seconds: float, tell: TellOutput) -> Answer:
        """Run one invocation and return its answer; all that it printed was told before.

        ``seconds`` is the function's own timeout; it stands still while a debugger holds the function. When
        this is cancelled the process is killed.
        """
        invocation = start.invocation
        self._request_id = dict(invocation.headers)["lambda-runtime-aws-request-id"]
        self._answer, self._tell, self._seconds = None, tell, seconds
        if self._phase == "idle":
            self._phase = "run"
        self._api.give(
            Event(
                request_id=self._request_id,
                headers=invocation.headers,
                body=invocation.body,
                seconds=seconds,
                latest=start.latest,
                clocks=start.clocks,
            )
        )
        try:
            return await self._wait_for_answer()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End the process and all that it has started, at once."""
        self._process.kill()
        self._note_end()

    async def close(self) -> None:
        """Kill it and wait until it has gone."""
        self.kill()
        await self._end
        self._process.stdin.close()
        await self._api.close()

    # --- waiting ---------------------------------------------------------------------------------------

    async def _wait_for_answer(self) -> Answer:
        phase, left = self._phase, self._allowance()
        while self._answer is None and self._phase != "ended":
            if self._phase != phase:
                phase, left = self._phase, self._allowance()
            held, before = self._held > 0, time.monotonic()
            if not await self._change(None if held else left):
                return await self._give_up()
            if not held:
                left -= time.monotonic() - before
        if self.alive:
            await self._wait_for_output()
        if self._failed_to_load:
            self.kill()  # it ends by itself, but not at once
        elif self.alive:
            self._phase, self._idle_since = "idle", time.monotonic()
        return self._answer or await self._no_answer()

    def _allowance(self) -> float:
        match self._phase:
            case "start":
                return self._patience.start
            case "load":
                return self._patience.load + self._seconds
            case _:
                return self._seconds

    async def _give_up(self) -> Answer:
        started = self._phase != "start"
        self.kill()
        await self._end
        if started:
            text = f"RequestId: {self._request_id} Error: Task timed out after {self._seconds:.2f} seconds"
            return error_answer("Sandbox.Timedout", text)
        text = f"The function's Python did not start within {self._patience.start:g} s."
        return error_answer("Plldb.NotStarted", text)

    async def _no_answer(self) -> Answer:
        text = f"RequestId: {self._request_id} Error: {how_it_ended(await self._end)}"
        return too_large_error() if self._too_large else error_answer("Runtime.ExitError", text)

    async def _wait_for_output(self) -> None:
        give_up = time.monotonic() + self._patience.output
        while self.alive and any(lines.marks < self._marks for lines in self._lines.values()):
            if not await self._change(give_up - time.monotonic()):
                return  # the function has closed its output

    async def _change(self, seconds: float | None) -> bool:
        """Wait for any news; False if there is none for so long."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    # --- what comes from the process -------------------------------------------------------------------

    def _receive(self, message: Message) -> None:
        match message:
            case Told("begun", _) if self._phase == "start":
                self._phase = "load"
            case Told("held", bool(held)):
                self._held += 1 if held else -1
                self.loaded.set()
            case Told("files", dict(files)):
                self._files.update({name: (stamp[0], stamp[1]) for name, stamp in files.items()})
            case Took() if self._phase in ("start", "load"):
                self._phase = "run"
                self.loaded.set()
            case Answered(request_id, answer) if request_id == self._request_id:
                self._marks += 1
                self._answer = answer
            case Missed(request_id) if request_id == self._request_id:
                self._answer = error_answer(
                    "Plldb.TooLate", "This machine was asleep when it should have run."
                )
                self._failed_to_load = True
            case TooLarge(request_id) if request_id == self._request_id:
                self._too_large = True
            case InitFailed(answer):
                self._marks += 1
                self._answer = answer
                self._failed_to_load = True
            case _:
                return
        self._changed.set()

    async def _read(self, stream: Stream, pipe: asyncio.StreamReader) -> None:
        lines = self._lines[stream]
        while data := await pipe.read(65536):
            await self._print(stream, lines.feed(data))
            self._changed.set()
        await self._print(stream, lines.end())

    async def _print(self, stream: Stream, lines: list[str]) -> None:
        for line in lines:
            if self._tell is not None:
                await self._tell(Output(stream, line))

    async def _wait_for_end(self) -> int:
        code = await self._process.wait()
        # A process that has left the group may keep the pipes open for ever.
        await asyncio.wait(self._readers, timeout=self._patience.output)
        await cancel_all(self._readers)
        self._note_end()
        return code

    def _note_end(self) -> None:
        self._phase = "ended"
        self.loaded.set()
        self._changed.set()
