"""The lines of an attached session, each from one event alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from plldb.cli.debugger.status import person, where_text
from plldb.cli.output.layout import Line, last_line, warning
from plldb.cli.output.text import counted, duration, short_time, size
from plldb.debugger.events.connection import (
    AnswersDelayed,
    ConnectionLost,
    ConnectionRestored,
    SignInNeeded,
)
from plldb.debugger.events.layers import LayerFetched, LayerMissing

if TYPE_CHECKING:
    from plldb.debugger.events.attach import AttachFinished, Detaching, LaunchEntry, RecordingFailed
    from plldb.debugger.events.connection import ConnectionEvent
    from plldb.debugger.events.functions import FunctionDeployed, FunctionSilent, VisibilityDenied
    from plldb.debugger.events.invocations import EventsSkipped, InvocationFinished
    from plldb.debugger.events.restore import FunctionHolder, Restored

MOST_PACKAGES = 5
"""How many packages of a layer are named."""


def layer_line(event: LayerFetched | LayerMissing) -> Line:
    """Say what became of a layer."""
    layer = ":".join(event.layer.split(":")[-2:])
    if isinstance(event, LayerMissing):
        text = (
            f"the layer {layer} cannot be read: {event.message} What your code needs of it has to be in your "
            "Python"
        )
        return warning("layer", text)
    packages = files_text(event.packages[:MOST_PACKAGES], len(event.packages))
    text = f"{layer} was copied to this machine ({size(event.size)}), since your Python lacks {packages}"
    return Line(mark="done", name="layer", text=text)


def files_text(names: tuple[str, ...], count: int) -> str:
    """Name the first of several."""
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"{', '.join(names)}{more}"


SERVER_ERROR = 500
"""The first of the status codes of HTTP that say that the server has failed (RFC 9110, 15.6)."""


def ended_line(number: str, name: str, event: InvocationFinished) -> Line:
    """Say how an invocation has ended; ``number`` and ``name`` are what it and its function are called."""
    took = short_time(event.seconds)
    if event.outcome == "answered":
        code = event.status_code
        text = f"{name} answered {code or ''}{' ' * bool(code)}after {took}"
        failed = code >= SERVER_ERROR
        return Line(
            mark="warn" if failed else "done", name=number, text=text, tone="warn" if failed else "good"
        )
    if event.outcome == "cancelled":
        text = f"{name} stopped after {took}: nobody waits for it"
        return warning(number, text)
    where = f", {event.file}:{event.line}" if event.file else ""
    return Line(mark="fail", name=number, text=f"{name}: {event.error}{where}, after {took}", tone="bad")


_LAUNCH = {
    "created": "was made, with the entry plldb for VS Code",
    "added": "has the entry plldb for VS Code now",
    "updated": "has this port in its entry plldb now",
    "unchanged": "has the entry plldb already",
}


def launch_line(event: LaunchEntry) -> Line:
    """Say what became of the entry for VS Code."""
    if event.change == "refused":
        text = f"{event.file} is left as it is: {event.message}"
        return warning("launch", text)
    return Line(mark="done", name="launch", text=f"{event.file} {_LAUNCH[event.change]}")


def shared_line(name: str, other: FunctionHolder) -> Line:
    """Say who holds a function, too, which is called ``name``, and which invocations are theirs."""
    text = (
        f"{name}: also held by {person(other.who)} on {other.host}, for invocations {where_text(other.where)}"
    )
    return Line(name="shared", text=text)


def left_line(event: Restored) -> Line:
    """Say that a function is left to others, who go on with it."""
    who = " and ".join(dict.fromkeys(person(each.who) for each in event.others))
    return Line(mark="done", name="left", text=f"{event.function} to {who}, attached as well")


def silent_line(name: str, event: FunctionSilent) -> Line:
    """Say that an invocation of a function, which is called ``name``, has not come, and why."""
    text = f"{name}: {_why_silent(event)} ({event.request_id})"
    return warning("silent", text)


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


def deployed_line(name: str, event: FunctionDeployed) -> Line:
    """Say that a function, which is called ``name``, was deployed, and whether it is still attached."""
    return warning("deployed", f"{name} {_deployed_text(event)}")


def _deployed_text(event: FunctionDeployed) -> str:
    if event.armed:
        code = (
            ". Its deployed code has changed; what runs here is the code in your folder"
            if event.code_changed
            else ""
        )
        return f"was deployed in the meantime, and is attached again{code}"
    if event.holder:
        who = " and ".join(map(person, event.holder.split(", ")))
        return f"was taken over by {who}, and is not attached any more"
    return f"is not attached any more: {event.message}"


def skipped_line(event: EventsSkipped) -> Line:
    """Say what was not shown, since nobody read it."""
    counts = ((event.lines, "line"), (event.invocations, "invocation"))
    what = " and ".join(counted(number, name) for number, name in counts if number)
    text = f"{what} not shown, since nobody read them"
    return warning("output", text)


def relayed_line(name: str) -> Line:
    """Say that a function, which is called ``name``, cannot send to this machine directly."""
    text = (
        f"{name} may not send to this machine directly (403: a VPC with private DNS for execute-api?). It "
        "goes through plldb's handlers, which is slower"
    )
    return warning("link", text)


def denied_line(event: VisibilityDenied) -> Line:
    """Say that messages of a queue come a second time."""
    text = (
        f"messages of {event.queue} cannot be hidden for longer: {event.message} What is held beyond the "
        "queue's visibility timeout is delivered a second time"
    )
    return warning("queue", text)


def unrecorded_line(event: RecordingFailed) -> Line:
    """Say that invocations are not kept."""
    text = f"invocations cannot be written into {event.folder}: {event.message}. All else goes on"
    return warning("record", text)


def connection_line(event: ConnectionEvent) -> Line:
    """Say how the connection to plldb's API is."""
    match event:
        case ConnectionLost(reason=reason):
            text = f"connection lost: {reason}; plldb connects again"
            return warning("link", text)
        case ConnectionRestored(seconds=seconds):
            return Line(mark="done", name="link", text=f"connected again after {duration(seconds)}")
        case SignInNeeded(message=message, goes_on=goes_on):
            way = (
                "Sign in again, in another terminal: plldb then goes on by itself"
                if goes_on
                else "plldb cannot find new ones, since variables, another profile's keys or an MFA code "
                "gave them: end it with Ctrl-C"
            )
            return warning("sign in", f"{message} {way}")
        case AnswersDelayed(message=message):
            return warning("link", f"answers are not taken: {message}")
        case _:
            assert_never(event)


_RESTORING = "no new invocations, functions are being restored"
_DETACHING = {
    "asked": _RESTORING,
    "lease": f"the time is over: {_RESTORING}",
    "idle": f"nothing was invoked for as long as --until-idle says: {_RESTORING}",
    "none-left": "no function is left: the session ends",
    "failed": f"it has failed: {_RESTORING}",
}


def detaching_line(event: Detaching) -> Line:
    """Say why the session ends, and what it waits for."""
    text = _DETACHING[event.reason]
    if event.in_hand and event.reason != "failed":
        text += f"; {counted(event.in_hand, 'invocation')} may finish"
        if event.reason == "asked":  # one that stands at a breakpoint may never
            text += ". Ctrl-C again ends at once, and may leave functions armed"
    return Line(mark="busy", name="plldb", text=text)


def finished_line(event: AttachFinished) -> Line:
    """Say how a session has ended, as its last line."""
    return last_line(detached_text(event), good=not event.left_armed)


def detached_text(event: AttachFinished) -> str:
    """Say how a session has ended."""
    failed = f", {event.failed} failed" if event.failed else ""
    shared = f", {event.shared} left to others" if event.shared else ""
    left = f", {counted(len(event.left_armed), 'function')} left armed" if event.left_armed else ""
    ran = f"{counted(event.invocations, 'invocation')}{failed}"
    return f"detached: {ran}; {counted(event.restored, 'function')} restored{shared}{left}"
