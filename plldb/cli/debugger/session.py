"""The events of an attached session in words: its plan, its stages, a block for each invocation. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from plldb.cli.debugger.limits import CallerWords, vpc_lines
from plldb.cli.debugger.lines import (
    connection_line,
    denied_line,
    deployed_line,
    detaching_line,
    ended_line,
    files_text,
    finished_line,
    launch_line,
    layer_line,
    relayed_line,
    shared_line,
    silent_line,
    skipped_line,
    unrecorded_line,
)
from plldb.cli.debugger.plan import changes_line, condition_lines, function_lines, short_names
from plldb.cli.output.layout import Item, Line, Tone, last_line, warning
from plldb.cli.output.text import counted, duration
from plldb.debugger.events.attach import (
    Attached,
    AttachFinished,
    AttachPlanned,
    Detaching,
    LaunchEntry,
    RecordingFailed,
)
from plldb.debugger.events.connection import (
    AnswersDelayed,
    ConnectionLost,
    ConnectionRestored,
    SessionConnected,
    SignInNeeded,
)
from plldb.debugger.events.functions import (
    CodeDiffers,
    FunctionArmed,
    FunctionDeployed,
    FunctionRelayed,
    FunctionShared,
    FunctionSilent,
    VisibilityDenied,
)
from plldb.debugger.events.invocations import (
    AnswerLost,
    EventsSkipped,
    InvocationFinished,
    InvocationRefused,
    InvocationStarted,
    Output,
)
from plldb.debugger.events.layers import LayerFetched, LayerMissing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plldb.debugger.events.attach import PlannedFunction, SessionEvent
    from plldb.debugger.events.invocations import InvocationEvent

MOST_DIFFERING = 3
"""How many functions are named whose code is not what is deployed."""


class SessionWords:
    """Fed with the events of one session in order, puts each into words.

    Functions go by their logical ids, which are shorter; invocations by their number, since several at once
    are told line by line. ``waits``: the first invocation is held until a debugger is connected.
    """

    def __init__(self, *, waits: bool = False) -> None:
        self.waits = waits
        self._short: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._callers = CallerWords()

    def say(self, event: SessionEvent) -> list[Item]:
        """Return what is to be said now that ``event`` has come."""
        match event:
            case AttachPlanned():
                return self._plan(event)
            case SessionConnected(seconds=seconds):
                return [Line(mark="done", name="session", text=f"connected after {duration(seconds)}")]
            case FunctionArmed(function=function):
                return [Line(mark="done", name="armed", text=self._name(function))]
            case FunctionShared(function=function, others=others):
                return [shared_line(self._name(function), each) for each in others]
            case Attached():
                return attached_lines(event, waits=self.waits)
            case CodeDiffers():
                return [self._differs(event)]
            case LayerFetched() | LayerMissing():
                return [layer_line(event)]
            case InvocationStarted() | Output() | InvocationFinished() | InvocationRefused() | AnswerLost():
                return self._invocation(event)
            case EventsSkipped():
                return [skipped_line(event)]
            case LaunchEntry():
                return [launch_line(event)]
            case FunctionRelayed(function=function):
                return [relayed_line(self._name(function))]
            case FunctionSilent():
                return [silent_line(self._name(event.function), event)]
            case FunctionDeployed():
                return [deployed_line(self._name(event.function), event)]
            case VisibilityDenied():
                return [denied_line(event)]
            case RecordingFailed():
                return [unrecorded_line(event)]
            case ConnectionLost() | ConnectionRestored() | AnswersDelayed() | SignInNeeded():
                return [connection_line(event)]
            case Detaching():
                return [detaching_line(event)]
            case AttachFinished():
                return [finished_line(event)]
            case _:
                assert_never(event)

    def _name(self, function: str) -> str:
        return self._short.get(function, function)

    def name_functions(self, functions: Sequence[PlannedFunction]) -> Mapping[str, str]:
        """Decide what these functions are called from now on, and return it by their names."""
        self._short = short_names(functions)
        return self._short

    def number_of(self, request_id: str) -> str:
        """Return what an invocation is called."""
        return self._numbers.get(request_id, "")

    def _plan(self, plan: AttachPlanned) -> list[Item]:
        self._callers.held = plan.debug_port is not None
        return [
            *function_lines(self.name_functions(plan.functions), plan.functions),
            *vpc_lines(plan, self._short),
            *condition_lines(plan.where),
            changes_line(plan),
        ]

    def _differs(self, event: CodeDiffers) -> Line:
        named = ", ".join(
            f"{self._name(each.function)} ({files_text(each.files, each.count)})"
            for each in event.functions[:MOST_DIFFERING]
        )
        others = len(event.functions) - MOST_DIFFERING
        more = f" and {counted(others, 'more function')}" if others > 0 else ""
        text = f"your code is not what is deployed: {named}{more}. Yours answers"
        return warning("code", text)

    def _invocation(self, event: InvocationEvent) -> list[Item]:
        if isinstance(event, InvocationStarted):
            self._numbers[event.request_id] = f"#{len(self._numbers) + 1}"
            number = self._numbers[event.request_id]
            text = f"{self._name(event.function)}: {event.trigger} ({event.request_id})"
            return [
                Line(mark="busy", name=number, text=text, tone="strong"),
                *self._callers.say(event, self._numbers),
            ]
        number = self.number_of(event.request_id)
        match event:
            case Output(text=text, stream=stream):
                tone: Tone = "plain" if stream == "stdout" else "dim"
                return [Line(name=number, text=text, tone=tone, verbatim=True)]
            case InvocationFinished():
                return [ended_line(number, self._name(event.function), event)]
            case InvocationRefused(function=function, reason=reason, request_id=request_id):
                text = f"{self._name(function)}: not run: {reason} ({request_id})"
                return [Line(mark="fail", name=number, text=text, tone="bad")]
            case AnswerLost():
                text = "its answer could not be delivered: the sandbox does not respond"
                return [Line(mark="fail", name=number, text=text, tone="bad")]
            case _:
                assert_never(event)


def port_text(port: int, *, waits: bool) -> str:
    """Say where a debugger can connect; ``waits``: the first invocation is held until one has."""
    return f"can connect to 127.0.0.1:{port}" + ("; the first invocation waits for it" if waits else "")


def attached_lines(event: Attached, *, waits: bool) -> list[Item]:
    """Say that functions are attached."""
    port = "" if event.debug_port is None else f"; a debugger {port_text(event.debug_port, waits=waits)}"
    if event.followed:
        port = "; the debugger under which plldb runs stops in them"
    text = f"attached to {counted(len(event.functions), 'function')}{port}"
    return [
        last_line(text, good=True),
        Line(text="Ctrl-C puts everything back"),
    ]
