"""The stages of a destroy: the stack first, then the bucket. Talks to AWS through its rooms."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

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
from plldb.bootstrap.errors import BucketError
from plldb.bootstrap.events import (
    BucketDeleted,
    BucketEmptied,
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


async def remove(
    aws: Aws,
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
    bucket = await open_bucket(aws, target, stack.pace)
    decide(seen.snapshot, DESTROY)  # somebody else's, or protected: nothing else is even looked at
    survey, seen = await gather_all(survey_removal(bucket), stack.with_event_ids(seen))
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
        kept, seen = await _remove_bucket(bucket, stack, seen, survey, tell, keep_bucket=keep_bucket)
        if seen.snapshot is None:
            break
        # A setup beside us has made the stack again, and perhaps the bucket.
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
    bucket: Bucket,
    stack: Stack,
    seen: Seen,
    survey: RemovalSurvey,
    tell: Tell[DestroyEvent],
    *,
    keep_bucket: bool,
) -> tuple[bool, Seen]:
    """Empty and delete the bucket; return whether it stays, and what the stack looks like after it."""
    if keep_bucket:
        await tell(BucketKept(bucket=bucket.name, reason="asked", found=survey.foreign))
        return True, seen
    gone = 0
    for _ in range(EMPTYING_ROUNDS):
        # What the survey saw goes first, without being listed again.
        async with aclosing(empty_bucket(bucket, survey)) as pages:
            async for count in pages:
                gone += count
                await tell(BucketEmptied(bucket=bucket.name, versions=gone))
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
        f"The bucket {bucket.name} is filled again and again while it is emptied.",
        bucket=bucket.name,
        hint=Hint("run-again", "Another setup seems to run; wait until it has ended, then destroy again."),
    )
