"""What CloudFormation does to the stack, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.bootstrap.explain import failure_lines
from plldb.cli.output.layout import Item, Line, Mark, Row, Tone, warning
from plldb.cli.output.text import counted, duration

if TYPE_CHECKING:
    from plldb.bootstrap.events.stack import (
        ActionDecided,
        OperationFinished,
        OperationStarted,
        PreviousFailure,
        StackEvent,
    )
    from plldb.bootstrap.stack.statuses import Status

BORING = frozenset({"Resource creation Initiated", "User Initiated"})
"""Reasons that CloudFormation gives when there is none; they would double the length of the log."""


def event_row(event: StackEvent) -> Row:
    """Return the row of one event of a resource."""
    return Row(
        time=event.timestamp,
        logical_id=event.logical_id,
        resource_type=event.resource_type,
        status=event.status,
        tone=status_tone(event.status),
        took="" if event.seconds is None else duration(event.seconds),
        reason="" if event.reason in BORING else event.reason,
        note="[not ours]" if event.started_by == "others" else "",
    )


def status_tone(status: Status) -> Tone:
    """Return the colour of a status: red for failed, yellow for undone, green for done, blue for running."""
    if status.failed:
        return "bad"
    if status.rolling_back:
        return "warn"
    return "busy" if status.in_progress else "good"


def previous_failure_lines(event: PreviousFailure) -> list[Item]:
    """Say why an earlier operation left the stack in its status."""
    text = f"{event.stack_name} is in {event.status} because an earlier operation failed:"
    return [Line(mark="warn", name="stack", text=text), *failure_lines(event.failures)]


_ACTION_WORDS = {
    "attach": "follow what is running already",
    "continue_rollback": "continue the rollback that failed",
    "remove": "remove what is left",
    "create": "create",
    "update": "update",
    "delete": "delete",
    "nothing": "nothing to do",
}


def action_line(event: ActionDecided) -> Line:
    """Say what happens next to the stack, and why."""
    mark: Mark = "same" if event.action == "nothing" else "busy"
    # That what runs is followed first, the words for it say already.
    reason = f": {event.reason}" if event.reason and event.action != "attach" else ""
    return Line(mark=mark, name="stack", text=f"{_ACTION_WORDS[event.action]}{reason}")


def operation_line(event: OperationStarted) -> Line:
    """Say which operation is followed, and whose it is."""
    known = "" if event.resources is None else f", {counted(event.resources, 'resource')}"
    if event.started_by == "this_run":
        return Line(
            mark="busy", name="stack", text=f"{event.operation} of {event.stack_name} has begun{known}"
        )
    if event.past:
        whose = "plldb's" if event.started_by == "plldb" else "somebody else's"
        text = f"nothing is running; the last operation was {whose} {event.operation} of {event.stack_name}"
        return Line(mark="same", name="stack", text=text)
    if event.started_by == "plldb":
        what = f"the {event.operation} of {event.stack_name} that an earlier run of plldb began"
        return Line(mark="busy", name="stack", text=f"waiting for {what}{known}")
    text = f"somebody else's {event.operation} of {event.stack_name}, followed from its beginning{known}"
    return warning("not ours", text)


def finished_line(event: OperationFinished) -> Line:
    """Say how an operation has ended."""
    took = "" if event.seconds is None else f" after {duration(event.seconds)}"
    whose = " (not ours)" if event.started_by == "others" else ""
    good = event.status.complete if event.operation == "rollback" else event.status.succeeded
    text = f"{event.operation} ended with {event.status}{took}{whose}"
    return Line(mark="done" if good else "fail", name="stack", text=text, tone="plain" if good else "bad")
