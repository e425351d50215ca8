"""Whether an operation did what was asked for, and why not. Talks to CloudFormation through `stack`."""

from __future__ import annotations

from collections.abc import Sequence

from plldb.bootstrap.errors import StackFailedError, StackStuckError
from plldb.bootstrap.events.stack import Failure, PreviousFailure
from plldb.bootstrap.stack.client import Stack
from plldb.bootstrap.stack.decide import Seen, StackSnapshot
from plldb.bootstrap.stack.timeline import CANCELLED, Timeline
from plldb.bootstrap.template import TemplateResource
from plldb.errors import Hint


async def check(stack: Stack, stack_id: str, timeline: Timeline, after: Seen | None) -> None:
    """Return if the operation did what was asked for; ``after`` is what was seen at its end.

    Raises:
        StackFailedError: it failed, or somebody else's operation took its place.
    """
    verb = {"create": "Creating", "update": "Updating", "delete": "Deleting"}.get(
        timeline.operation, f"The {timeline.operation} of"
    )
    status = timeline.outcome
    if status is None:
        raise StackFailedError(
            f"{verb} the stack {stack.name} was cut short: somebody else is deleting it.",
            stack=stack.name,
            status=after.status if after else None,
            hint=Hint("wait-for-other", "Wait until that deletion has ended, then do the same again."),
        )
    # A creation or an update that ends in a deletion is none, however well that went.
    if timeline.operation == "rollback" and status.complete:
        return
    if status.succeeded and (timeline.operation == "delete" or not status.deleting):
        return
    failures = await _explain(stack, stack_id, timeline)
    place = f" at {failures[0].logical_id}" if failures else ""
    raise StackFailedError(
        f"{verb} the stack {stack.name} failed{place} ({status}).",
        stack=stack.name,
        status=status,
        failures=failures,
        hint=_way_out(timeline, failures),
    )


async def previous_failure(
    stack: Stack, snapshot: StackSnapshot, resources: Sequence[TemplateResource]
) -> PreviousFailure:
    """Return why an earlier operation left the stack where it is."""
    operation, history, before = await stack.read_last_operation(snapshot.stack_id)
    timeline = Timeline(operation=operation, request=None, marker=before, resources=resources)
    timeline.take(history)
    return PreviousFailure(stack_name=stack.name, status=snapshot.status, failures=timeline.failures)


async def stuck(stack: Stack, stack_id: str, timeline: Timeline) -> StackStuckError:
    """Return the error for what CloudFormation could not clear away, with what is in the way."""
    failures = await _explain(stack, stack_id, timeline)
    names = ", ".join(dict.fromkeys(failure.logical_id for failure in failures)) or "something"
    if timeline.operation == "rollback":
        return StackStuckError(
            f"The rollback of the stack {stack.name} stopped again at {names} ({timeline.outcome}).",
            stack=stack.name,
            status=timeline.outcome,
            failures=failures,
            hint=Hint(
                "fix-or-delete", "Fix what the reason names, then do the same again; or delete all of it."
            ),
        )
    return StackStuckError(
        f"The stack {stack.name} cannot be deleted because of {names} ({timeline.outcome}).",
        stack=stack.name,
        status=timeline.outcome,
        failures=failures,
        hint=Hint(
            "keep-resources",
            "Remove what the reason names, then do the same again; "
            "or delete the stack and leave those resources behind.",
            about=stack.name,
        ),
    )


async def _explain(stack: Stack, stack_id: str, timeline: Timeline) -> tuple[Failure, ...]:
    """Return the failures, and with them what only DescribeEvents knows."""
    told = timeline.failures
    known = {(failure.logical_id, failure.reason) for failure in told}
    found = await stack.read_failed_events(stack_id)
    # It covers every operation that the stack ever had, dry runs included.
    more = tuple(
        each
        for each in found
        if (each.logical_id, each.reason) not in known
        and timeline.began is not None
        and each.timestamp >= timeline.began
        and not each.reason.startswith(CANCELLED)
    )
    if more and all(failure.physical_id == stack_id for failure in told):
        # A validation failed: the stack's own event only refers to DescribeEvents, which has the cause.
        return tuple(each for each in more if each.physical_id != stack_id) or told
    return (*told, *more)


def _way_out(timeline: Timeline, failures: tuple[Failure, ...]) -> Hint:
    if timeline.operation == "delete":
        return Hint("fix-cause", "Remove what the reason names, then destroy again.")
    taken = any("already exists" in failure.reason.lower() for failure in failures)
    if timeline.operation == "create" and taken:
        return Hint("fix-cause", "Remove or rename what exists already, then set up again.")
    return Hint("fix-cause", "Fix the cause, then set up again; that clears away what is left.")
