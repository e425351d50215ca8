"""The live line of a command of the debugger, and what is armed so far. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.debugger.plan import short_names
from plldb.cli.output.live import Activity
from plldb.debugger.events.attach import Attached, AttachFinished, AttachPlanned, Detaching
from plldb.debugger.events.connection import SessionConnected
from plldb.debugger.events.functions import FunctionArmed, FunctionDeployed
from plldb.debugger.events.invocations import InvocationFinished, InvocationStarted
from plldb.debugger.events.invoke import Invoked
from plldb.debugger.events.restore import FunctionRefused, Restored, Started
from plldb.debugger.events.status import DebuggerStatus

if TYPE_CHECKING:
    from plldb.aws.place import Target
    from plldb.debugger.events import Event


class LiveProgress:
    """What is known of one region's run that began at ``began`` (POSIX seconds) with a phase of this name.

    Once attached, its seconds count from then.

    Attributes:
        target: where it acts; None until that is known.
        armed: the functions that are armed now, as far as was told.
        arming: those that may be armed, too: it is being tried.
        finished: whether the session has told its result: nothing else is armed then.
        lease_until: when they are as deployed again by themselves, in POSIX seconds; 0 before the plan.
    """

    def __init__(self, began: float, phase: str) -> None:
        self.target: Target | None = None
        self.armed: tuple[str, ...] = ()
        self.arming: tuple[str, ...] = ()
        self._refused: set[str] = set()
        self.finished = False
        self.lease_until = 0
        self._began = began
        self._phase = phase
        self._short: dict[str, str] = {}
        self._running: dict[str, tuple[str, float]] = {}

    def add(self, event: Event | DebuggerStatus | Invoked, now: float) -> None:
        """Take the next event."""
        match event:
            case Started(target=target) | DebuggerStatus(target=target) | Invoked(target=target):
                self.target, self._phase = target, "working"
            case AttachPlanned(functions=functions, lease_until=lease_until):
                self.lease_until = lease_until
                self._short = short_names(functions)
            case SessionConnected():
                self.arming = tuple(self._short)
            case FunctionArmed(function=function) | FunctionDeployed(function=function, armed=True):
                self._forget(function)
                self.armed = (*self.armed, function)
            case Restored(function=function) | FunctionDeployed(function=function):
                self._forget(function)
            case FunctionRefused(function=function) if self._phase == "working":
                self._forget(function)
            case FunctionRefused(function=function) if self._phase == "waiting for invocations":
                # A deployment has replaced a part of what arming had put on; the rest cannot be taken out.
                self._forget(function)
                self.armed = (*self.armed, function)
            case FunctionRefused(function=function) if self._phase == "restoring":
                self._refused.add(function)
            case AttachFinished(left_armed=left):
                self.armed, self.arming, self.finished = left, (), True
            case Attached():
                self._phase, self._began = "waiting for invocations", now
            case Detaching():
                self._phase = "restoring"
            case InvocationStarted(request_id=request_id, function=function):
                self._running[request_id] = (self._short.get(function, function), now)
            case InvocationFinished(request_id=request_id):
                self._running.pop(request_id, None)
            case _:
                pass

    @property
    def restoring(self) -> tuple[str, ...]:
        """Those of ``armed`` that are being restored now, so that they may be armed or not."""
        if self._phase != "restoring":
            return ()
        busy = {name for name, _ in self._running.values()}
        quiet = (each for each in self.armed if self._short.get(each, each) not in busy)
        return tuple(each for each in quiet if each not in self._refused)

    def _forget(self, function: str) -> None:
        self.armed = tuple(each for each in self.armed if each != function)
        self.arming = tuple(each for each in self.arming if each != function)

    def activity(self, now: float) -> Activity:
        """Return what the region is busy with."""
        return Activity(
            seconds=now - self._began,
            verb="running",
            waiting=tuple((name, now - since) for name, since in self._running.values()),
            otherwise=self._phase,
            idle=self._phase == "waiting for invocations",
        )
