"""Carry out operations on the stack, and clear the way for them. Talks to CloudFormation through `stack`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from plldb.bootstrap.errors import StackFailedError, StackStuckError
from plldb.bootstrap.events import (
    ActionDecided,
    ActionName,
    Failure,
    OperationFinished,
    OperationStarted,
    PreviousFailure,
    StartedBy,
    StreamEvent,
)
from plldb.bootstrap.stack.client import Stack, Submitted
from plldb.bootstrap.stack.decide import WATCH, StackSnapshot, Step, decide
from plldb.bootstrap.stack.follow import follow
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.bootstrap.stack.timeline import CANCELLED, RawEvent, Timeline, started_by
from plldb.bootstrap.template import TemplateResource
from plldb.errors import Hint

ACTIONS: dict[Step, ActionName] = {
    Step.ATTACH: "attach",
    Step.REMOVE: "remove",
    Step.DELETE: "delete",
    Step.CONTINUE_ROLLBACK: "continue_rollback",
    Step.CREATE: "create",
    Step.UPDATE: "update",
    Step.NOTHING: "nothing",
}


def decided(stack: Stack, step: Step, reason: str = "") -> ActionDecided:
    """Return a decision as an event. Pure."""
    return ActionDecided(
        action=ACTIONS[step],
        stack_name=stack.name,
        status=stack.snapshot.status if stack.snapshot else None,
        reason=reason or step.value,
    )


async def settle(
    stack: Stack, table: Mapping[StackStatus | None, Step], resources: Sequence[TemplateResource]
) -> AsyncGenerator[StreamEvent, None]:
    """Bring the stack, whatever its status, to where ``table`` has nothing more to clear away.

    Afterwards there is no stack, or one that can be updated.

    Raises:
        StackNotOursError, StackStuckError: only a person can go on.
        AwsError: AWS refused, or could not be reached.
    """
    while (step := decide(stack.snapshot, table)) not in (Step.CREATE, Step.UPDATE, Step.NOTHING):
        if step is Step.REMOVE and stack.snapshot:
            yield await past_failure(stack, stack.snapshot, resources)
        yield decided(stack, step)
        work = attach(stack, resources) if step is Step.ATTACH else clear(stack, step, resources)
        async with aclosing(work) as events:
            async for event in events:
                yield event
        if stack.stale:
            await stack.refresh()  # what was seen before would be decided upon, and told, once more


async def operate(
    stack: Stack,
    stack_id: str,
    timeline: Timeline,
    resources: int | None,
    *,
    begun_by: StartedBy = "this_run",
    history: Sequence[RawEvent] = (),
) -> AsyncGenerator[StreamEvent, None]:
    """Follow one operation from its beginning to its end; ``timeline`` holds the outcome then.

    ``history`` is what has been read of it already, newest first.
    """
    yield OperationStarted(
        operation=timeline.operation,
        stack_name=stack.name,
        stack_id=stack_id,
        started_by=begun_by,
        resources=resources,
        past=False,
    )
    for seen in timeline.take(history):
        yield seen
    async with aclosing(follow(stack, stack_id, timeline)) as events:
        async for event in events:
            yield event
    if timeline.outcome is not None:
        yield _finished(stack, stack_id, timeline, begun_by)


async def attach(
    stack: Stack, resources: Sequence[TemplateResource], *, judge: bool = False
) -> AsyncGenerator[StreamEvent, None]:
    """Follow the operation that somebody, perhaps an earlier plldb, has running on the stack.

    Raises:
        StackFailedError: it failed; only if ``judge`` is true.
    """
    if stack.snapshot is None:
        return
    stack_id = stack.snapshot.stack_id
    operation, history, before = await stack.read_last_operation(stack_id)
    timeline = Timeline(operation=operation, marker=before, ours=False, resources=resources)
    known = len(resources) if operation in ("create", "delete") else None
    following = operate(stack, stack_id, timeline, known, begun_by=_begun_by(history), history=history)
    async with aclosing(following) as events:
        async for event in events:
            yield event
    if judge:
        await check(stack, stack_id, timeline)


async def watch_stack(
    stack: Stack, resources: Sequence[TemplateResource]
) -> AsyncGenerator[StreamEvent, None]:
    """Follow what runs on the stack, or tell its last operation again. Changes nothing.

    Raises:
        StackFailedError: the operation failed.
        StackNotOursError: plldb did not create the stack.
    """
    if stack.snapshot is None:
        return
    step = decide(stack.snapshot, WATCH)
    if step is Step.ATTACH:
        yield decided(stack, step)
    work = attach(stack, resources, judge=True) if step is Step.ATTACH else replay(stack, resources)
    async with aclosing(work) as events:
        async for event in events:
            yield event


async def replay(stack: Stack, resources: Sequence[TemplateResource]) -> AsyncGenerator[StreamEvent, None]:
    """Tell the last operation again, from the history of the stack.

    Raises:
        StackFailedError: it failed.
    """
    if stack.snapshot is None:
        return
    stack_id = stack.snapshot.stack_id
    operation, history, before = await stack.read_last_operation(stack_id)
    timeline = Timeline(operation=operation, marker=before, ours=False, resources=resources)
    yield OperationStarted(
        operation=operation,
        stack_name=stack.name,
        stack_id=stack_id,
        started_by=_begun_by(history),
        resources=None,
        past=True,
    )
    for event in timeline.take(history):
        yield event
    timeline.settle(Status(stack.snapshot.status))
    if timeline.outcome is not None:
        yield _finished(stack, stack_id, timeline, _begun_by(history))
    await check(stack, stack_id, timeline)


async def clear(
    stack: Stack, step: Step, resources: Sequence[TemplateResource]
) -> AsyncGenerator[StreamEvent, None]:
    """Delete the stack, or go on with a rollback that stopped half-way.

    Raises:
        StackStuckError: CloudFormation cannot; the ``failures`` say what is in the way.
    """
    marker = await stack.take_marker()
    submitted = await (stack.continue_rollback() if step is Step.CONTINUE_ROLLBACK else stack.delete())
    if not isinstance(submitted, Submitted):
        await stack.refresh()
        return
    timeline = timeline_of(submitted, marker, resources)
    known = len(resources) if submitted.operation == "delete" else None
    async with aclosing(operate(stack, submitted.stack_id, timeline, known)) as events:
        async for event in events:
            yield event
    if timeline.outcome is not None and timeline.outcome.failed:
        raise await _stuck(stack, submitted.stack_id, timeline)


async def carry_out(
    stack: Stack, submitted: Submitted, marker: frozenset[str], resources: Sequence[TemplateResource]
) -> AsyncGenerator[StreamEvent, None]:
    """Follow a creation or an update of ours.

    Raises:
        StackFailedError: it failed, or somebody else's operation took its place.
    """
    timeline = timeline_of(submitted, marker, resources)
    # An update touches some of the resources; how many, nobody tells.
    known = len(resources) if submitted.operation == "create" else None
    async with aclosing(operate(stack, submitted.stack_id, timeline, known)) as events:
        async for event in events:
            yield event
    await check(stack, submitted.stack_id, timeline)


def timeline_of(
    submitted: Submitted, marker: frozenset[str], resources: Sequence[TemplateResource]
) -> Timeline:
    """Return the empty timeline of an operation of ours. Pure."""
    return Timeline(
        operation=submitted.operation,
        marker=marker,
        token=submitted.token,
        operation_id=submitted.operation_id,
        resources=resources,
    )


async def check(stack: Stack, stack_id: str, timeline: Timeline) -> None:
    """Return if the operation did what was asked for.

    Raises:
        StackFailedError: it failed, or somebody else's operation took its place.
    """
    verb = {"create": "Creating", "update": "Updating", "delete": "Deleting"}.get(
        timeline.operation, f"The {timeline.operation} of"
    )
    status = timeline.outcome
    if status is None:
        raise StackFailedError(
            f"{verb} the stack {stack.name} was cut off: somebody else deletes it.",
            stack=stack.name,
            status=stack.snapshot.status if stack.snapshot else None,
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


async def past_failure(
    stack: Stack, snapshot: StackSnapshot, resources: Sequence[TemplateResource]
) -> PreviousFailure:
    """Return why an earlier operation left the stack where it is."""
    operation, history, before = await stack.read_last_operation(snapshot.stack_id)
    timeline = Timeline(operation=operation, marker=before, ours=False, resources=resources)
    timeline.take(history)
    return PreviousFailure(stack_name=stack.name, status=snapshot.status, failures=timeline.failures)


async def _explain(stack: Stack, stack_id: str, timeline: Timeline) -> tuple[Failure, ...]:
    """Return the failures, and with them what only DescribeEvents knows."""
    told = timeline.failures
    known = {(failure.logical_id, failure.reason) for failure in told}
    found = await stack.read_failed_events(stack_id)
    # It tells of every operation that there ever was on the stack, dry runs included.
    more = tuple(
        each
        for each in found
        if (each.logical_id, each.reason) not in known
        and timeline.began is not None
        and each.timestamp >= timeline.began
        and not each.reason.startswith(CANCELLED)
    )
    if more and all(failure.physical_id == stack_id for failure in told):
        # A validation that failed: the stack's own words only point to DescribeEvents, the cause is there.
        return tuple(each for each in more if each.physical_id != stack_id) or told
    return (*told, *more)


async def _stuck(stack: Stack, stack_id: str, timeline: Timeline) -> StackStuckError:
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


def _way_out(timeline: Timeline, failures: tuple[Failure, ...]) -> Hint:
    if timeline.operation == "delete":
        return Hint("fix-cause", "Remove what the reason names, then destroy again.")
    taken = any("already exists" in failure.reason.lower() for failure in failures)
    if timeline.operation == "create" and taken:
        return Hint("fix-cause", "Remove or rename what exists already, then set up again.")
    return Hint("fix-cause", "Fix the cause, then set up again; that clears away what is left.")


def _begun_by(history: Sequence[RawEvent]) -> StartedBy:
    """Return who began the operation with these events, newest first."""
    return started_by(history[-1].token if history else "")


def _finished(stack: Stack, stack_id: str, timeline: Timeline, begun_by: StartedBy) -> OperationFinished:
    return OperationFinished(
        operation=timeline.operation,
        stack_name=stack.name,
        stack_id=stack_id,
        started_by=begun_by,
        status=timeline.outcome or Status(""),
        seconds=timeline.outcome_seconds,
    )
