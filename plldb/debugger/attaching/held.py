"""The functions of one session: armed, armed again, restored. Talks to Lambda and DynamoDB."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace

from plldb.aws.session import Aws
from plldb.debugger.arming import operate
from plldb.debugger.arming.examine import Function
from plldb.debugger.arming.functions import find_armed_versions
from plldb.debugger.arming.holders import Holder, Holding
from plldb.debugger.arming.mutex import read_hold
from plldb.debugger.arming.naming.stacks import Infrastructure, read_infrastructure
from plldb.debugger.arming.operate import Armed, Places, Plan, Refused
from plldb.debugger.arming.restore import holder_of, refused_event, restored_event
from plldb.debugger.attaching.plan import Candidate
from plldb.debugger.attaching.sign_in import SignIn
from plldb.debugger.attaching.telling import Telling
from plldb.debugger.events.attach import AttachEvent
from plldb.debugger.events.functions import FunctionArmed, FunctionShared
from plldb.debugger.events.restore import FunctionRefused, Restored, VersionArmed
from plldb.debugger.link.rows import SessionRow
from plldb.debugger.pace import Pace
from plldb.debugger.workers.settings import FunctionSettings
from plldb.errors import CredentialsError, PlldbError

log = logging.getLogger(__name__)

Connect = Callable[[str, str], Awaitable[None]]
"""Waits until this machine is connected, and has it answer the agents of a function that have this token."""


@dataclass(eq=False, slots=True, kw_only=True)
class HeldFunctions:
    """The functions of a session, and what it knows of each; that changes while it lasts.

    Its tasks share it on one event loop, and at any time a function is looked after by one of them: it is
    armed, then watched, then restored. So no lock is needed.

    Attributes:
        tokens: those of the agents, by function; `arm` changes one where others share the function.
        settings: what workers run, by function; `arm`, `arm_again` and `use` change them to what is deployed.
        where: the conditions of the session.
        sign_in: is told whether AWS accepts the caller's credentials.
        told_versions: name of a function and version, of which was told.
        restoring: of each restoring under way, what it sets at its end.
    """

    places: Places
    row: SessionRow
    infrastructure: Infrastructure
    url: str
    tokens: dict[str, str]
    settings: dict[str, FunctionSettings]
    where: tuple[str, ...]
    telling: Telling
    sign_in: SignIn = field(init=False)
    told_versions: set[tuple[str, str]] = field(default_factory=set)
    restoring: set[asyncio.Future[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.sign_in = SignIn(self.telling.put, goes_on=lambda: self.aws.finds_new_credentials)

    @property
    def aws(self) -> Aws:
        """Where all requests go."""
        return self.places.functions.aws

    @property
    def pace(self) -> Pace:
        """How long to wait for what."""
        return self.places.functions.pace

    async def arm(self, candidate: Candidate, connect: Connect) -> Armed | FunctionRefused:
        """Arm a function as soon as this machine is connected and listens to its agents, and tell it."""
        name = candidate.name
        plan = replace(
            self._plan(self.infrastructure),
            instead_of=candidate.instead_of,
            taken=candidate.hold,
            takes_over=candidate.taken,
            seen=candidate.seen,
        )

        async def ready(token: str) -> None:
            await connect(name, token)
            self.tokens[name] = token

        outcome = await operate.arm(self.places, name, plan, self.tokens[name], ready)
        await connect(name, self.tokens[name])
        if not isinstance(outcome, Armed):
            event = refused_event(name, outcome)
            self.telling.put(event)
            return event
        self.use(name, outcome.before)
        self.telling.put(FunctionArmed(function=name))
        if outcome.others:
            self.telling.put(FunctionShared(function=name, others=tuple(map(holder_of, outcome.others))))
        return outcome

    async def arm_again(self, name: str) -> Armed | Refused:
        """Arm a function that was deployed, if this session still holds it.

        Raises:
            PlldbError: AWS refused something, or plldb's stack is gone.
        """
        # plldb's own stack may have been updated meanwhile, and the layer with it.
        plan = self._plan(await read_infrastructure(self.aws))
        outcome = await operate.arm_again(self.places, name, plan, self.tokens[name])
        if isinstance(outcome, Armed):
            self.use(name, outcome.before)
        return outcome

    def use(self, name: str, deployed: Function) -> None:
        """Run a function from now on as it is deployed; its source stays the one of this machine."""
        self.settings[name] = replace(
            self.settings[name],
            handler=deployed.handler,
            runtime=deployed.runtime,
            timeout=deployed.settings.timeout,
            variables=deployed.settings.variables,
            layers=deployed.settings.layers,
            **asdict(deployed.execution),
        )

    async def restore(
        self,
        name: str,
        tell: Callable[[AttachEvent], None] | None = None,
        *,
        wait_for_sign_in: bool = False,
    ) -> Restored | FunctionRefused:
        """Restore a function, unless somebody else holds it, and tell it; raises nothing.

        ``tell`` is told instead of the session's reader. ``wait_for_sign_in``: while AWS does not accept the
        credentials it is tried again, if a new login can be found.
        """
        # Each function asks for itself: hundreds of them shall not ask hundreds of times a second.
        wait = max(self.pace.sign_in, len(self.settings) / self.pace.looks_a_second)
        while True:
            event = await self._restore_once(name)
            waits = wait_for_sign_in and self.aws.finds_new_credentials
            if isinstance(event, Restored) or event.reason != CredentialsError.code or not waits:
                (tell or self.telling.put)(event)
                return event
            self.sign_in.needed(event.message)
            await asyncio.sleep(wait)

    async def until_restored(self) -> None:
        """Wait for what is being restored at this moment."""
        if self.restoring:
            await asyncio.wait([*self.restoring])

    async def _restore_once(self, name: str) -> Restored | FunctionRefused:
        ended = asyncio.get_running_loop().create_future()
        self.restoring.add(ended)
        try:
            outcome = await operate.restore(self.places, name, self._leaves)
        except PlldbError as error:
            return FunctionRefused(function=name, reason=error.code, message=error.message)
        finally:
            self.restoring.remove(ended)
            ended.set_result(None)
        if isinstance(outcome, operate.Released):
            return restored_event(name, outcome)
        if outcome.held:  # it was never ours, or is not any more
            return Restored(function=name, how="nothing-to-do")
        return refused_event(name, outcome)

    def _leaves(self, each: Holding) -> bool:
        """Tell who leaves a function's row together with this session: it, and whose lease is over."""
        return each.holder.session == self.row.id or each.lease_until <= time.time()

    async def still_holds(self, name: str) -> bool:
        """Return whether this session still is in the function's row; asked only where there may be others.

        Raises:
            AwsError: DynamoDB refused, or could not be reached.
        """
        if not self.where:
            return True
        hold = await read_hold(self.places.table, self.settings[name].arn)
        return hold is not None and hold.of(self.row.id) is not None

    async def tell_versions(self, name: str) -> None:
        """Tell of each version that was published while its function was armed, once."""
        try:
            versions = await find_armed_versions(self.places.functions, name)
        except PlldbError as error:  # to know of them is worth no session
            log.info("the versions of %s cannot be listed: %s", name, type(error).__name__)
            return
        for version in versions:
            if (name, version.version) not in self.told_versions:
                self.told_versions.add((name, version.version))
                event = VersionArmed(function=name, function_version=version.version, aliases=version.aliases)
                self.telling.put(event)

    def _plan(self, infrastructure: Infrastructure) -> Plan:
        row = self.row
        return Plan(
            holder=Holder(session=row.id, who=row.who, host=row.host, stack=row.stack),
            layer=infrastructure.layer,
            url=self.url,
            now=int(time.time()),
            lease_until=row.ends_at,
            where=self.where,
        )
