"""The events of a replay in words, and its live line. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from plldb.cli.debugger.plan import function_lines
from plldb.cli.debugger.session import SessionWords, port_text
from plldb.cli.output.layout import Item, Line, last_line, warning
from plldb.cli.output.live import Activity, Bar
from plldb.cli.output.text import counted
from plldb.debugger.events.invocations import InvocationFinished, InvocationStarted
from plldb.debugger.events.replay import Replayed, ReplayFinished, ReplayStarted

if TYPE_CHECKING:
    from plldb.debugger.events.replay import ReplayEvent

_THEN = {"answered": "answered", "failed": "failed with", "cancelled": "was cancelled"}
LONGEST_ANSWER = 500
"""Characters of an answer that are shown to a person; ``--output json`` has all of it."""


class ReplayWords:
    """Fed with the events of one replay in order, puts each into words; ``waits`` as in `SessionWords`."""

    def __init__(self, *, waits: bool = False) -> None:
        self._session = SessionWords(waits=waits)

    def say(self, event: ReplayEvent, now: datetime) -> list[Item]:  # noqa: ARG002 - as all commands
        """Return what is to be said now that ``event`` has come."""
        match event:
            case ReplayStarted():
                return self._begin(event)
            case Replayed():
                return self._answer(event)
            case ReplayFinished():
                return [last_line(finished_text(event), good=not event.failed)]
            case _:
                return self._session.say(event)

    def _begin(self, event: ReplayStarted) -> list[Item]:
        text = f"{event.plldb_version}, replay of {counted(event.files, 'recording')}"
        lines: list[Item] = [Line(name="plldb", text=text, tone="strong")]
        lines += function_lines(self._session.name_functions(event.functions), event.functions)
        if event.followed:
            lines.append(Line(name="debugger", text="that of the editor stops in the functions"))
        elif event.debug_port is not None:
            text = port_text(event.debug_port, waits=self._session.waits)
            lines.append(Line(name="debugger", text=text))
        return lines

    def _answer(self, event: Replayed) -> list[Item]:
        number = self._session.number_of(event.request_id)
        lines: list[Item] = []
        if event.outcome == "answered":
            lines.append(Line(name=number, text=_short(event.answer), tone="dim"))
        if not event.same:
            had_none = "" if event.recorded_outcome == "cancelled" else "no answer"
            then = f"{_THEN.get(event.recorded_outcome, 'gave')} {_short(event.recorded_answer) or had_none}"
            text = f"not as recorded: then it {then.rstrip()}"
            lines.append(warning(number, text))
        return lines


def _short(answer: str) -> str:
    return answer if len(answer) <= LONGEST_ANSWER else f"{answer[:LONGEST_ANSWER]}…"


def finished_text(event: ReplayFinished) -> str:
    """Say how a replay has ended."""
    failed = f", {event.failed} failed" if event.failed else ""
    differing = f", {event.differing} not as recorded" if event.differing else ""
    return f"replayed: {counted(event.invocations, 'invocation')}{failed}{differing}"


class ReplayProgress:
    """How far a replay is that began at ``began`` (POSIX seconds). ``done`` counts what has ended."""

    def __init__(self, began: float) -> None:
        self.done = 0
        self._began = began
        self._files = 0
        self._running: dict[str, float] = {}

    def add(self, event: ReplayEvent, now: float) -> None:
        """Take the next event."""
        match event:
            case ReplayStarted(files=files):
                self._files = files
            case InvocationStarted(function=function):
                self._running[function] = now
            case InvocationFinished(function=function):
                self._running.pop(function, None)
                self.done += 1
            case _:
                pass

    def activity(self, now: float) -> Activity:
        """Return what it is busy with."""
        return Activity(
            seconds=now - self._began,
            bar=Bar(done=self.done, total=self._files or None),
            verb="running",
            waiting=tuple((name, now - since) for name, since in self._running.items()),
            otherwise="reading",
        )
