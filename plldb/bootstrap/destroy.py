"""The stages of a destroy: the stack first, then the bucket. Talks to AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from plldb.aws.items import all_items, is_function, read_text, read_time
from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.bootstrap.artifacts.bucket import Bucket, open_bucket
from plldb.bootstrap.artifacts.emptying import (
    EMPTYING_ROUNDS,
    RemovalSurvey,
    delete_bucket,
    empty_bucket,
    survey_removal,
)
from plldb.bootstrap.errors import BucketError, FunctionHold, FunctionsHeldError
from plldb.bootstrap.events.destroy import (
    BucketDeleted,
    BucketKept,
    DestroyEvent,
    DestroyFinished,
    RemovalPlanned,
)
from plldb.bootstrap.stack.client import Stack
from plldb.bootstrap.stack.decide import DESTROY, Seen, decide
from plldb.bootstrap.stack.operate import clear_the_way
from plldb.bootstrap.template import TemplateResource
from plldb.errors import Hint
from plldb.streams import Tell
from plldb.tasks import gather_all

TABLE = "PLLDBDebugger"
KEY = "RequestId"
PREFIX = "fn#"
"""Keys of functions begin with it, and their ARN follows; all others are of invocations."""
HINT = Hint("restore-functions", "Put the functions back first; what others debug, only when they agree.")


async def remove(
    target: Target,
    stack: Stack,
    seen: Seen,
    resources: Sequence[TemplateResource],
    tell: Tell[DestroyEvent],
    *,
    keep_bucket: bool,
    dry_run: bool,
) -> DestroyFinished | RemovalPlanned:
    """Remove the stack and the bucket; return the plan alone if it is a dry run."""
    bucket = await open_bucket(stack.aws, target, stack.pace)
    decide(seen.snapshot, DESTROY)  # somebody else's, or protected: nothing else is even looked at
    survey, seen, _ = await gather_all(
        survey_removal(bucket), stack.with_event_ids(seen), _check_nothing_is_held(stack.aws, target, seen)
    )
    plan = _planned(stack, seen, bucket, survey, keep_bucket)
    if dry_run:
        return plan
    await tell(plan)
    existed = seen.snapshot is not None or (survey is not None and not keep_bucket)

    kept = False
    while True:
        seen = await clear_the_way(stack, seen, DESTROY, resources, tell)
        if survey is None:
            break
        if keep_bucket:
            await tell(BucketKept(bucket=bucket.name, reason="asked", found=survey.foreign))
            kept = True
            break
        kept, seen = await _remove_bucket(bucket, stack, survey, tell)
        if seen.snapshot is None:
            break
        # Another setup has made the stack again meanwhile, and perhaps the bucket.
        survey = await survey_removal(bucket)
    return DestroyFinished(changed=existed, bucket_kept=kept)


def _planned(
    stack: Stack, seen: Seen, bucket: Bucket, survey: RemovalSurvey | None, keep_bucket: bool
) -> RemovalPlanned:
    return RemovalPlanned(
        stack_name=stack.name,
        stack_status=seen.status,
        bucket=bucket.name if survey else None,
        keep_bucket=keep_bucket,
        versions=survey.versions if survey else 0,
        more=survey.more if survey else False,
        foreign=survey.foreign if survey else (),
    )


async def _remove_bucket(
    bucket: Bucket, stack: Stack, survey: RemovalSurvey, tell: Tell[DestroyEvent]
) -> tuple[bool, Seen]:
    """Empty and delete the bucket; return whether it stays, and what the stack looks like after it."""
    gone = 0
    for _ in range(EMPTYING_ROUNDS):
        # What the survey saw goes first, without being listed again.
        gone = await empty_bucket(bucket, survey, tell, before=gone)
        if survey.foreign:
            seen = await stack.look()
            await tell(BucketKept(bucket=bucket.name, reason="foreign", found=survey.foreign))
            return True, seen
        # Now that the template is gone nobody can make a stack of it; whether somebody has is seen here.
        deleted, seen = await gather_all(delete_bucket(bucket), stack.look())
        if deleted:
            await tell(BucketDeleted(bucket=bucket.name))
            return False, seen
        # Something came into it, perhaps something foreign.
        survey = await survey_removal(bucket) or survey
    raise BucketError(
        f"The bucket {bucket.name} keeps being filled while it is emptied.",
        bucket=bucket.name,
        hint=Hint("run-again", "Another setup seems to run; wait until it has ended, then destroy again."),
    )


async def _check_nothing_is_held(aws: Aws, target: Target, seen: Seen) -> None:
    """Make sure that every function is as it was deployed: without the stack nothing would put it back.

    The debugger's rows are read without knowing more of them than who, where and until when.
    """
    if seen.snapshot is None:  # without a stack there is no table
        return
    if held := await _read_holds(aws, target):
        raise FunctionsHeldError(_describe(held, datetime.now(UTC)), functions=held, hint=HINT)


async def _read_holds(aws: Aws, target: Target) -> tuple[FunctionHold, ...]:
    """Return the rows; none for a stack whose creation failed, or whose table somebody has deleted.

    A row that somebody else has written, and that names no function of this place, is left out: nothing could
    put that back.
    """
    client = await aws.client("dynamodb")
    items = all_items(
        aws,
        client.scan,
        TableName=TABLE,
        ConsistentRead=True,
        FilterExpression=f"begins_with({KEY}, :prefix)",
        ExpressionAttributeValues={":prefix": {"S": PREFIX}},
    )
    now, here = datetime.now(UTC), f":{target.region}:{target.account}:"
    found = [hold async for item in items for hold in _holds_of(item, now)]
    real = [each for each in found if is_function(each.arn) and here in each.arn]
    return tuple(sorted(real, key=lambda each: each.arn))


def _holds_of(item: Mapping[str, Any], now: datetime) -> tuple[FunctionHold, ...]:
    """Return who holds a function; whose own lease has ended only if nobody else is there."""
    named = [each.get("M", {}) for each in item.get("Holders", {}).get("L", ())]
    arn = read_text(item, KEY).removeprefix(PREFIX)
    # A row of an earlier version of plldb has the one holder's fields itself.
    holds = tuple(_hold_of(arn, each) for each in named or [item])
    return tuple(each for each in holds if each.lease_until > now) or holds


def _hold_of(arn: str, item: Mapping[str, Any]) -> FunctionHold:
    return FunctionHold(
        arn=arn,
        holder=read_text(item, "Who"),
        host=read_text(item, "Host"),
        stack=read_text(item, "Stack"),
        since=datetime.fromtimestamp(read_time(item, "Since"), UTC),
        lease_until=datetime.fromtimestamp(read_time(item, "LeaseUntil"), UTC),
    )


def _describe(held: Sequence[FunctionHold], now: datetime) -> str:
    functions = "; ".join(_describe_one(each, now) for each in held)
    return f"The stack cannot be removed while functions are debugged or not put back: {functions}."


def _describe_one(held: FunctionHold, now: datetime) -> str:
    ended = "" if held.lease_until > now else f", and was to be back at {held.lease_until:%Y-%m-%d %H:%M} UTC"
    since = f"{held.since:%Y-%m-%d %H:%M} UTC"
    return f"{held.function} is held by {held.holder} on {held.host} since {since}{ended}"
