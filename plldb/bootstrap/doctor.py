"""What stands in the way of a setup, found before it is tried; nothing is changed. Talks to AWS.

Each check is a function that returns findings. A check that AWS or an emulator does not allow gives the
verdict "unknown"; it never ends the examination.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from itertools import chain

import plldb
from plldb.aws.place import DEFAULT_PLACE, Place, Target
from plldb.aws.session import Aws, open_aws
from plldb.bootstrap.artifacts.bucket import bucket_exists, open_bucket
from plldb.bootstrap.artifacts.publish import version_prefix
from plldb.bootstrap.artifacts.survey import survey_bucket
from plldb.bootstrap.events.looks import DoctorEvent, DoctorFinished, Finding
from plldb.bootstrap.events.stack import Started
from plldb.bootstrap.pace import DEFAULT_PACE, Pace
from plldb.bootstrap.permissions import find_missing_actions
from plldb.bootstrap.stack.client import open_stack, started
from plldb.bootstrap.stack.decide import SETUP, StackSnapshot, Step, decide
from plldb.bootstrap.stack.health import Health, look_at_parts
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.errors import AccessDeniedError, AwsError, Hint, PlldbError, SettingsError, UnreachableError
from plldb.streams import Tell, stream
from plldb.tasks import gather_all

# AWS refuses signatures that are 15 minutes off (S3: RequestTimeTooSkewed); 5 minutes in most services.
SKEW_REFUSED = 300.0
SKEW_NOTICED = 60.0
TABLES = ("PLLDBSessions", "PLLDBDebugger")
LOG_GROUPS = ("/aws/lambda/plldb-lease-reaper", "/aws/lambda/plldb-ws-api-")
# What these ask of AWS, a setup asks as well.
NEEDED_BY_SETUP = ("stack", "bucket")


def doctor(
    place: Place = DEFAULT_PLACE,
    *,
    pace: Pace = DEFAULT_PACE,
) -> AsyncGenerator[DoctorEvent, None]:
    """Examine credentials, clock, permissions, stack, bucket and leftovers; yield one finding after another.

    Changes nothing; the last event is `DoctorFinished`. The arguments are as in `setup`. What is wrong
    is a finding, not an exception.

    Raises:
        SettingsError: no region, an unknown profile…: there is nothing that could be examined.
    """

    async def work(tell: Tell[DoctorEvent]) -> DoctorFinished:
        verdicts: list[str] = []

        async def tell_and_count(event: Started | Finding) -> None:
            verdicts.extend([event.verdict] if isinstance(event, Finding) else [])
            await tell(event)

        await _examine_all(place, pace, tell_and_count)
        return DoctorFinished(problems=verdicts.count("problem"), warnings=verdicts.count("warning"))

    return stream(work)


async def _examine_all(place: Place, pace: Pace, tell: Tell[Started | Finding]) -> None:
    try:
        async with open_aws(place, pace) as aws:
            await tell(_ok("region", aws.region))
            target, skew = await gather_all(aws.read_target(), aws.read_clock_skew())
            await tell(started("doctor", target))
            await tell(_ok("caller", f"account {target.account}, {target.caller_arn}"))
            await tell(clock_finding(skew))
            examined = await gather_all(
                *[_examine(name, check(aws, target)) for name, check in CHECKS.items()]
            )
            for finding in chain.from_iterable(examined):
                await tell(finding)
    except SettingsError:
        raise
    except PlldbError as error:
        # Without region, credentials or a network there is nothing more to examine.
        await tell(Finding(check="access", verdict="problem", message=error.message, remedy=error.hint))


async def _examine(name: str, check: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await check
    except AccessDeniedError as error:
        if name in NEEDED_BY_SETUP:
            remedy = Hint("allow-action", f"Allow {error.action}: setup needs it, too.", about=error.action)
            return [Finding(check=name, verdict="problem", message=error.message, remedy=remedy)]
        remedy = Hint("allow-action", f"Allow {error.action}, or leave this unexamined.", about=error.action)
        return [Finding(check=name, verdict="unknown", message=error.message, remedy=remedy)]
    except UnreachableError as error:
        return [Finding(check=name, verdict="unknown", message=error.message, remedy=error.hint)]
    except PlldbError as error:
        return [Finding(check=name, verdict="problem", message=error.message, remedy=error.hint)]


def _ok(check: str, message: str) -> Finding:
    return Finding(check=check, verdict="ok", message=message, remedy=None)


def _missing(check: str, message: str) -> Finding:
    """Return that something is not there yet: nothing is wrong, and a setup is the way on."""
    return Finding(check=check, verdict="ok", message=message, remedy=Hint("set-up", "A setup makes it."))


def clock_finding(skew: float) -> Finding:
    """Return what it means that this machine's clock is so many seconds ahead. Pure."""
    message = f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} AWS's"
    remedy = Hint("set-clock", "Set the clock right, best by a time service (NTP).")
    if abs(skew) >= SKEW_REFUSED:
        return Finding(check="clock", verdict="problem", message=message, remedy=remedy)
    if abs(skew) >= SKEW_NOTICED:
        return Finding(check="clock", verdict="warning", message=message, remedy=remedy)
    return _ok("clock", "agrees with AWS's")


async def _stack(aws: Aws, _: Target) -> list[Finding]:
    stack = await open_stack(aws)
    look = await stack.look()
    seen = look.snapshot
    step = decide(seen, SETUP)  # raises for a stack that is not ours, or protected
    if seen is None:
        return [_missing("stack", f"there is no stack {stack.name} yet"), *await _leftovers(aws)]
    found = [_stack_finding(seen, step), *_part_findings(await look_at_parts(stack, look))]
    # In these a stack has no resources: what bears their names now is in the way of the next one.
    bare = seen.status in (StackStatus.ROLLBACK_COMPLETE, StackStatus.REVIEW_IN_PROGRESS)
    return [*found, *await _leftovers(aws)] if bare else found


def _stack_finding(snapshot: StackSnapshot, step: Step) -> Finding:
    message = f"{snapshot.name} is {snapshot.status}"
    if step is Step.ATTACH:
        remedy = Hint("wait-for-other", "An operation is running on the stack; wait until it has ended.")
        return Finding(check="stack", verdict="warning", message=message, remedy=remedy)
    if not snapshot.status.works:
        remedy = Hint("set-up", f"Set up again: {step.value}.")
        return Finding(check="stack", verdict="problem", message=message, remedy=remedy)
    if snapshot.plldb_version != plldb.__version__:
        message += f", deployed by plldb {snapshot.plldb_version}; installed is {plldb.__version__}"
        remedy = Hint("set-up", "Set up again to bring it up to date.")
        return Finding(check="stack", verdict="warning", message=message, remedy=remedy)
    return _ok("stack", f"{message}, deployed by this plldb")


def _part_findings(health: Health) -> list[Finding]:
    missing = [
        Finding(
            check="stack",
            verdict="problem",
            message=f"{part.logical_id} ({part.resource_type} {part.name}) is gone: somebody has deleted it",
            remedy=Hint("set-up", "Set up again; that makes it anew.", about=part.name),
        )
        for part in health.missing
    ]
    unknown = {error.message: error for error in health.unknown}.values()
    return [
        *missing,
        *[
            Finding(check="stack", verdict="unknown", message=error.message, remedy=error.hint)
            for error in unknown
        ],
    ]


async def _bucket(aws: Aws, target: Target) -> list[Finding]:
    bucket = await open_bucket(aws, target)
    if not await bucket_exists(bucket):
        return [_missing("bucket", f"{bucket.name} does not exist; setup makes it")]
    survey = await survey_bucket(bucket, version_prefix(plldb.__version__))
    if survey.repairs:
        wrong = ", ".join(repair.name for repair in survey.repairs)
        message = f"{bucket.name} lacks: {wrong}"
        remedy = Hint("set-up", "Set up again; that puts it right.")
        return [Finding(check="bucket", verdict="warning", message=message, remedy=remedy)]
    return [_ok("bucket", f"{bucket.name} is yours and safe")]


async def _leftovers(aws: Aws) -> list[Finding]:
    """Look for what would be in the way of a new stack: names that are taken already."""
    found = await gather_all(*[_examine("leftovers", _table(aws, name)) for name in TABLES])
    groups = await _examine("leftovers", _log_groups(aws))
    told = [finding for findings in (*found, groups) for finding in findings]
    return told or [_ok("leftovers", "none")]


async def _table(aws: Aws, name: str) -> list[Finding]:
    dynamodb = await aws.client("dynamodb")
    try:
        await aws.call(dynamodb.describe_table, TableName=name)
    except AwsError as error:
        if error.aws_code == "ResourceNotFoundException":
            return []
        raise
    remedy = Hint("delete-table", "If nobody needs what is in it, delete the table.", about=name)
    return [_leftover(f"the table {name} exists outside the stack; a setup would fail at it", remedy)]


async def _log_groups(aws: Aws) -> list[Finding]:
    logs = await aws.client("logs")
    answers = await gather_all(
        *[aws.call(logs.describe_log_groups, logGroupNamePrefix=prefix) for prefix in LOG_GROUPS]
    )
    names = [group["logGroupName"] for answer in answers for group in answer.get("logGroups", [])]
    return [
        _leftover(
            f"the log group {name} exists outside the stack; a setup would fail at it",
            Hint("delete-log-group", "If nobody needs what is in it, delete the log group.", about=name),
        )
        for name in names
    ]


def _leftover(message: str, remedy: Hint) -> Finding:
    return Finding(check="leftovers", verdict="problem", message=message, remedy=remedy)


async def _permissions(aws: Aws, target: Target) -> list[Finding]:
    if target.caller_arn.endswith(":root"):
        return [_ok("rights", "the root user may do everything; a role of its own would be safer")]
    missing = await find_missing_actions(aws, target, "setup")
    if not missing:
        return [_ok("rights", "all that setup needs, as far as IAM's simulator tells")]
    remedy = Hint("allow-action", "The policy setup.json allows all that setup needs.")
    return [
        Finding(check="rights", verdict="problem", message=f"{action} is not allowed", remedy=remedy)
        for action in missing
    ]


CHECKS: dict[str, Callable[[Aws, Target], Awaitable[list[Finding]]]] = {
    "rights": _permissions,
    "stack": _stack,
    "bucket": _bucket,
}
