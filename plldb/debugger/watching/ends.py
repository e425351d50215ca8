"""Waits until a session is over, whatever ends it. Talks to CloudFormation and the clock."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from plldb.aws.session import Aws
from plldb.debugger.arming.naming.stacks import Infrastructure
from plldb.debugger.pace import Pace
from plldb.debugger.watching.idle import until_idle
from plldb.debugger.watching.infrastructure import watch_infrastructure
from plldb.debugger.watching.lease import until_clock
from plldb.tasks import cancel_all, until_one

Reason = Literal["asked", "lease", "idle", "none-left"]
"""Why a session is over, unless it has failed; see `plldb.debugger.events.attach.Detaching`."""


class Traffic(Protocol):
    """The invocations that come to a session."""

    @property
    def lost(self) -> asyncio.Event:
        """Set while the connection is."""

    def is_busy(self) -> bool:
        """Whether an invocation runs, or its answer has not been taken yet."""

    def count(self) -> int:
        """How many have come so far."""


@dataclass(frozen=True, slots=True)
class Leave:
    """How the caller of a session ends it.

    ``asked``: it is to come to its own end. ``at_once``: the caller does not wait for that; nobody is to find
    the session any more, and ``withdrawn`` is set while that is so: before the session connects, too.
    """

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: asyncio.Event = field(default_factory=asyncio.Event)
    withdrawn: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What ends a session: ``leave`` is set, POSIX time ``ends_at``, ``idle_for`` seconds without traffic."""

    leave: asyncio.Event
    ends_at: int
    idle_for: float | None


async def until_over(
    aws: Aws,
    infrastructure: Infrastructure,
    limits: Limits,
    traffic: Traffic,
    pace: Pace,
    *,
    ends: Sequence[asyncio.Task[None]],
    others: Sequence[asyncio.Task[None]],
) -> Reason:
    """Wait for one of ``limits``, or until one of ``ends`` does: then nothing is left to be served.

    ``others`` may end before; a bug there is raised, as any other.

    Raises:
        PlldbError: the link has ended, or plldb's stack is gone.
    """
    looking = asyncio.create_task(watch_infrastructure(aws, infrastructure, traffic.lost, pace))
    lease = asyncio.create_task(until_clock(limits.ends_at, pace.look))
    leaving = asyncio.create_task(limits.leave.wait())
    idle_for = math.inf if limits.idle_for is None else limits.idle_for
    idle = asyncio.create_task(until_idle(idle_for, traffic.is_busy, traffic.count, pace.look))
    mine: set[asyncio.Task[Any]] = {leaving, looking, lease, idle}
    try:
        done = await until_one({*ends, *mine}, others)  # raises why there is nothing more to serve
    finally:
        await cancel_all(mine)
    if limits.leave.is_set():
        return "asked"
    return "lease" if lease in done else "idle" if idle in done else "none-left"
