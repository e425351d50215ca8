"""The events of an attached session in words: its plan, its stages, a block for each invocation. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from plldb.cli.debugger.limits import CallerWords, vpc_lines
from plldb.cli.debugger.names import short_names
from plldb.cli.debugger.status import person, where_text
from plldb.cli.output.layout import Item, Line, Tone
from plldb.cli.output.text import counted, duration, size
from plldb.debugger.events.attach import (
    Attached,
    AttachFinished,
    AttachPlanned,
    CodeDiffers,
    Detaching,
    FunctionArmed,
    FunctionDeployed,
    FunctionRelayed,
    FunctionSilent,
    LaunchEntry,
    RecordingFailed,
    VisibilityDenied,
)
from plldb.debugger.events.connection import (
    AnswersDelayed,
    ConnectionLost,
    ConnectionRestored,
    SessionConnected,
    SignInNeeded,
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
    from plldb.debugger.events.connection import ConnectionEvent
    from plldb.debugger.events.invocations import InvocationEvent


MOST_PACKAGES = 5
"""How many packages of a layer are named."""
MOST_DIFFERING = 3
"""How many functions are named whose code is not what is deployed."""


class SessionWords:
    """Fed with the events of one session in order, puts each into words.

    Functions go by their logical ids, which are shorter; invocations by their number, since several at once
    are told line by line.
    """

    def __init__(self) -> None:
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
            case Attached():
                return _attached_lines(event)
            case CodeDiffers():
                return [self._differs(event)]
            case LayerFetched() | LayerMissing():
                return [_layer_line(event)]
            case InvocationStarted() | Output() | InvocationFinished() | InvocationRefused() | AnswerLost():
                return self._invocation(event)
            case EventsSkipped():
                return [Line(mark="warn", name="output", text=_skipped_text(event), tone="warn")]
            case LaunchEntry():
                return [_launch_line(event)]
            case FunctionRelayed(function=function):
                text = (
                    f"{self._name(function)} may not send to this machine directly (403: a VPC with private "
                    "DNS for execute-api?). It goes through plldb's handlers, which is slower"
                )
                return [Line(mark="warn", name="link", text=text, tone="warn")]
            case FunctionSilent():
                text = f"{self._name(event.function)}: {_why_silent(event)} ({event.request_id})"
                return [Line(mark="warn", name="silent", text=text, tone="warn")]
            case FunctionDeployed():
                text = f"{self._name(event.function)} {_deployed_text(event)}"
                return [Line(mark="warn", name="deployed", text=text, tone="warn")]
            case VisibilityDenied(queue=queue, message=message):
                text = (
                    f"messages of {queue} cannot be hidden for longer: {message} What is held beyond the "
                    "queue's visibility timeout is delivered a second time"
                )
                return [Line(mark="warn", name="queue", text=text, tone="warn")]
            case RecordingFailed(folder=folder, message=message):
                text = f"invocations cannot be written into {folder}: {message}. All else goes on"
                return [Line(mark="warn", name="record", text=text, tone="warn")]
            case ConnectionLost() | ConnectionRestored() | AnswersDelayed() | SignInNeeded():
                return [_connection_line(event)]
            case Detaching():
                return [_detaching_line(event)]
            case AttachFinished():
                return [_finished_line(event)]
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
            *_condition_lines(plan.where),
            Line(
                mark="warn",
                name="changes",
                text=f"a layer, a wrapper, the timeout and one variable of {_these(len(plan.functions))}, "
                f"until this ends, at the latest {_clock(plan.lease_until)}",
            ),
        ]

    def _differs(self, event: CodeDiffers) -> Line:
        named = ", ".join(
            f"{self._name(each.function)} ({_files(each.files, each.count)})"
            for each in event.functions[:MOST_DIFFERING]
        )
        others = len(event.functions) - MOST_DIFFERING
        more = f" and {counted(others, 'more function')}" if others > 0 else ""
        text = f"your code is not what is deployed: {named}{more}. Yours answers"
        return Line(mark="warn", name="code", text=text, tone="warn")

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
                return [_ended_line(number, self._name(event.function), event)]
            case InvocationRefused(function=function, reason=reason, request_id=request_id):
                text = f"{self._name(function)}: not run: {reason} ({request_id})"
                return [Line(mark="fail", name=number, text=text, tone="bad")]
            case AnswerLost():
                text = "its answer could not be delivered: the sandbox does not respond"
                return [Line(mark="fail", name=number, text=text, tone="bad")]
            case _:
                assert_never(event)


def _layer_line(event: LayerFetched | LayerMissing) -> Line:
    layer = ":".join(event.layer.split(":")[-2:])
    if isinstance(event, LayerMissing):
        text = (
            f"the layer {layer} cannot be read: {event.message} What your code needs of it has to be in your "
            "Python"
        )
        return Line(mark="warn", name="layer", text=text, tone="warn")
    packages = _files(event.packages[:MOST_PACKAGES], len(event.packages))
    text = f"{layer} was copied to this machine ({size(event.size)}), since your Python lacks {packages}"
    return Line(mark="done", name="layer", text=text)


def function_lines(names: Mapping[str, str], functions: Sequence[PlannedFunction]) -> list[Item]:
    """Say where the code of functions lies, and which Pythons run it; ``names`` is what they are called."""
    pythons = dict.fromkeys(each.python for each in functions)
    return [
        *(
            Line(name="function", text=f"{names[each.function]}: {each.handler} in {each.folder}")
            for each in functions
        ),
        *(Line(name="python", text=python) for python in pythons),
    ]


def _files(names: tuple[str, ...], count: int) -> str:
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"{', '.join(names)}{more}"


def _condition_lines(where: tuple[str, ...]) -> list[Line]:
    if not where:
        return []
    return [
        Line(name="where", text=f"only invocations {where_text(where)}; the others run the deployed code")
    ]


def _these(count: int) -> str:
    return "this function" if count == 1 else f"these {count} functions"


def _clock(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M} UTC"


def _attached_lines(event: Attached) -> list[Item]:
    port = "" if event.debug_port is None else f"; a debugger can connect to 127.0.0.1:{event.debug_port}"
    if event.followed:
        port = "; the debugger under which plldb runs stops in them"
    text = f"attached to {counted(len(event.functions), 'function')}{port}"
    return [
        Line(mark="done", name="plldb", text=text, tone="good"),
        Line(text="Ctrl-C puts everything back"),
    ]


def _ended_line(number: str, name: str, event: InvocationFinished) -> Line:
    took = duration(event.seconds)
    if event.outcome == "answered":
        return Line(mark="done", name=number, text=f"{name} answered after {took}", tone="good")
    if event.outcome == "cancelled":
        text = f"{name} stopped after {took}: nobody waits for it"
        return Line(mark="warn", name=number, text=text, tone="warn")
    where = f", {event.file}:{event.line}" if event.file else ""
    return Line(mark="fail", name=number, text=f"{name}: {event.error}{where}, after {took}", tone="bad")


_LAUNCH = {
    "created": "was made, with the entry plldb for VS Code",
    "added": "has the entry plldb for VS Code now",
    "updated": "has this port in its entry plldb now",
    "unchanged": "has the entry plldb already",
}


def _launch_line(event: LaunchEntry) -> Line:
    if event.change == "refused":
        text = f"{event.file} is left as it is: {event.message}"
        return Line(mark="warn", name="launch", text=text, tone="warn")
    return Line(mark="done", name="launch", text=f"{event.file} {_LAUNCH[event.change]}")


def _why_silent(event: FunctionSilent) -> str:
    if event.function_version != "$LATEST":
        version = event.function_version
        return f"version {version} was invoked, and only $LATEST is debugged. Invoke it without an alias"
    text = "it was invoked, but its deployed code answered"
    if event.in_vpc:
        return (
            f"{text}: from its VPC its sandbox cannot reach plldb's API. Give the VPC a NAT gateway; if it "
            "has an endpoint for execute-api, switch its private DNS off"
        )
    return f"{text}: its sandbox does not reach plldb's API; its log says why, after 'plldb:'"


def _deployed_text(event: FunctionDeployed) -> str:
    if event.armed:
        code = (
            ". Its deployed code has changed; what runs here is the code in your folder"
            if event.code_changed
            else ""
        )
        return f"was deployed in the meantime, and is attached again{code}"
    if event.holder:
        return f"was taken over by {person(event.holder)}, and is not attached any more"
    return f"is not attached any more: {event.message}"


def _skipped_text(event: EventsSkipped) -> str:
    counts = ((event.lines, "line"), (event.invocations, "invocation"))
    what = " and ".join(counted(number, name) for number, name in counts if number)
    return f"{what} not shown, since nobody read them"


def _connection_line(event: ConnectionEvent) -> Line:
    match event:
        case ConnectionLost(reason=reason):
            text = f"connection lost: {reason}; plldb connects again"
            return Line(mark="warn", name="link", text=text, tone="warn")
        case ConnectionRestored(seconds=seconds):
            return Line(mark="done", name="link", text=f"connected again after {duration(seconds)}")
        case SignInNeeded(message=message, goes_on=goes_on):
            way = (
                "Sign in again, in another terminal: plldb then goes on by itself"
                if goes_on
                else "plldb cannot find new ones, since variables, another profile's keys or an MFA code "
                "gave them: end it with Ctrl-C"
            )
            return Line(mark="warn", name="sign in", text=f"{message} {way}", tone="warn")
        case AnswersDelayed(message=message):
            return Line(mark="warn", name="link", text=f"answers are not taken: {message}", tone="warn")
        case _:
            assert_never(event)


_WHY_DETACHING = {
    "asked": "",
    "lease": "the time is over: ",
    "idle": "nothing was invoked: ",
    "none-left": "no function is left: ",
    "failed": "it has failed: ",
}


def _detaching_line(event: Detaching) -> Line:
    why = _WHY_DETACHING[event.reason]
    finishing = event.in_hand and event.reason != "failed"
    rest = f"; {counted(event.in_hand, 'invocation')} may finish" if finishing else ""
    text = f"{why}no new invocations, functions are being restored{rest}"
    return Line(mark="busy", name="plldb", text=text)


def _finished_line(event: AttachFinished) -> Line:
    good = not event.left_armed
    return Line(
        mark="done" if good else "fail",
        name="plldb",
        text=detached_text(event),
        tone="good" if good else "bad",
    )


def detached_text(event: AttachFinished) -> str:
    """Say how a session has ended."""
    failed = f", {event.failed} failed" if event.failed else ""
    left = f", {counted(len(event.left_armed), 'function')} left armed" if event.left_armed else ""
    ran = f"{counted(event.invocations, 'invocation')}{failed}"
    return f"detached: {ran}; {counted(event.restored, 'function')} restored{left}"
