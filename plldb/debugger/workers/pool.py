"""The workers of a session: one for each of Lambda's sandboxes. Talks to processes."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from plldb.debugger.errors import SourceError
from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer, Identity, Sandbox, error_answer
from plldb.debugger.workers.dap.debugger import open_debugger
from plldb.debugger.workers.output import TellOutput
from plldb.debugger.workers.prepare import Surroundings
from plldb.debugger.workers.process import Kind
from plldb.debugger.workers.settings import FunctionSettings
from plldb.debugger.workers.source import Project
from plldb.debugger.workers.spare import Spare
from plldb.debugger.workers.state import Patience
from plldb.debugger.workers.worker import Worker, start_worker
from plldb.tasks import cancel_all, ended, finish, unless

DEFAULT_PATIENCE = Patience()
AT_ONCE = max(2, os.cpu_count() or 2)
"""Workers that start at a time: each keeps a core busy, and with more of them all would take too long."""


@asynccontextmanager
async def open_workers(
    project: Project,
    functions: Mapping[str, FunctionSettings],
    *,
    debug: int | None = None,
    wait: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    machine: Mapping[str, str] | None = None,
) -> AsyncIterator[Workers]:
    """Open the workers of a session; at the end all of their processes are ended.

    Args:
        project: where the code is on this machine.
        functions: as deployed, by name; what is looked up when an invocation is run.
        debug: port of 127.0.0.1 for a debugger, 0 for a free one, None for none.
        wait: hold the first invocation until a debugger is there.
        patience: how long a worker may take.
        machine: this machine's environment; None for that of this process.

    Raises:
        PortError: the port is taken.
        SourceError: there is no Python to run functions.
    """
    environment = dict(os.environ) if machine is None else machine
    opened = open_debugger(project, environment, debug, wait=wait, within=patience.debugger)
    async with opened as debugger:
        surroundings = Surroundings(
            project=project, functions=functions, machine=environment, debugger=debugger
        )
        workers = Workers(surroundings, patience)
        try:
            async with ended(workers.look_after()):
                yield workers
        finally:  # however often cancelled meanwhile: a process that is forgotten stays
            await finish(workers.close())


class TooLateError(Exception):
    """It was not the turn of a function's worker until it was too late to start it."""

    def __init__(self, function: str) -> None:
        super().__init__(f"So many functions start on this machine that {function} was not started in time.")


class Workers:
    """The workers of a session. `open_workers` makes one."""

    def __init__(self, surroundings: Surroundings, patience: Patience) -> None:
        self.debug_port = surroundings.debugger.port
        """Port of 127.0.0.1 on which a debugger can attach; None without one."""
        self._surroundings = surroundings
        self._debugger = surroundings.debugger
        self._patience = patience
        self._closed = asyncio.Event()
        # A sandbox is in one of these at most; `_worker_for` puts it there, `end` takes it out.
        self._workers: dict[Sandbox, Worker] = {}
        self._starting: dict[Sandbox, asyncio.Task[Worker]] = {}
        self._running: dict[Identity, asyncio.Task[Answer]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._spare = Spare()

    async def run(self, start: Start, tell_output: TellOutput) -> Answer | None:
        """Run an invocation in the worker of its sandbox; return its answer, None if it was cancelled.

        Whatever is wrong with the function or its surroundings is an answer, an error that the function's
        caller sees. ``tell_output`` gets each line of output, before this returns.
        """
        task = asyncio.create_task(self._run(start, tell_output))
        self._running[start.identity] = task
        try:
            await asyncio.wait([task])
            return None if task.cancelled() else task.result()
        finally:
            del self._running[start.identity]
            await cancel_all([task])

    async def _run(self, start: Start, tell_output: TellOutput) -> Answer:
        try:
            worker = await self._worker_for(start, tell_output)
        except SourceError as error:
            return error_answer("Plldb.Source", error.message)
        except TooLateError as error:
            return error_answer("Plldb.TooLate", str(error))
        except OSError as error:
            return error_answer("Plldb.NotStarted", f"The function's Python cannot be run: {error}.")
        timeout = float(self._surroundings.functions[start.function].timeout)
        return await worker.run(start, timeout, tell_output)

    def cancel(self, identity: Identity) -> None:
        """Stop an invocation: its worker is killed, and its `run` returns None."""
        if task := self._running.get(identity):
            task.cancel()

    def end(self, sandbox: Sandbox) -> None:
        """End the worker of a sandbox that is no more, also one that is being started."""
        if worker := self._workers.pop(sandbox, None):
            worker.kill()
            self._keep(worker.close())
        if starting := self._starting.pop(sandbox, None):
            self._keep(_close_started(starting))

    def release(self) -> None:
        """Hold no invocation any longer for a debugger that has not come."""
        self._debugger.release()

    async def look_after(self) -> None:
        """End workers that were idle for long, whose code was saved, or that have ended. Endless."""
        while True:
            await asyncio.sleep(self._patience.look)
            for sandbox, worker in tuple(self._workers.items()):
                old = worker.idle_for > self._patience.idle
                idle = worker.idle_for > 0 and (old or worker.outdated)
                if idle or not worker.alive:  # of one that has ended a port would stay open
                    self.end(sandbox)

    async def close(self) -> None:
        """End all workers, also in the middle of an invocation."""
        self._closed.set()
        for sandbox in {*self._workers, *self._starting}:
            self.end(sandbox)
        while self._closing:
            await asyncio.wait(self._closing)
        await self._spare.close()

    async def _worker_for(self, start: Start, tell: TellOutput) -> Worker:
        sandbox = start.identity.sandbox
        worker = self._workers.get(sandbox)
        if worker is not None and worker.alive and not worker.outdated:
            return worker
        self.end(sandbox)
        if await self._debugger.wait_for_editor():
            start = replace(start, latest=math.inf)  # the developer wants it, however long that took
        starting = self._starting[sandbox] = asyncio.create_task(self._start(start, tell))
        try:
            worker = await asyncio.shield(starting)
        except BaseException:
            self.end(sandbox)  # the start goes on, and nobody else would end what it starts
            raise
        if self._starting.get(sandbox) is starting:  # else the sandbox has ended meanwhile, and its worker
            del self._starting[sandbox]
            self._workers[sandbox] = worker
        return worker

    async def _start(self, start: Start, tell: TellOutput) -> Worker:
        """Start a worker when it is its turn, and let the next one start when it has loaded the function."""
        fetching = self._surroundings.fetch_layers(start.function)
        # Whoever closes the workers waits for those that start, but not for a download.
        layers = (await unless(self._closed, fetching) if fetching else None) or ()
        await self._slots.acquire()
        try:
            if self._starting.get(start.identity.sandbox) is not asyncio.current_task():
                raise asyncio.CancelledError  # nobody wants it any more
            if time.time() > start.latest:
                raise TooLateError(start.function)
            plan = await self._surroundings.plan(start, layers, tell)
            kind = plan.kind()
            worker = start_worker(plan, await self._spare.take(kind), self._patience)
        except BaseException:
            self._slots.release()
            raise
        self._debugger.name(worker.pid, start.function)
        self._keep(self._release_when_loaded(worker, kind))
        return worker

    async def _release_when_loaded(self, worker: Worker, kind: Kind) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.load):
                await worker.loaded.wait()
        self._slots.release()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.spare):
                await self._closed.wait()
        if worker.alive and not self._starting and not self._closed.is_set():
            await self._spare.renew(kind)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close_started(starting: asyncio.Task[Worker]) -> None:
    """Close a worker as soon as it has started; one that does not start is said where it was wanted."""
    await asyncio.wait({starting})
    if not starting.cancelled() and starting.exception() is None:
        await starting.result().close()
