"""Empty the artifact bucket and delete it. Talks to S3."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plldb.aws.errors import THROTTLING_CODES, TRANSIENT_CODES, TryAgainError, overloaded
from plldb.bootstrap.artifacts.bucket import NAMED_AT_MOST, PREFIX, Bucket, bucket_error
from plldb.bootstrap.errors import BucketError
from plldb.errors import AwsError
from plldb.tasks import gather_all

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import (
        ErrorTypeDef,
        ListObjectVersionsOutputTypeDef,
        ObjectIdentifierTypeDef,
    )

# A setup that runs at the same time may put objects back while the bucket is emptied.
EMPTYING_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalSurvey:
    """What emptying would meet: the first page of it, and whether there is ``more``."""

    doomed: tuple[ObjectIdentifierTypeDef, ...]
    more: bool
    foreign: tuple[str, ...]

    @property
    def versions(self) -> int:
        """How many versions and delete markers the first page has."""
        return len(self.doomed)


async def survey_removal(bucket: Bucket) -> RemovalSurvey | None:
    """Look at what emptying would meet; None if there is no bucket.

    Raises:
        BucketError: the bucket belongs to another account.
    """
    listing = bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, Prefix=PREFIX)
    # With a delimiter S3 answers with the names at the top only, however many objects there are.
    top = bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, Delimiter="/")
    try:
        page, names = await gather_all(listing, top)
    except AwsError as error:
        if error.aws_code == "NoSuchBucket":
            return None
        raise bucket_error(error, bucket) from error
    return RemovalSurvey(
        doomed=tuple(_identifiers(page)), more=page.get("IsTruncated", False), foreign=_foreign(names)
    )


async def empty_bucket(bucket: Bucket, survey: RemovalSurvey | None = None) -> AsyncGenerator[int, None]:
    """Remove every version, delete marker and unfinished upload under ``plldb/``.

    Begins with what a ``survey`` saw, if there is one. Yields how many versions and markers each page
    had. Ends quietly if the bucket goes away.

    Raises:
        BucketError: something cannot be deleted; the message names it.
    """
    more = survey.more if survey else True
    try:
        doomed = list(survey.doomed) if survey else await _list_all(bucket)
        await gather_all(_abort_uploads(bucket), _delete(bucket, doomed))
        while doomed:
            yield len(doomed)
            # Always the first page anew: what is deleted is gone from it, what came in meanwhile is there.
            doomed = await _list_all(bucket) if more else []
            await _delete(bucket, doomed)
    except AwsError as error:
        if error.aws_code != "NoSuchBucket":
            raise bucket_error(error, bucket) from error


async def delete_bucket(bucket: Bucket) -> bool:
    """Delete the bucket; True if it is gone, False if something came into it.

    Raises:
        BucketError: it belongs to another account.
    """
    try:
        await bucket.aws.call(bucket.s3.delete_bucket, **bucket.ours)
    except AwsError as error:
        if error.aws_code == "BucketNotEmpty":
            return False
        if error.aws_code != "NoSuchBucket":
            raise bucket_error(error, bucket) from error
    return True


def _identifiers(page: ListObjectVersionsOutputTypeDef) -> list[ObjectIdentifierTypeDef]:
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]


def _foreign(names: ListObjectVersionsOutputTypeDef) -> tuple[str, ...]:
    prefixes = {each["Prefix"] for each in names.get("CommonPrefixes", [])} - {PREFIX}
    objects = {each["Key"] for each in [*names.get("Versions", []), *names.get("DeleteMarkers", [])]}
    return tuple(sorted(prefixes | objects))[:NAMED_AT_MOST]


async def _list_all(bucket: Bucket) -> list[ObjectIdentifierTypeDef]:
    """Return the first page of all versions and delete markers under ``plldb/``."""
    page = await bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, Prefix=PREFIX)
    return _identifiers(page)


async def _abort_uploads(bucket: Bucket) -> None:
    while True:
        page = await bucket.aws.call(bucket.s3.list_multipart_uploads, **bucket.ours, Prefix=PREFIX)
        uploads = page.get("Uploads", [])
        await gather_all(*[_abort(bucket, upload["Key"], upload["UploadId"]) for upload in uploads])
        if not page.get("IsTruncated"):
            return


async def _abort(bucket: Bucket, key: str, upload_id: str) -> None:
    try:
        await bucket.aws.call(bucket.s3.abort_multipart_upload, **bucket.ours, Key=key, UploadId=upload_id)
    except AwsError as error:
        if error.aws_code != "NoSuchUpload":  # gone already: an attempt before, or somebody else, was first
            raise


async def _delete(bucket: Bucket, doomed: list[ObjectIdentifierTypeDef]) -> None:
    async def attempt() -> None:
        answer = await bucket.aws.attempt(
            bucket.s3.delete_objects, **bucket.ours, Delete={"Objects": doomed, "Quiet": True}
        )
        if errors := answer.get("Errors"):
            raise _delete_error(errors, bucket)

    if doomed:
        # All of them again: what is gone already, S3 deletes once more without a complaint.
        await bucket.aws.repeat(attempt)


def _delete_error(errors: Sequence[ErrorTypeDef], bucket: Bucket) -> BucketError | TryAgainError:
    """Return what it means that S3 answered 200 and could not delete some of the keys."""
    codes = {error.get("Code", "") for error in errors}
    first = errors[0]
    message = (
        f"{len(errors)} objects in the bucket {bucket.name} cannot be deleted; the first is "
        f"{first.get('Key')!r}: {first.get('Message') or first.get('Code')}"
    )
    if codes <= THROTTLING_CODES | TRANSIENT_CODES:
        where = {"service": "s3", "operation": "DeleteObjects", "aws_code": first.get("Code", "")}
        return overloaded(message, throttled=codes <= THROTTLING_CODES, **where)
    return BucketError(
        message,
        bucket=bucket.name,
        hint="Look for an object lock, a bucket policy or a missing s3:DeleteObjectVersion, "
        "then run the same command again.",
    )
