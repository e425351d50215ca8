"""Notices that functions are deployed while they are armed, and has them armed again. Talks to Lambda.

A deployment writes the settings that it knows, so it takes off some or all of what arming has put on: with
the variables gone the deployed code answers, with the layer alone gone every invocation would fail.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from plldb.debugger.arming.examine import Function
from plldb.debugger.arming.functions import Lambda, read_function
from plldb.debugger.arming.operate import Armed, Refused, as_deployed
from plldb.debugger.arming.settings import is_whole
from plldb.debugger.events.functions import FunctionDeployed
from plldb.errors import CredentialsError, PlldbError, UnreachableError
from plldb.tasks import cancel_all

log = logging.getLogger(__name__)

LOOKS_PER_LIST = 6
"""Versions are listed at every so many looks: that counts among the 15 requests a second, and tells late
at worst that there is one more version."""

DISTURBED_AT_MOST = 5
"""How often in a row a function is armed again while somebody changes it: a deployment has fewer steps."""


class SignIn(Protocol):
    """Whether AWS accepts the caller's credentials."""

    def needed(self, message: str) -> None:
        """Take with which message it does not."""

    def accepted(self) -> None:
        """Take that it does."""


class Session(Protocol):
    """What the session does about a function that was deployed."""

    async def arm_again(self, name: str) -> Armed | Refused:
        """Arm it, if the session still holds it."""

    def use(self, name: str, deployed: Function) -> None:
        """Run it from now on as it is deployed now."""

    async def restore(self, name: str) -> object:
        """Restore it, unless somebody else holds it."""

    async def still_holds(self, name: str) -> bool:
        """Return whether it is held by this session, which others may have taken out."""

    async def tell_versions(self, name: str) -> None:
        """Tell which versions were published since the last time."""

    @property
    def sign_in(self) -> SignIn:
        """What is told whether AWS accepts the caller's credentials."""


State = Literal["whole", "changing", "deployed", "gone"]
"""What the last look at a function has found: all of ours; something of ours missing; the same once more with
nothing changed since, so that the deployment has paused or is over; no such function."""


@dataclass(slots=True)
class _Seen:
    """What is known of one function that is looked at.

    Attributes:
        deployed: as it was deployed when it was last armed.
        revision: at the last look; empty before the first.
        state: at the last look.
        told_failure: of arming it again, which is tried on and on.
        disturbed: how often in a row somebody has changed it while it was armed again.
    """

    deployed: Function
    revision: str = ""
    state: State = "whole"
    told_failure: bool = False
    disturbed: int = 0


def _judge(seen: _Seen, function: Function, token: str) -> Literal["whole", "changing", "deployed"]:
    """Return what a look at a function that is there has found. Pure."""
    if is_whole(function.settings, token):
        return "whole"
    # A deployment changes settings, then code, then settings again: arming between would disturb it.
    waited = seen.state == "changing" and seen.revision == function.revision
    return "deployed" if waited else "changing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What looks at functions, and whom it tells. ``tokens`` are those of the agents, by function."""

    functions: Lambda
    tokens: Mapping[str, str]
    session: Session
    tell: Callable[[FunctionDeployed], None]

    async def run(self, armed: Mapping[str, Function]) -> None:
        """Look until cancelled, or until none is armed by this session; ``armed`` are as deployed.

        An update of one function may take minutes: those that are armed again do not hold the others up.
        """
        pace = self.functions.pace
        left, looks = {name: _Seen(deployed) for name, deployed in armed.items()}, 0
        arming: dict[str, asyncio.Task[bool]] = {}
        try:
            while left:
                wait = max(pace.look_at_functions, len(left) / pace.looks_a_second)
                is_changing = any(each.state == "changing" for each in left.values())
                await asyncio.sleep(pace.settled if is_changing else wait)
                looks += 1
                for name in [name for name, task in arming.items() if task.done()]:
                    if not arming.pop(name).result():
                        del left[name]
                for name in [name for name in left if name not in arming]:
                    look = self._look(name, left[name], list_versions=looks % LOOKS_PER_LIST == 0)
                    if await self._attempt(look, failed=False):
                        again = self._attempt(self._arm_again(name, left[name]), failed=True)
                        arming[name] = asyncio.create_task(again)
        finally:
            await cancel_all(arming.values())

    async def _attempt(self, work: Awaitable[bool], *, failed: bool) -> bool:
        """Return the result, or ``failed`` where AWS refuses or cannot be reached."""
        try:
            result = await work
        except CredentialsError as error:
            self.session.sign_in.needed(error.message)
            return failed
        except PlldbError as error:  # perhaps the next look can be taken
            log.info("a function cannot be looked at: %s", type(error).__name__)
            return failed
        self.session.sign_in.accepted()
        return result

    async def _look(self, name: str, seen: _Seen, *, list_versions: bool) -> bool:
        """Take one look at a function; return whether it is to be armed again."""
        function = await read_function(self.functions, name)
        if function is None:
            if seen.state != "gone":
                self._tell_why_not(name, "gone", "it was deleted")
            seen.state = "gone"
            return False
        if function.updating:
            return False
        is_new = seen.revision not in ("", function.revision)
        seen.state, seen.revision = _judge(seen, function, self.tokens[name]), function.revision
        if list_versions or is_new:
            await self.session.tell_versions(name)
        if seen.state == "whole":
            self._compare(name, seen, as_deployed(function, None))
            # For others who hold it, perhaps: the function does not tell whether this session still does.
            return list_versions and not await self.session.still_holds(name)
        return seen.state == "deployed"

    def _compare(self, name: str, seen: _Seen, now: Function) -> None:
        """Tell of what was deployed without touching what is ours."""
        before, seen.deployed = seen.deployed, now
        code_changed = now.code != before.code
        if code_changed or _run_as(now) != _run_as(before):
            self.session.use(name, now)
            self.tell(FunctionDeployed(function=name, armed=True, code_changed=code_changed))

    async def _arm_again(self, name: str, seen: _Seen) -> bool:
        """Arm it again; return whether it is still this session's to look at."""
        try:
            outcome = await self.session.arm_again(name)
        except (CredentialsError, UnreachableError):  # told otherwise, and of all functions at once
            raise
        except PlldbError as error:
            if not seen.told_failure:  # it is tried again, perhaps for hours: said once
                seen.told_failure = True
                self._tell_why_not(name, error.code, error.message)
            raise
        if isinstance(outcome, Armed):
            code_changed = outcome.before.code != seen.deployed.code
            seen.deployed, seen.told_failure, seen.disturbed = outcome.before, False, 0
            self.tell(FunctionDeployed(function=name, armed=True, code_changed=code_changed))
            return True
        refusal = outcome.refusal
        seen.disturbed += 1
        if refusal.reason == "changed" and seen.disturbed < DISTURBED_AT_MOST:
            return True  # the next step of a deployment that had paused
        holder = outcome.held.who if outcome.held else ""
        self._tell_why_not(name, refusal.reason, refusal.message, holder)
        if not holder and refusal.reason != "given-back":
            await self.session.restore(name)
        return False

    def _tell_why_not(self, name: str, reason: str, message: str, holder: str = "") -> None:
        self.tell(FunctionDeployed(function=name, armed=False, reason=reason, message=message, holder=holder))


def _run_as(function: Function) -> object:
    """What of the settings of a function matters to its code."""
    return function.handler, function.runtime, function.settings, function.execution
