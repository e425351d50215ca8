"""Events of the debugger in words, for people. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plldb.cli.debugger.invoke import invoked_lines
from plldb.cli.debugger.lines import left_line
from plldb.cli.debugger.session import SessionWords
from plldb.cli.debugger.status import held_text, person, stacks_text, status_lines
from plldb.cli.header import target_lines
from plldb.cli.hints import RegionWords
from plldb.cli.output.layout import Item, Line, last_line, warning
from plldb.cli.output.text import counted
from plldb.debugger.events.attach import Attached, AttachFinished, AttachPlanned
from plldb.debugger.events.invoke import Invoked
from plldb.debugger.events.restore import (
    FunctionRefused,
    Restored,
    RestoreFinished,
    Started,
    TakeOverPlanned,
    VersionArmed,
)
from plldb.debugger.events.status import DebuggerStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plldb.cli.hints import Where
    from plldb.cli.invocation import Invocation
    from plldb.debugger.events.attach import AttachEvent
    from plldb.debugger.events.restore import HeldFunction, RestoreEvent


class Words(RegionWords):
    """Fed with the events of one region in order, puts each into words."""

    def __init__(self, asked: Invocation, region: str | None) -> None:
        super().__init__(asked, region)
        self._held = False
        self._planning = False
        self._attached = False
        self._lease_until = 0
        self._session = SessionWords(waits=asked.values.get("wait", False))

    def say(self, event: RestoreEvent | AttachEvent | DebuggerStatus | Invoked, now: datetime) -> list[Item]:
        """Return what is to be said now that ``event`` has come."""
        match event:
            case Started():
                self.target = event.target
                self._planning = self._attached = event.operation == "attach"
                text = f"{event.plldb_version}, {_what(event, self.asked.values['names'])}"
                return [Line(name="plldb", text=text, tone="strong"), *target_lines(event.target)]
            case TakeOverPlanned(functions=functions):
                return [line for each in functions for line in _held_lines(each, now)]
            case FunctionRefused():
                return self._refused(event)
            case VersionArmed():
                return [version_line(event.function, event.function_version, event.aliases)]
            case Restored(how="left"):
                return [left_line(event)]
            case Restored(function=function, how=how):
                if self._attached and how != "restored":  # it was refused before, or its going was told
                    return []
                return [Line(mark="done", name="restored", text=function)]
            case RestoreFinished():
                return self._finished(event)
            case DebuggerStatus():
                self.target = event.target
                return [*status_lines(event, self.where, now)]
            case Invoked():
                self.target = event.target
                return [*invoked_lines(event)]
            case AttachPlanned(lease_until=lease_until):
                self._lease_until = lease_until
                return [*self._session.say(event), *self._others()]
            case Attached():
                self._planning = False
                return self._session.say(event)
            case AttachFinished(left_armed=left):
                return [*self._session.say(event), *self._left_armed(left)]
            case _:
                return self._session.say(event)

    def _left_armed(self, names: tuple[str, ...]) -> list[Item]:
        if not names:
            return []
        command = restore_command(self.asked, self.where)
        until = f"{datetime.fromtimestamp(self._lease_until, UTC):%Y-%m-%d %H:%M} UTC"
        text = f"`{command}` puts them back, from any machine; without that their lease ends at {until}"
        return [Line(name="next", text=text)]

    def _others(self) -> list[Item]:
        if not self._held:
            return []
        command = self.where.command("attach", options=(*self.asked.words, "--take-over"))
        return [Line(name="next", text=f"`{command}` takes what others hold, too, and tells them")]

    def _refused(self, event: FunctionRefused) -> list[Item]:
        self._held = self._held or event.reason == "held"
        text = f"{event.function} is left as it is: {event.message}"
        if event.reason in ("no-code", "several-folders"):
            text += f" `--code {event.function}=DIR` names it, too."
        if event.shared_by_conditions and self.asked.name == "attach":
            text += "; `--where` with conditions of your own lets both have it"
        if self._planning:  # nothing is wrong with a stack that has functions of another language
            return [Line(mark="warn", name="left", text=text)]
        return [Line(mark="fail", name="left", text=text, tone="bad")]

    def _finished(self, event: RestoreFinished) -> list[Item]:
        lines: list[Item] = [last_line(finished_text(event), good=event.outcome != "not_restored")]
        if self._held:
            command = self.where.command("restore", options=(*self.asked.words, "--take-over"))
            lines.append(Line(name="next", text=f"`{command}` restores what others hold, too"))
        return lines


def _what(event: Started, names: Sequence[str]) -> str:
    """Say what is done to what: to stacks; without any to what was named, of ARNs the name."""
    stacks = stacks_text(event.stack_name)
    others = ", ".join(name.rpartition(":function:")[2] for name in names)
    if event.operation == "attach":
        return f"attach to {stacks or others}"
    return f"restore of {f'the functions of {stacks}' if stacks else others or 'all functions'}"


def restore_command(asked: Invocation, where: Where) -> str:
    """Return the command line that puts back what a session has armed."""
    stacks = (word for stack in asked.values["stacks"] for word in ("--stack-name", stack))
    return where.command("restore", options=(*asked.values["names"], *stacks))


def _held_lines(function: HeldFunction, now: datetime) -> list[Line]:
    return [warning("held", f"{function.function}: {held_text(each, now)}") for each in function.holders]


def finished_text(event: RestoreFinished) -> str:
    """Say how a restore has ended."""
    if not (event.restored or event.refused or event.shared):
        return "nothing to restore: all is as deployed"
    shared = f", {event.shared} left to others" if event.shared else ""
    as_is = "as it is" if event.refused == 1 else "as they are"
    refused = f", {event.refused} left {as_is}" if event.refused else ""
    return f"{counted(event.restored, 'function')} restored{shared}{refused}"


def version_line(function: str, version: str, aliases: tuple[str, ...]) -> Line:
    """Say what a version is that was published while its function was armed."""
    alias = f" ({'aliases' if len(aliases) > 1 else 'alias'} {', '.join(aliases)})" if aliases else ""
    text = (
        f"{function}: version {version}{alias} was published while the debugger was on it. It runs as "
        "deployed, with the debugger's layer; publish a new version to be rid of that"
    )
    return warning("version", text)


def question(event: object) -> str | None:
    """Return what a person is asked once ``event`` has come; None for nothing."""
    if isinstance(event, AttachPlanned):
        return f"Attach to {counted(len(event.functions), 'function')}?"
    if not isinstance(event, TakeOverPlanned):
        return None
    holders = [holder for each in event.functions for holder in each.holders]
    who = ", ".join(dict.fromkeys(person(each.who) for each in holders))
    return f"Take {counted(len(event.functions), 'function')} away from {who}?"
