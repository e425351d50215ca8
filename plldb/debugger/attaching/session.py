"""An attached session: armed, served, restored. Talks to AWS and to workers."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from plldb.aws.session import Aws
from plldb.debugger.arming.examine import Function
from plldb.debugger.arming.operate import Armed, Places
from plldb.debugger.arming.stacks import Infrastructure
from plldb.debugger.attaching.held import Connect, HeldFunctions
from plldb.debugger.attaching.options import AttachOptions, OpenWorkers
from plldb.debugger.attaching.plan import Candidate, nothing_left
from plldb.debugger.attaching.serve import Service, Workers
from plldb.debugger.attaching.telling import Telling
from plldb.debugger.editors.files import find_file, write_entry
from plldb.debugger.editors.started import is_followed
from plldb.debugger.events.attach import (
    Attached,
    AttachEvent,
    AttachFinished,
    CodeDiffers,
    Detaching,
    DifferingCode,
)
from plldb.debugger.events.connection import SessionConnected
from plldb.debugger.events.restore import FunctionRefused, Restored
from plldb.debugger.link.link import Link, open_link
from plldb.debugger.link.rows import SessionRow, forget_row
from plldb.debugger.pace import Pace
from plldb.debugger.recordings.recorder import open_recorder
from plldb.debugger.watching.deployments import Watch
from plldb.debugger.watching.ends import Leave, Limits, Reason, until_over
from plldb.debugger.watching.silence import watch_silence
from plldb.debugger.workers.project.cache import remove_unused
from plldb.debugger.workers.project.compare import find_differences
from plldb.debugger.workers.project.layers import Home, open_layers
from plldb.debugger.workers.source import Project, Source
from plldb.errors import PlldbError
from plldb.tasks import cancel_all, ended, finish, gather_all, unless

log = logging.getLogger(__name__)

MOST_FILES = 3
"""How many files of a function are named that are not as deployed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRun:
    """A session whose functions are known: armed, served and restored by `run`."""

    aws: Aws
    places: Places
    options: AttachOptions
    open_workers: OpenWorkers
    row: SessionRow
    infrastructure: Infrastructure
    url: str
    candidates: tuple[Candidate, ...]
    pace: Pace

    async def run(self, telling: Telling, leave: Leave) -> AttachFinished:
        """Open what is needed, arm, serve; restore in any case."""
        loop = asyncio.get_running_loop()
        settings = {each.name: each.settings for each in self.candidates}
        tokens = {each.name: secrets.token_hex(32) for each in self.candidates}
        held = HeldFunctions(
            aws=self.aws,
            places=self.places,
            row=self.row,
            infrastructure=self.infrastructure,
            url=self.url,
            tokens=tokens,
            settings=settings,
            where=self.options.where,
            telling=telling,
        )
        began, connected = loop.time(), asyncio.Event()
        homes = {each.name: _home_of(each.source) for each in self.candidates}

        async def connect(name: str, token: str) -> None:
            await connected.wait()
            link.use_token(name, token)

        async with (
            open_layers(self.places.functions, homes, telling.put) as layers,
            self.open_workers(replace(self._project(), layers=layers.of), settings) as workers,
            # Mutexes are taken while this machine connects; no function is changed before it has.
            ended(self._arm_all(held, telling, workers, connect)) as arming,
            open_link(self.aws, websocket=self.url, row=self.row, tokens=tokens, pace=self.pace) as link,
            ended(self._withdraw(leave, held, telling)),
        ):
            telling.put(SessionConnected(seconds=loop.time() - began))
            # Whoever is asked to stop from now on has to know that there is something to put back.
            await telling.flush()
            connected.set()
            folders = {each.name: each.source.folder for each in self.candidates}
            recorder = await open_recorder(self.options.record, settings, telling.put)
            service = Service(
                link,
                workers,
                self.places.table,
                folders,
                telling,
                held.sign_in_needed,
                self.pace,
                keep=recorder.keep if recorder else None,
            )
            serving = asyncio.create_task(service.run())
            watching: list[asyncio.Task[None]] = []
            try:
                comparing = asyncio.create_task(self._compare(telling))
                fetching = asyncio.create_task(layers.fetch(tuple(settings.values())))
                watching += [comparing, fetching]
                # To arm hundreds of functions takes a minute: who wants to end does not wait for it.
                armed = await unless(leave.asked, arming) or {}
                looked_at = {name: settings[name] for name in armed}
                silence = watch_silence(
                    self.aws,
                    looked_at,
                    service.heard,
                    telling.put,
                    self.pace,
                    some=bool(self.options.where),
                )
                watch = Watch(functions=self.places.functions, tokens=tokens, session=held, tell=telling.put)
                holding, silent = asyncio.create_task(watch.run(armed)), asyncio.create_task(silence)
                watching += [holding, silent]
                reason = await until_over(
                    self.aws,
                    self.infrastructure,
                    Limits(leave=leave.asked, ends_at=self.row.ends_at, idle_for=self.options.until_idle),
                    service,
                    self.pace,
                    ends=[serving, holding],
                    others=[silent, comparing, fetching],
                )
                await cancel_all(watching)
                workers.release()  # what waits for a debugger would be in hand for ever
                return await self._detach(held, reason, link, service, telling)
            except BaseException as error:
                await cancel_all([arming])
                # Whoever has cancelled does not listen any more; functions are restored all the same.
                heard = isinstance(error, Exception)
                if heard:
                    telling.put(Detaching(reason="failed", in_hand=len(link.in_hand)))
                await finish(self._restore_all(held, telling.put if heard else lambda _: None))
                if heard:
                    await telling.flush()
                raise
            finally:
                await cancel_all([serving, *watching])
                await service.close()

    def _project(self) -> Project:
        """Return the project; what the deployed code has decided stays, whatever is deployed meanwhile."""
        decided = {each.name: each.source.folder for each in self.candidates if each.source.as_deployed}
        project = self.options.project
        return replace(project, code={**decided, **project.code})

    async def _arm_all(
        self, held: HeldFunctions, telling: Telling, workers: Workers, connect: Connect
    ) -> dict[str, Function]:
        """Arm all that can be as soon as this machine is connected; return how those were deployed."""
        outcomes = await gather_all(*[held.arm(each, connect) for each in self.candidates])
        pairs = zip(self.candidates, outcomes, strict=True)
        armed = {each.name: outcome.before for each, outcome in pairs if isinstance(outcome, Armed)}
        if not armed:
            raise nothing_left([each for each in outcomes if isinstance(each, FunctionRefused)])
        names = tuple(armed)
        port = workers.debug_port
        until = self.row.ends_at
        telling.put(Attached(functions=names, debug_port=port, lease_until=until, followed=is_followed()))
        if self.options.write_launch and port is not None:
            telling.put(await asyncio.to_thread(write_entry, find_file(self.options.code), port))
        await gather_all(*[held.tell_versions(name) for name in names])
        return armed

    async def _compare(self, telling: Telling) -> None:
        """Tell of which functions the code of this machine is not what is deployed; tidy the copies."""
        deployed = [(each.package, each.source.folder, each.source.handler) for each in self.candidates]
        found = await find_differences(self.aws, deployed)
        differing = tuple(
            DifferingCode(function=each.name, files=files[:MOST_FILES], count=len(files))
            for each, files in zip(self.candidates, found, strict=True)
            if files
        )
        if differing:
            telling.put(CodeDiffers(functions=differing))
        await asyncio.to_thread(remove_unused)

    async def _detach(
        self,
        held: HeldFunctions,
        reason: Reason,
        link: Link,
        service: Service,
        telling: Telling,
    ) -> AttachFinished:
        """Take no more invocations, let those under way finish, restore each function once it is quiet.

        AWS would let an invocation finish in a function that is changed; emulators end it.
        """
        telling.put(Detaching(reason=reason, in_hand=len(link.in_hand)))
        try:
            await link.detach()
        except PlldbError as error:  # what is running is answered all the same
            log.info("detaching cannot be written down: %s", type(error).__name__)
        events = await self._restore_all(held, telling.put, service)
        await telling.flush()
        return AttachFinished(
            invocations=service.invocations,
            failed=service.failed,
            restored=sum(isinstance(each, Restored) and each.how == "restored" for each in events),
            left_armed=tuple(each.function for each in events if isinstance(each, FunctionRefused)),
            shared=sum(isinstance(each, Restored) and each.how == "left" for each in events),
        )

    async def _withdraw(self, leave: Leave, held: HeldFunctions, telling: Telling) -> None:
        """Once the caller waits no longer, let nobody find this session, and tell what is restored."""
        try:
            await leave.at_once.wait()
            await gather_all(forget_row(self.aws, self.row), held.until_not_restoring())
            await telling.flush()
        finally:
            leave.withdrawn.set()

    async def _restore_all(
        self, held: HeldFunctions, tell: Callable[[AttachEvent], None], service: Service | None = None
    ) -> tuple[Restored | FunctionRefused, ...]:
        """Restore what this session has armed, with a service each once it is quiet; raises nothing."""

        async def restore_one(name: str) -> Restored | FunctionRefused:
            if service is not None:
                await service.until_quiet(name)
            if service is not None and self.options.wait_for_sign_in:
                return await held.restore_signed_in(name, tell)
            return await held.restore(name, tell)

        return await gather_all(*[restore_one(each.name) for each in self.candidates])


def _home_of(source: Source) -> Home:
    return Home((source.folder, *source.layers), source.python)
