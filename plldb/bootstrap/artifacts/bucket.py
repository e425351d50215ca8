"""The artifact bucket: its name, owner and region, whether it exists; create it. Talks to S3."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plldb.aws.errors import TryAgainError, answer_header
from plldb.aws.failures.codes import is_bare_denial
from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.bootstrap.errors import BucketError
from plldb.bootstrap.events.setup import BucketDelayed
from plldb.bootstrap.pace import DEFAULT_PACE, Pace
from plldb.errors import AccessDeniedError, AwsError, Hint
from plldb.streams import Tell, each_once
from plldb.tasks import gather_all

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

PREFIX = "plldb/"
# How many names of what others put there are told to a person; there may be thousands.
NAMED_AT_MOST = 20
# The one region that may not be named to CreateBucket. Only here it answers success for a bucket that one has
# already, and takes its ACLs away ("CreateBucket" in the Amazon S3 API reference).
HOME_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The artifact bucket of one account and region, and how to reach it."""

    aws: Aws
    s3: S3Client
    name: str
    region: str
    partition: str
    owner: str
    pace: Pace = DEFAULT_PACE

    @property
    def ours(self) -> dict[str, Any]:
        """What every request carries: S3 refuses it unless the bucket belongs to ``owner``."""
        return {"Bucket": self.name, "ExpectedBucketOwner": self.owner}

    @property
    def arn(self) -> str:
        """Its Amazon resource name."""
        return f"arn:{self.partition}:s3:::{self.name}"


def bucket_name(target: Target) -> str:
    """Return the name of the artifact bucket. Pure."""
    return f"plldb-core-infrastructure-{target.region}-{target.account}"


async def open_bucket(aws: Aws, target: Target, pace: Pace = DEFAULT_PACE) -> Bucket:
    """Return the handle of the artifact bucket; nothing is asked of S3 yet."""
    return Bucket(
        aws=aws,
        s3=await aws.s3(),
        name=bucket_name(target),
        region=target.region,
        partition=target.partition,
        owner=target.account,
        pace=pace,
    )


async def bucket_exists(bucket: Bucket) -> bool:
    """Tell whether the bucket is there, and ours.

    Raises:
        BucketError: it belongs to another account, or is in another region.
    """
    listing = bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, MaxKeys=1)
    try:
        _, region = await gather_all(listing, read_region(bucket))
    except AwsError as error:
        if error.aws_code == "NoSuchBucket":
            return False
        raise await bucket_error(error, bucket) from error
    check_region(bucket, region)
    return True


async def read_region(bucket: Bucket) -> str:
    """Return where the bucket is, or where it should be if S3 does not say.

    That it does not exist, or may not be asked, is no error: the other requests report that better.
    """
    try:
        answer = await bucket.aws.call(bucket.s3.head_bucket, **bucket.ours)
    except AwsError as error:
        if isinstance(error, AccessDeniedError):
            return answer_header(error, "x-amz-bucket-region") or bucket.region  # S3 tells it to everybody
        if error.aws_code in ("404", "NoSuchBucket"):
            return bucket.region
        raise
    return answer.get("BucketRegion", bucket.region)


def check_region(bucket: Bucket, found: str) -> None:
    """Check where the bucket is. Pure.

    botocore follows it into any region, but CloudFormation does not read there.

    Raises:
        BucketError: it is in another region.
    """
    if found != bucket.region:
        raise BucketError(
            f"The bucket {bucket.name} is in {found}, and plldb needs it in {bucket.region}; "
            "nothing was changed in it.",
            bucket=bucket.name,
            hint=Hint(
                "look-at-bucket",
                f"It has the name that plldb needs in {bucket.region}. Move its contents elsewhere and "
                "delete it, or use another region.",
            ),
        )


async def create_bucket(bucket: Bucket, tell: Tell[BucketDelayed]) -> bool:
    """Create the bucket, or find that it is ours already: True if it was made.

    For some minutes S3 refuses the name of a bucket that was just deleted; that is waited for, and told.

    Raises:
        BucketError: another account has a bucket of that name, or S3 does not release the name.
    """
    try:
        return await _create(bucket, tell)
    except AwsError as error:
        raise creation_error(error, bucket) from error


async def try_to_create_bucket(bucket: Bucket, tell: Tell[BucketDelayed]) -> bool:
    """Do what `create_bucket` does; False also if that is denied: where a bucket exists, no harm is done."""
    try:
        return await _create(bucket, tell)
    except AwsError as error:
        if isinstance(error, AccessDeniedError) or error.aws_code == "BucketAlreadyExists":
            return False
        raise creation_error(error, bucket) from error


async def _create(bucket: Bucket, tell: Tell[BucketDelayed]) -> bool:
    request: dict[str, Any] = {"Bucket": bucket.name}
    # No ownership in it: every new bucket has BucketOwnerEnforced, and to name it needs another permission.
    if bucket.region != HOME_REGION:
        request["CreateBucketConfiguration"] = {"LocationConstraint": bucket.region}
    pace, loop = bucket.pace, asyncio.get_running_loop()
    began, tell_once = loop.time(), each_once(tell)

    async def attempt() -> None:
        try:
            await bucket.aws.attempt(bucket.s3.create_bucket, **request)
        except TryAgainError as again:
            if again.error.aws_code == "OperationAborted" and loop.time() - began >= pace.notice_after:
                most = pace.throttled_for
                await tell_once(BucketDelayed(bucket=bucket.name, reason="name_in_use", seconds=most))
            raise

    try:
        await bucket.aws.repeat(attempt)
    except AwsError as error:
        if error.aws_code == "BucketAlreadyOwnedByYou":
            return False  # made by a setup beside this one, or by an attempt whose answer was lost
        raise
    return True


def creation_error(error: AwsError, bucket: Bucket) -> AwsError | BucketError:
    """Return what it means that the bucket cannot be made. Pure."""
    if error.aws_code == "OperationAborted":
        return BucketError(
            f"S3 has not released the name {bucket.name} yet: it is still deleting the bucket that had it.",
            bucket=bucket.name,
            hint=Hint("run-again", "Try again later; at times S3 takes an hour."),
        )
    if isinstance(error, AccessDeniedError) and isinstance(error.hint, Hint):
        why = (
            "A service control policy with the condition s3:x-amz-bucket-namespace allows account-regional "
            "bucket names (…-an) only, which plldb does not use: ask for an exception for this name."
        )
        error.hint = Hint(error.hint.kind, f"{error.hint.text} {why}")
        return error
    return _not_ours(bucket) if error.aws_code == "BucketAlreadyExists" else error


async def bucket_error(error: AwsError, bucket: Bucket) -> AwsError | BucketError:
    """Return what a refusal means: an owner that is not the expected one, or what S3 says.

    S3 says no more than "Access Denied" of a stranger's bucket; so whose it is is asked by itself.
    """
    if is_bare_denial(error) and not await _is_ours(bucket):
        return _not_ours(bucket)
    return error


async def _is_ours(bucket: Bucket) -> bool:
    """Tell whether S3 says that the bucket is ours; False also if it does not say."""
    try:
        await bucket.aws.call(bucket.s3.head_bucket, **bucket.ours)
    except AwsError:
        return False
    return True


def _not_ours(bucket: Bucket) -> BucketError:
    return BucketError(
        f"The bucket {bucket.name} belongs to another account, or its policy denies you access; "
        "nothing was sent to it.",
        bucket=bucket.name,
        hint=Hint(
            "check-account",
            f"Bucket names are global. Check that you act in the right account ({bucket.owner}), or use "
            "another region; if somebody took the name, tell AWS Support.",
        ),
    )
