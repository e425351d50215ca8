"""Empty the artifact bucket and delete it. Talks to S3."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from plldb.aws.errors import TryAgainError, overloaded
from plldb.aws.failures.codes import meaning_of
from plldb.bootstrap.artifacts.bucket import (
    NAMED_AT_MOST,
    PREFIX,
    Bucket,
    bucket_error,
    check_region,
    read_region,
)
from plldb.bootstrap.errors import BucketError
from plldb.bootstrap.events.destroy import BucketEmptied
from plldb.errors import AwsError, Hint
from plldb.streams import Tell
from plldb.tasks import gather_all

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import (
        ErrorTypeDef,
        ListObjectVersionsOutputTypeDef,
        ObjectIdentifierTypeDef,
    )

# A setup that runs at the same time may put objects back while the bucket is emptied.
EMPTYING_ROUNDS = 5
# What is no character of XML 1.0 ("Char" in its specification): S3 reads no request that has it in its body.
# No compiled pattern: to compile it takes longer than to import this module.
NOT_IN_XML = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalSurvey:
    """What emptying would meet: the first page of it, and whether there is ``more``."""

    to_delete: tuple[ObjectIdentifierTypeDef, ...]
    more: bool
    foreign: tuple[str, ...]

    @property
    def versions(self) -> int:
        """How many versions and delete markers the first page has."""
        return len(self.to_delete)


async def survey_removal(bucket: Bucket) -> RemovalSurvey | None:
    """Look at what emptying would meet; None if there is no bucket.

    Raises:
        BucketError: the bucket belongs to another account.
    """
    # With a delimiter S3 answers with the names at the top only, however many objects there are.
    top = bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, Delimiter="/")
    try:
        page, names, region = await gather_all(_read_first(bucket), top, read_region(bucket))
    except AwsError as error:
        if error.aws_code == "NoSuchBucket":
            return None
        raise await bucket_error(error, bucket) from error
    check_region(bucket, region)
    return RemovalSurvey(
        to_delete=_identifiers(page), more=page.get("IsTruncated", False), foreign=_foreign(names)
    )


async def empty_bucket(
    bucket: Bucket, survey: RemovalSurvey, tell: Tell[BucketEmptied], *, before: int = 0
) -> int:
    """Remove every version, delete marker and unfinished upload under ``plldb/``.

    Begins with what the survey saw. Tells after each page how many versions and markers are gone, together
    with those ``before``, and returns that. Ends quietly if the bucket goes away.

    Raises:
        BucketError: something cannot be deleted; the message names it.
    """
    to_delete, gone = survey.to_delete, before
    try:
        await gather_all(_abort_uploads(bucket), _delete(bucket, to_delete))
        while to_delete:
            gone += len(to_delete)
            await tell(BucketEmptied(bucket=bucket.name, versions=gone))
            # Always the first page anew: what is deleted is gone from it, what came in meanwhile is there.
            to_delete = _identifiers(await _read_first(bucket)) if survey.more else ()
            await _delete(bucket, to_delete)
    except AwsError as error:
        if error.aws_code != "NoSuchBucket":
            raise await bucket_error(error, bucket) from error
    return gone


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
            raise await bucket_error(error, bucket) from error
    return True


def _identifiers(page: ListObjectVersionsOutputTypeDef) -> tuple[ObjectIdentifierTypeDef, ...]:
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    # A version that S3 does not name is the one from before versioning was on, which is called null.
    return tuple({"Key": each.get("Key", ""), "VersionId": each.get("VersionId", "null")} for each in found)


def _foreign(names: ListObjectVersionsOutputTypeDef) -> tuple[str, ...]:
    prefixes = {each.get("Prefix", "") for each in names.get("CommonPrefixes", [])}
    objects = {each["Key"] for each in _identifiers(names)}
    return tuple(sorted((prefixes | objects) - {PREFIX, ""}))[:NAMED_AT_MOST]


async def _read_first(bucket: Bucket) -> ListObjectVersionsOutputTypeDef:
    """Return the first page of all versions and delete markers under ``plldb/``."""
    return await bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, Prefix=PREFIX)


async def _abort_uploads(bucket: Bucket) -> None:
    where: dict[str, Any] = {}
    while True:
        # Encoded, because XML cannot carry every key; botocore decodes versions, and does not decode these.
        page = await bucket.aws.call(
            bucket.s3.list_multipart_uploads, **bucket.ours, Prefix=PREFIX, EncodingType="url", **where
        )
        decode = unquote_plus if page.get("EncodingType") == "url" else str
        uploads = [
            (decode(each.get("Key", "")), each.get("UploadId", "")) for each in page.get("Uploads", [])
        ]
        await gather_all(*[_abort(bucket, key, upload_id) for key, upload_id in uploads])
        if not page.get("IsTruncated") or not uploads:
            return
        where = dict(zip(("KeyMarker", "UploadIdMarker"), uploads[-1], strict=True))


async def _abort(bucket: Bucket, key: str, upload_id: str) -> None:
    try:
        await bucket.aws.call(bucket.s3.abort_multipart_upload, **bucket.ours, Key=key, UploadId=upload_id)
    except AwsError as error:
        if error.aws_code != "NoSuchUpload":  # gone already: an attempt before, or somebody else, was first
            raise


async def _delete(bucket: Bucket, to_delete: Sequence[ObjectIdentifierTypeDef]) -> None:
    """Delete versions with one request, but those one by one whose keys XML cannot carry."""
    alone = [each for each in to_delete if re.search(NOT_IN_XML, each["Key"])]
    together = [each for each in to_delete if not re.search(NOT_IN_XML, each["Key"])]

    async def attempt() -> None:
        answer = await bucket.aws.attempt(
            bucket.s3.delete_objects, **bucket.ours, Delete={"Objects": together, "Quiet": True}
        )
        if errors := answer.get("Errors"):
            raise _delete_error(errors, bucket)

    if together:
        # All of them again: what is gone already, S3 deletes once more without a complaint.
        await bucket.aws.repeat(attempt)
    for each in alone:
        try:
            version_id = each.get("VersionId", "null")
            await bucket.aws.call(
                bucket.s3.delete_object, **bucket.ours, Key=each["Key"], VersionId=version_id
            )
        except AwsError as error:
            error.message += f" (while deleting {each['Key']!r})"
            raise


def _delete_error(errors: Sequence[ErrorTypeDef], bucket: Bucket) -> BucketError | TryAgainError:
    """Return what it means that S3 answered 200 and could not delete some of the keys."""
    kinds = {meaning_of(error.get("Code", "")).kind for error in errors}
    first = errors[0]
    message = (
        f"{len(errors)} objects in the bucket {bucket.name} cannot be deleted; the first is "
        f"{first.get('Key')!r}: {first.get('Message') or first.get('Code')}"
    )
    if kinds <= {"throttled", "failing"}:
        where = {"service": "s3", "operation": "DeleteObjects", "aws_code": first.get("Code", "")}
        return overloaded(message, throttled=kinds == {"throttled"}, **where)
    return BucketError(
        message,
        bucket=bucket.name,
        hint=Hint(
            "look-at-bucket",
            "Look for an object lock, a bucket policy, MFA delete, or a missing s3:DeleteObjectVersion. What "
            "was deleted stays deleted; destroy goes on from there.",
        ),
    )
