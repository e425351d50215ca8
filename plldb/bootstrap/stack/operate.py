"""Carry out operations on the stack, and clear the way for them. Talks to CloudFormation through `stack`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plldb.bootstrap.events.stack import (
    ActionDecided,
    ActionName,
    OperationFinished,
    OperationStarted,
    StackOperation,
    StartedBy,
    StreamEvent,
)
from plldb.bootstrap.stack.client import Stack, is_unknown
from plldb.bootstrap.stack.decide import WATCH, Seen, StackSnapshot, Step, decide
from plldb.bootstrap.stack.follow import follow
from plldb.bootstrap.stack.history import RawEvent, Request, operation_of, started_by
from plldb.bootstrap.stack.outcome import check, previous_failure, stuck
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.bootstrap.stack.submit import Submitted, continue_rollback, delete
from plldb.bootstrap.stack.timeline import Timeline
from plldb.bootstrap.template import TemplateResource
from plldb.errors import AwsError
from plldb.streams import Tell

ACTIONS: dict[Step, ActionName] = {
    Step.ATTACH: "attach",
    Step.REMOVE: "remove",
    Step.DELETE: "delete",
    Step.CONTINUE_ROLLBACK: "continue_rollback",
    Step.CREATE: "create",
    Step.UPDATE: "update",
    Step.NOTHING: "nothing",
}
CLEARED = (Step.CREATE, Step.UPDATE, Step.NOTHING)
Resources = Sequence[TemplateResource]


def decided(stack: Stack, seen: Seen, step: Step, reason: str = "") -> ActionDecided:
    """Return a decision as an event. Pure."""
    return ActionDecided(
        action=ACTIONS[step], stack_name=stack.name, status=seen.status, reason=reason or step.value
    )


async def clear_the_way(
    stack: Stack,
    seen: Seen,
    table: Mapping[StackStatus | None, Step],
    resources: Resources,
    tell: Tell[StreamEvent],
) -> Seen:
    """Bring the stack, whatever its status, to where ``table`` has nothing more to clear away.

    Afterwards there is no stack, or one that can be updated; it is returned as it was seen then.

    Raises:
        StackNotOursError, StackStuckError: only a person can go on.
        AwsError: AWS refused, or could not be reached.
    """
    while (step := decide(seen.snapshot, table)) not in CLEARED:
        if step is Step.REMOVE and seen.snapshot:
            await tell(await previous_failure(stack, seen.snapshot, resources))
        await tell(decided(stack, seen, step))
        if step is Step.ATTACH:
            after = await attach(stack, seen, resources, tell)
        else:
            after = await clear(stack, seen, step, resources, tell)
        seen = after or await stack.look()
    return seen


async def attach(
    stack: Stack, seen: Seen, resources: Resources, tell: Tell[StreamEvent], *, judge: bool = False
) -> Seen | None:
    """Follow the operation that somebody, perhaps an earlier plldb, has running on the stack.

    Returns what `follow` does.

    Raises:
        StackFailedError: it failed; only if ``judge`` is true.
    """
    if seen.snapshot is None:
        return seen
    stack_id = seen.snapshot.stack_id
    operation, history, before = await _read_what_runs(stack, seen.snapshot)
    timeline = Timeline(operation=operation, request=None, marker=before, resources=resources)
    known = len(resources) if operation in ("create", "delete") else None
    after = await _follow(stack, stack_id, timeline, known, tell, _begun_by(history), history)
    if judge:
        await check(stack, stack_id, timeline, after)
    return after


async def _read_what_runs(
    stack: Stack, snapshot: StackSnapshot
) -> tuple[StackOperation, list[RawEvent], frozenset[str]]:
    try:
        return await stack.read_last_operation(snapshot.stack_id)
    except AwsError as error:
        if not is_unknown(error):
            raise
        # A stack that has just been made has events only some seconds later.
        return operation_of(Status(snapshot.status)), [], frozenset()


async def watch_stack(stack: Stack, seen: Seen, resources: Resources, tell: Tell[StreamEvent]) -> Seen | None:
    """Follow what runs on the stack, or replay its last operation. Changes nothing.

    Returns what `follow` does.

    Raises:
        StackFailedError: the operation failed.
        StackNotOursError: plldb did not create the stack.
    """
    if seen.snapshot is None:
        return seen
    step = decide(seen.snapshot, WATCH)
    if step is Step.ATTACH:
        await tell(decided(stack, seen, step))
        return await attach(stack, seen, resources, tell, judge=True)
    await replay(stack, seen, resources, tell)
    return seen


async def replay(stack: Stack, seen: Seen, resources: Resources, tell: Tell[StreamEvent]) -> None:
    """Replay the last operation from the history of the stack.

    Raises:
        StackFailedError: it failed.
    """
    if seen.snapshot is None:
        return
    stack_id = seen.snapshot.stack_id
    operation, history, before = await stack.read_last_operation(stack_id)
    timeline = Timeline(operation=operation, request=None, marker=before, resources=resources)
    begun_by = _begun_by(history)
    await tell(_started(stack, stack_id, timeline, begun_by, resources=None, past=True))
    for event in timeline.take(history):
        await tell(event)
    timeline.conclude(Status(seen.snapshot.status))
    if timeline.outcome is not None:
        await tell(_finished(stack, stack_id, timeline, begun_by))
    await check(stack, stack_id, timeline, seen)


async def clear(
    stack: Stack, seen: Seen, step: Step, resources: Resources, tell: Tell[StreamEvent]
) -> Seen | None:
    """Delete the stack, or go on with a rollback that stopped half-way. Returns what `follow` does.

    Raises:
        StackStuckError: CloudFormation cannot; the ``failures`` say what is in the way.
    """
    seen = await stack.with_event_ids(seen)
    ask = continue_rollback if step is Step.CONTINUE_ROLLBACK else delete
    submitted = await ask(stack, seen)
    if not isinstance(submitted, Submitted):
        return None
    timeline = timeline_of(submitted, seen, resources)
    known = len(resources) if submitted.operation == "delete" else None
    after = await _follow(stack, submitted.stack_id, timeline, known, tell)
    if timeline.outcome is not None and timeline.outcome.failed:
        raise await stuck(stack, submitted.stack_id, timeline)
    return after


async def carry_out(
    stack: Stack, seen: Seen, submitted: Submitted, resources: Resources, tell: Tell[StreamEvent]
) -> Seen | None:
    """Follow a creation or an update of ours. Returns what `follow` does.

    Raises:
        StackFailedError: it failed, or somebody else's operation took its place.
    """
    timeline = timeline_of(submitted, seen, resources)
    # An update touches some of the resources; CloudFormation does not say how many.
    known = len(resources) if submitted.operation == "create" else None
    after = await _follow(stack, submitted.stack_id, timeline, known, tell)
    await check(stack, submitted.stack_id, timeline, after)
    return after


def timeline_of(submitted: Submitted, seen: Seen, resources: Resources) -> Timeline:
    """Return the empty timeline of an operation of ours. Pure."""
    return Timeline(
        operation=submitted.operation,
        request=Request(token=submitted.token, operation_id=submitted.operation_id),
        marker=seen.event_ids or frozenset(),
        resources=resources,
    )


async def _follow(
    stack: Stack,
    stack_id: str,
    timeline: Timeline,
    known: int | None,
    tell: Tell[StreamEvent],
    begun_by: StartedBy = "this_run",
    history: Sequence[RawEvent] = (),
) -> Seen | None:
    """Follow one operation from its beginning to its end; ``timeline`` holds the outcome then.

    ``history`` is what has been read of it already, newest first. Returns what `follow` does.
    """
    await tell(_started(stack, stack_id, timeline, begun_by, resources=known, past=False))
    for event in timeline.take(history):
        await tell(event)
    after = await follow(stack, stack_id, timeline, tell)
    if timeline.outcome is not None:
        await tell(_finished(stack, stack_id, timeline, begun_by))
    return after


def _begun_by(history: Sequence[RawEvent]) -> StartedBy:
    """Return who began the operation with these events, newest first."""
    return started_by(history[-1].token if history else "")


def _started(
    stack: Stack,
    stack_id: str,
    timeline: Timeline,
    begun_by: StartedBy,
    *,
    resources: int | None,
    past: bool,
) -> OperationStarted:
    return OperationStarted(
        operation=timeline.operation,
        stack_name=stack.name,
        stack_id=stack_id,
        started_by=begun_by,
        resources=resources,
        past=past,
    )


def _finished(stack: Stack, stack_id: str, timeline: Timeline, begun_by: StartedBy) -> OperationFinished:
    return OperationFinished(
        operation=timeline.operation,
        stack_name=stack.name,
        stack_id=stack_id,
        started_by=begun_by,
        status=timeline.outcome or Status(""),
        seconds=timeline.outcome_seconds,
    )
