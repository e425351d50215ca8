"""One worker: a process that runs one function, one invocation at a time. Talks to that process."""

from __future__ import annotations

import asyncio
import time

from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer, error_answer, too_large_error
from plldb.debugger.workers.output import Printed, TellOutput
from plldb.debugger.workers.process import Plan, Process, how_it_ended
from plldb.debugger.workers.runtime_api import Event, Message, RuntimeApi
from plldb.debugger.workers.saved import have_changed
from plldb.debugger.workers.spare import Begun
from plldb.debugger.workers.state import Patience, State


def start_worker(plan: Plan, begun: Begun, patience: Patience) -> Worker:
    """Let a process that waits become a worker."""
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
        self._state = State()
        self._process = process
        self._api = api
        self._patience = patience
        self._changed = asyncio.Event()
        self._printed = Printed({"stdout": process.stdout, "stderr": process.stderr}, mark, self._changed.set)
        api.receive = self._receive
        self._end = asyncio.create_task(self._wait_for_end())

    @property
    def alive(self) -> bool:
        """Whether it can take an invocation."""
        return self._state.phase != "ended" and not self._process.ended

    @property
    def outdated(self) -> bool:
        """Whether a file of the function was saved since the process has loaded it."""
        return have_changed(self._state.files)

    @property
    def idle_for(self) -> float:
        """Seconds since its last invocation; 0 while it has one."""
        return time.monotonic() - self._state.idle_since if self._state.phase == "idle" else 0.0

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
        request_id = dict(invocation.headers)["lambda-runtime-aws-request-id"]
        self._state.begin(request_id, seconds)
        self._printed.tell = tell
        self._api.give(
            Event(
                request_id=request_id,
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
        await self._until_ended()
        await self._process.close()
        await self._api.close()

    # --- waiting ---------------------------------------------------------------------------------------

    async def _wait_for_answer(self) -> Answer:
        state, phase, left = self._state, self._state.phase, self._state.allowance(self._patience)
        while state.in_hand.answer is None and state.phase != "ended":
            if state.phase != phase:
                phase, left = state.phase, state.allowance(self._patience)
            held, before = state.holds > 0, time.monotonic()
            if not await self._change(None if held else left):
                return await self._give_up()
            if not held:
                left -= time.monotonic() - before
        if self.alive:
            await self._wait_for_output()
        if state.fails:
            self.kill()  # it ends by itself, but not at once
        elif self.alive:
            state.rest(time.monotonic())
        return state.in_hand.answer or await self._no_answer()

    async def _give_up(self) -> Answer:
        in_hand, has_started = self._state.in_hand, self._state.phase != "start"
        self.kill()
        await self._until_ended()
        if has_started:
            text = f"Task timed out after {in_hand.seconds:.2f} seconds"
            return error_answer("Sandbox.Timedout", f"RequestId: {in_hand.request_id} Error: {text}")
        text = f"The function's Python did not start within {self._patience.start:g} s."
        return error_answer("Plldb.NotStarted", text)

    async def _no_answer(self) -> Answer:
        in_hand, how = self._state.in_hand, how_it_ended(await self._until_ended())
        if in_hand.too_large:
            return too_large_error()
        return error_answer("Runtime.ExitError", f"RequestId: {in_hand.request_id} Error: {how}")

    async def _wait_for_output(self) -> None:
        give_up = time.monotonic() + self._patience.output
        while self.alive and not self._printed.has(self._state.marks):
            if not await self._change(give_up - time.monotonic()):
                return  # the function has closed its output

    async def _until_ended(self) -> int:
        """Wait for its end, which nobody cancels with this, and return the exit code."""
        return await asyncio.shield(self._end)

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
        self._state.receive(message)
        self._tell_waiting()

    async def _wait_for_end(self) -> int:
        code = await self._process.wait()
        await self._printed.close(self._patience.output)
        self._note_end()
        return code

    def _note_end(self) -> None:
        self._state.end()
        self._tell_waiting()

    def _tell_waiting(self) -> None:
        """Let go on who waits for what has happened."""
        if self._state.loaded:
            self.loaded.set()
        self._changed.set()
