"""An attached session: armed, served, restored. Talks to AWS and to workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from plldb.debugger.arming.examine import Function
from plldb.debugger.arming.operate import Armed
from plldb.debugger.attaching.held import HeldFunctions
from plldb.debugger.attaching.options import AttachOptions, OpenWorkers, Workers
from plldb.debugger.attaching.plan import Candidate, nothing_left
from plldb.debugger.attaching.runner import Runner
from plldb.debugger.attaching.serve import Service
from plldb.debugger.editors.files import find_file, write_entry
from plldb.debugger.editors.started import is_followed
from plldb.debugger.events.attach import Attached, AttachEvent, AttachFinished, Detaching
from plldb.debugger.events.connection import SessionConnected
from plldb.debugger.events.functions import CodeDiffers, DifferingCode
from plldb.debugger.events.restore import FunctionRefused, Restored
from plldb.debugger.link.link import Link, open_link
from plldb.debugger.link.rows import forget_row
from plldb.debugger.recordings.recorder import open_recorder
from plldb.debugger.watching.deployments import Watch
from plldb.debugger.watching.ends import Leave, Limits, Reason, until_over
from plldb.debugger.watching.silence import watch_silence
from plldb.debugger.workers.project.cache import remove_unused
from plldb.debugger.workers.project.compare import find_differences
from plldb.debugger.workers.project.layers import Home, Layers, open_layers
from plldb.debugger.workers.source import Project
from plldb.errors import PlldbError
from plldb.tasks import cancel_all, ended, finish, gather_all, unless

log = logging.getLogger(__name__)

MOST_FILES = 3
"""How many files of a function are named that are not as deployed."""

Arming = asyncio.Task[dict[str, Function]]
"""Arms what can be armed; its result is how those functions were deployed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRun:
    """A session whose functions are known: armed, served and restored by `run`."""

    held: HeldFunctions
    candidates: tuple[Candidate, ...]
    options: AttachOptions
    open_workers: OpenWorkers

    async def run(self, leave: Leave) -> AttachFinished:
        """Open what is needed, arm, serve; restore in any case."""
        held, telling, loop = self.held, self.held.telling, asyncio.get_running_loop()
        began, connected, serving = loop.time(), asyncio.Event(), loop.create_future()
        async with (
            open_layers(held.places.functions, self._homes(), telling.put) as layers,
            self.open_workers(replace(self._project(), layers=layers.of), held.settings) as workers,
            # Above the link: until that is closed, the session can be found by its row.
            ended(self._withdraw(leave, connected)),
            # Mutexes are taken while this machine connects; no function is changed before it serves.
            ended(self._arm_all(workers, serving)) as arming,
            open_link(held.aws, websocket=held.url, row=held.row, tokens=held.tokens, pace=held.pace) as link,
        ):
            connected.set()
            telling.put(SessionConnected(seconds=loop.time() - began))
            # Whoever is asked to stop from now on has to know that there is something to restore.
            await telling.flush()
            recorder = await open_recorder(self.options.record, held.settings, telling.put)
            runner = Runner(link, workers, held, self._folders(), recorder)
            async with (
                Service(link, workers, held, runner) as service,
                self.restore_on_failure(link, arming),
            ):
                serving.set_result(link)  # from here on functions are changed
                reason = await self._serve(service, layers, arming, leave)
                workers.release()  # what waits for a debugger would be in hand for ever
                return await self._detach(reason, link, service)

    def _project(self) -> Project:
        """Return the project; what the deployed code has decided stays, whatever is deployed meanwhile."""
        decided = {each.name: each.source.folder for each in self.candidates if each.source.as_deployed}
        project = self.options.project
        return replace(project, code={**decided, **project.code})

    def _folders(self) -> dict[str, Path]:
        return {each.name: each.source.folder for each in self.candidates}

    def _homes(self) -> dict[str, Home]:
        sources = {each.name: each.source for each in self.candidates}
        return {name: Home((each.folder, *each.layers), each.python) for name, each in sources.items()}

    async def _arm_all(self, workers: Workers, serving: asyncio.Future[Link]) -> dict[str, Function]:
        """Arm all that can be as soon as this machine serves; return how those were deployed."""
        held = self.held

        async def connect(name: str, token: str) -> None:
            (await asyncio.shield(serving)).use_token(name, token)

        outcomes = await gather_all(*[held.arm(each, connect) for each in self.candidates])
        pairs = zip(self.candidates, outcomes, strict=True)
        armed = {each.name: outcome.before for each, outcome in pairs if isinstance(outcome, Armed)}
        if not armed:
            raise nothing_left([each for each in outcomes if isinstance(each, FunctionRefused)])
        names, port, until = tuple(armed), workers.debug_port, held.row.ends_at
        held.telling.put(
            Attached(functions=names, debug_port=port, lease_until=until, followed=is_followed())
        )
        if self.options.write_launch and port is not None:
            held.telling.put(await asyncio.to_thread(write_entry, find_file(self.options.code), port))
        await gather_all(*[held.tell_versions(name) for name in names])
        return armed

    async def _serve(self, service: Service, layers: Layers, arming: Arming, leave: Leave) -> Reason:
        """Serve, and look after what is armed, until something ends the session."""
        held, tell, aws, pace = self.held, self.held.telling.put, self.held.aws, self.held.pace
        watch = Watch(functions=held.places.functions, tokens=held.tokens, session=held, tell=tell)
        limits = Limits(leave=leave.asked, ends_at=held.row.ends_at, idle_for=self.options.until_idle)
        async with (
            ended(self._compare()) as comparing,
            ended(layers.fetch(tuple(held.settings.values()))) as fetching,
        ):
            # To arm hundreds of functions takes a minute: who wants to end does not wait for it.
            armed = await unless(leave.asked, arming) or {}
            looked_at = {name: held.settings[name] for name in armed}
            silence = watch_silence(aws, looked_at, service.heard, tell, pace, some=bool(held.where))
            async with ended(silence) as silent, ended(watch.run(armed)) as holding:
                ends, others = [service.serving, holding], [silent, comparing, fetching]
                return await until_over(
                    aws, held.infrastructure, limits, service, pace, ends=ends, others=others
                )

    async def _compare(self) -> None:
        """Tell of which functions the code of this machine is not what is deployed; tidy the copies."""
        deployed = [(each.package, each.source.folder, each.source.handler) for each in self.candidates]
        found = await find_differences(self.held.aws, deployed)
        differing = tuple(
            DifferingCode(function=each.name, files=files[:MOST_FILES], count=len(files))
            for each, files in zip(self.candidates, found, strict=True)
            if files
        )
        if differing:
            self.held.telling.put(CodeDiffers(functions=differing))
        await asyncio.to_thread(remove_unused)

    async def _detach(self, reason: Reason, link: Link, service: Service) -> AttachFinished:
        """Take no more invocations, let those under way finish, restore each function once it is quiet.

        AWS would let an invocation finish in a function that is changed; emulators end it.
        """
        telling = self.held.telling
        telling.put(Detaching(reason=reason, in_hand=len(link.in_hand)))
        await _tell_sandboxes(link.detach())
        events = await self._restore_all(telling.put, service)
        await telling.flush()
        return AttachFinished(
            invocations=service.runner.invocations,
            failed=service.runner.failed,
            restored=sum(isinstance(each, Restored) and each.how == "restored" for each in events),
            left_armed=tuple(each.function for each in events if isinstance(each, FunctionRefused)),
            shared=sum(isinstance(each, Restored) and each.how == "left" for each in events),
        )

    async def _withdraw(self, leave: Leave, connected: asyncio.Event) -> None:
        """Once the caller waits no longer, let nobody find this session, and tell what is restored."""
        leave.withdrawn.clear()
        try:
            await connected.wait()  # before, its row may still be on the way to the table
            await leave.at_once.wait()
            await gather_all(forget_row(self.held.aws, self.held.row), self.held.until_restored())
            with suppress(TimeoutError):  # the reader may be the one who waits for this
                async with asyncio.timeout(self.held.pace.read_within):
                    await self.held.telling.flush()
        finally:
            leave.withdrawn.set()

    @asynccontextmanager
    async def restore_on_failure(self, link: Link, arming: Arming) -> AsyncIterator[None]:
        """If the block fails or is cancelled, restore what was armed, however often it is cancelled then."""
        telling = self.held.telling
        try:
            yield
        except BaseException as error:
            # Whoever has cancelled does not listen any more; functions are restored all the same.
            heard = isinstance(error, Exception)
            await finish(self._detach_after_failure(link, arming, telling.put if heard else lambda _: None))
            if heard:
                await telling.flush()
            raise

    async def _detach_after_failure(
        self, link: Link, arming: Arming, tell: Callable[[AttachEvent], None]
    ) -> None:
        await cancel_all([arming])  # else a function might be armed after it was restored
        tell(Detaching(reason="failed", in_hand=len(link.in_hand)))
        # Nobody runs what is in hand to its end: without a word its callers would wait for a minute.
        async with ended(_tell_sandboxes(link.abandon())) as answering:
            await self._restore_all(tell)  # to the end, also if there is a bug in answering
            await answering

    async def _restore_all(
        self, tell: Callable[[AttachEvent], None], service: Service | None = None
    ) -> tuple[Restored | FunctionRefused, ...]:
        """Restore what this session has armed, with a service each once it is quiet.

        Raises:
            PlldbError: nothing is heard any more, so that what is under way cannot be waited for.
        """

        async def restore_one(name: str) -> Restored | FunctionRefused:
            if service is not None:
                await service.until_quiet(name)
            waits = service is not None and self.options.wait_for_sign_in
            return await self.held.restore(name, tell, wait_for_sign_in=waits)

        restoring = [restore_one(each.name) for each in self.candidates]
        # A bug in restoring one is none in restoring the others, which nobody does any more after this.
        return await gather_all(*(restoring if service else map(finish, restoring)))


async def _tell_sandboxes(detaching: Coroutine[None, None, None]) -> None:
    """Detach; raises nothing: where that cannot be written down, the sandboxes are told all the same."""
    try:
        await detaching
    except PlldbError as error:
        log.info("detaching cannot be written down: %s", type(error).__name__)
