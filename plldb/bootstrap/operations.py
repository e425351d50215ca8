"""setup, destroy, watch and status: the public functions of bootstrap. Talks to AWS."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import overload

import plldb
from plldb.aws.place import DEFAULT_PLACE, Place, Target
from plldb.aws.session import Aws, open_aws
from plldb.bootstrap.artifacts.bucket import bucket_exists, bucket_name, open_bucket
from plldb.bootstrap.artifacts.sources import read_template
from plldb.bootstrap.destroy import remove
from plldb.bootstrap.events import Event, Result
from plldb.bootstrap.events.destroy import DestroyEvent, DestroyFinished, RemovalPlanned
from plldb.bootstrap.events.looks import (
    BootstrapStatus,
    DoctorEvent,
    DoctorFinished,
    WatchEvent,
    WatchFinished,
)
from plldb.bootstrap.events.setup import SetupEvent, SetupFinished, SetupPlanned
from plldb.bootstrap.events.stack import Failure
from plldb.bootstrap.options import KEEP_OPTIONS, SetupOptions
from plldb.bootstrap.pace import DEFAULT_PACE, Pace
from plldb.bootstrap.preview import preview
from plldb.bootstrap.setup import deploy
from plldb.bootstrap.stack.client import Stack, open_stack, started
from plldb.bootstrap.stack.decide import Seen, StackSnapshot
from plldb.bootstrap.stack.health import SERVICES, Health, look_at_parts
from plldb.bootstrap.stack.operate import watch_stack
from plldb.bootstrap.stack.outcome import previous_failure
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.bootstrap.template import read_ahead, read_resources
from plldb.streams import Tell, stream
from plldb.tasks import gather_all


def setup(
    place: Place = DEFAULT_PLACE,
    options: SetupOptions = KEEP_OPTIONS,
    *,
    dry_run: bool = False,
    pace: Pace = DEFAULT_PACE,
) -> AsyncGenerator[SetupEvent, None]:
    """Deploy the debugger's stack, or bring it up to date; the last event is `SetupFinished`.

    Run again, it changes nothing if there is nothing to change, attaches to an operation that runs,
    and clears away what an earlier failure left. To cancel is to stop iterating (use
    `contextlib.aclosing`); CloudFormation then goes on with what it has accepted.

    Args:
        place: where to act; what it leaves open is found as the AWS tools find it.
        options: what the stack is to have beyond plldb's own template.
        dry_run: change nothing; the last event is `SetupPlanned` instead.
        pace: how long plldb waits for what.

    Raises:
        PlldbError: see the tree in `plldb.errors`.
    """

    async def work(tell: Tell[SetupEvent]) -> SetupFinished | SetupPlanned:
        async with open_aws(place, pace) as aws:
            look, prepare = _look(aws, pace, whole=True), _prepare(aws, "s3", *SERVICES)
            target, (stack, seen), text = await gather_all(aws.read_target(), look, prepare)
            await tell(started("setup", target, dry_run=dry_run))
            if dry_run:
                return await preview(aws, target, stack, seen, text, options)
            return await deploy(aws, target, stack, seen, text, options, tell)

    return stream(work)


def destroy(
    place: Place = DEFAULT_PLACE,
    *,
    keep_bucket: bool = False,
    dry_run: bool = False,
    pace: Pace = DEFAULT_PACE,
) -> AsyncGenerator[DestroyEvent, None]:
    """Remove the stack, then the artifact bucket; the last event is `DestroyFinished`.

    `RemovalPlanned` comes before anything is changed: a caller that does not like it stops iterating.
    ``keep_bucket`` leaves the bucket and what is in it. ``dry_run`` changes nothing: `RemovalPlanned` is
    the last event then. ``place`` and ``pace`` are as in `setup`.

    Raises:
        FunctionsHeldError: functions are being debugged, or are not put back yet; nothing was changed.
        PlldbError: see the tree in `plldb.errors`.
    """

    async def work(tell: Tell[DestroyEvent]) -> DestroyFinished | RemovalPlanned:
        async with open_aws(place, pace) as aws:
            look, prepare = _look(aws, pace), _prepare(aws, "s3")
            target, (stack, seen), text = await gather_all(aws.read_target(), look, prepare)
            await tell(started("destroy", target, dry_run=dry_run))
            return await remove(
                target, stack, seen, read_resources(text), tell, keep_bucket=keep_bucket, dry_run=dry_run
            )

    return stream(work)


def watch(
    place: Place = DEFAULT_PLACE,
    *,
    pace: Pace = DEFAULT_PACE,
) -> AsyncGenerator[WatchEvent, None]:
    """Follow whatever runs on the stack, or tell the last operation; the last event is `WatchFinished`.

    Changes nothing. The arguments are as in `setup`.

    Raises:
        StackFailedError: the operation failed.
        PlldbError: see the tree in `plldb.errors`.
    """

    async def work(tell: Tell[WatchEvent]) -> WatchFinished:
        async with open_aws(place, pace) as aws:
            look, prepare = _look(aws, pace), _prepare(aws)
            target, (stack, seen), text = await gather_all(aws.read_target(), look, prepare)
            await tell(started("watch", target))
            after = await watch_stack(stack, seen, read_resources(text), tell) or await stack.look()
            return WatchFinished(stack_name=stack.name, status=after.status)

    return stream(work)


# A generator of StreamEvent alone would fit three of these; no operation is one.
@overload
async def result(  # type: ignore[overload-overlap]
    events: AsyncGenerator[SetupEvent, None],
) -> SetupFinished | SetupPlanned: ...
@overload
async def result(  # type: ignore[overload-overlap]
    events: AsyncGenerator[DestroyEvent, None],
) -> DestroyFinished | RemovalPlanned: ...
@overload
async def result(  # type: ignore[overload-overlap]
    events: AsyncGenerator[WatchEvent, None],
) -> WatchFinished: ...
@overload
async def result(events: AsyncGenerator[DoctorEvent, None]) -> DoctorFinished: ...
async def result(events: AsyncGenerator[Event, None]) -> Result:
    """Run an operation to its end and return its last event, for example the `SetupFinished` of a `setup`.

    Raises:
        PlldbError: what the operation raises.
    """
    last: Event | None = None
    async with aclosing(events):
        async for event in events:
            last = event
    if not isinstance(last, Result):
        raise RuntimeError("the events ended without a result")
    return last


async def status(
    place: Place = DEFAULT_PLACE,
    *,
    pace: Pace = DEFAULT_PACE,
) -> BootstrapStatus:
    """Take one look at what is deployed. Changes nothing. The arguments are as in `setup`.

    Raises:
        PlldbError: see the tree in `plldb.errors`.
    """
    async with open_aws(place, pace) as aws:
        target, (stack, seen), _ = await gather_all(
            aws.read_target(), _look(aws, pace, whole=True), aws.prepare("s3", *SERVICES)
        )
        exists, health, failures = await gather_all(
            bucket_exists(await open_bucket(aws, target)),
            look_at_parts(stack, seen),
            _failures(stack, seen.snapshot),
        )
    return replace(
        _status(target, stack, seen.snapshot, exists, health),
        failures=failures,
        missing=health.missing,
        unexamined=tuple(dict.fromkeys(error.message for error in health.unknown)),
    )


async def _failures(stack: Stack, seen: StackSnapshot | None) -> tuple[Failure, ...]:
    """Return what failed in the last operation, if one has left the stack in its status."""
    if seen is None or seen.status.in_progress or seen.status.succeeded:
        return ()
    if seen.status is StackStatus.REVIEW_IN_PROGRESS:
        return ()
    return (await previous_failure(stack, seen, read_resources(await read_template()))).failures


def _status(
    target: Target, stack: Stack, seen: StackSnapshot | None, bucket: bool, health: Health
) -> BootstrapStatus:
    whole = bucket and not health.missing
    healthy = seen is not None and seen.ours and seen.status.works and whole
    return BootstrapStatus(
        target=target,
        stack_name=stack.name,
        stack_status=seen.status if seen else None,
        status_reason=seen.status_reason if seen else "",
        made_by_plldb=seen.ours if seen else False,
        installed_version=plldb.__version__,
        deployed_version=seen.plldb_version if seen else None,
        created=seen.created if seen else None,
        updated=seen.updated if seen else None,
        outputs=dict(seen.outputs) if seen else {},
        bucket=bucket_name(target),
        bucket_exists=bucket,
        healthy=healthy,
    )


async def _prepare(aws: Aws, *services: str) -> str:
    """Do what takes processor time while the first requests are under way; return the template's text."""
    await aws.prepare(*services)
    text = await read_template()
    read_ahead(text)
    return text


async def _look(aws: Aws, pace: Pace, *, whole: bool = False) -> tuple[Stack, Seen]:
    stack = await open_stack(aws, pace)
    return stack, await (stack.look_at_all() if whole else stack.look())
