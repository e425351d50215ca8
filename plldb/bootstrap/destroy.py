"""The stages of a destroy: the stack first, then the bucket. Talks to AWS through its rooms."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.bootstrap.artifacts.bucket import (
    EMPTYING_ROUNDS,
    RemovalSurvey,
    delete_bucket,
    empty_bucket,
    open_bucket,
    survey_removal,
)
from plldb.bootstrap.artifacts.settings import Bucket
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
from plldb.bootstrap.stack.decide import DESTROY, decide
from plldb.bootstrap.stack.operate import settle
from plldb.bootstrap.template import TemplateResource
from plldb.errors import Hint
from plldb.tasks import gather_all


async def remove(
    aws: Aws,
    target: Target,
    stack: Stack,
    resources: Sequence[TemplateResource],
    *,
    keep_bucket: bool,
    dry_run: bool,
) -> AsyncGenerator[DestroyEvent, None]:
    """Remove the stack and the bucket; the last event is `DestroyFinished`, of a dry run `RemovalPlanned`."""
    bucket = await open_bucket(aws, target, stack.pace)
    decide(stack.snapshot, DESTROY)  # somebody else's, or protected: nothing else is even looked at
    survey, _ = await gather_all(survey_removal(bucket), stack.read_marker())
    yield _planned(stack, bucket, survey, keep_bucket)
    if dry_run:
        return
    existed = stack.snapshot is not None or (survey is not None and not keep_bucket)

    kept = False
    while True:
        async with aclosing(settle(stack, DESTROY, resources)) as clearing:
            async for event in clearing:
                yield event
        if survey is None:
            break
        async with aclosing(_remove_bucket(bucket, stack, survey, keep_bucket)) as removing:
            async for step in removing:
                kept = isinstance(step, BucketKept)
                yield step
        if stack.snapshot is None:
            break
        # A setup beside us has made the stack again, and perhaps the bucket.
        survey = await survey_removal(bucket)
    yield DestroyFinished(changed=existed, bucket_kept=kept)


def _planned(stack: Stack, bucket: Bucket, survey: RemovalSurvey | None, keep_bucket: bool) -> RemovalPlanned:
    return RemovalPlanned(
        stack_name=stack.name,
        stack_status=stack.snapshot.status if stack.snapshot else None,
        bucket=bucket.name if survey else None,
        keep_bucket=keep_bucket,
        versions=survey.versions if survey else 0,
        more=survey.more if survey else False,
        foreign=survey.foreign if survey else (),
    )


async def _remove_bucket(
    bucket: Bucket, stack: Stack, survey: RemovalSurvey, keep_bucket: bool
) -> AsyncGenerator[BucketEmptied | BucketDeleted | BucketKept, None]:
    if keep_bucket:
        yield BucketKept(bucket=bucket.name, reason="asked", found=survey.foreign)
        return
    gone = 0
    for _ in range(EMPTYING_ROUNDS):
        # What the survey saw goes first, without being listed again.
        async with aclosing(empty_bucket(bucket, survey)) as pages:
            async for count in pages:
                gone += count
                yield BucketEmptied(bucket=bucket.name, versions=gone)
        if survey.foreign:
            await stack.refresh()
            yield BucketKept(bucket=bucket.name, reason="foreign", found=survey.foreign)
            return
        # Now that the template is gone nobody can make a stack of it; whether somebody has is seen here.
        deleted, _ = await gather_all(delete_bucket(bucket), stack.refresh())
        if deleted:
            yield BucketDeleted(bucket=bucket.name)
            return
        # Something came into it, perhaps something foreign.
        survey = await survey_removal(bucket) or survey
    raise BucketError(
        f"The bucket {bucket.name} is filled again and again while it is emptied.",
        bucket=bucket.name,
        hint=Hint("run-again", "Another setup seems to run; wait until it has ended, then destroy again."),
    )
