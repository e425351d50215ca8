"""The artifact bucket: look at it, make it safe, empty it, delete it. Talks to S3."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plldb.aws.errors import THROTTLING_CODES, TRANSIENT_CODES, TryAgainError, overloaded
from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.bootstrap.artifacts.settings import Bucket, Repair, all_repairs, survey_settings
from plldb.bootstrap.errors import BucketError
from plldb.bootstrap.pace import DEFAULT_PACE, Pace
from plldb.errors import AccessDeniedError, AwsError
from plldb.tasks import gather_all

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import (
        ErrorTypeDef,
        ListObjectVersionsOutputTypeDef,
        ObjectIdentifierTypeDef,
    )

PREFIX = "plldb/"
# How many names outside PREFIX are told to a person; there may be thousands.
NAMED_AT_MOST = 20
# A setup that runs at the same time may put objects back while the bucket is emptied.
EMPTYING_ROUNDS = 5
# The one region that may not be named to CreateBucket. Only here it answers success for a bucket that one has
# already, and takes its ACLs away ("CreateBucket" in the Amazon S3 API reference).
HOME_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """The current version of an object, without its bytes.

    ``md5`` is that of its bytes, in hexadecimal; None where S3 does not tell it, in a bucket with KMS.
    """

    etag: str
    version_id: str
    md5: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSurvey:
    """What S3 holds: current objects by key, and what is to be put right."""

    exists: bool
    objects: dict[str, StoredObject]
    repairs: tuple[Repair, ...]


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


async def survey_bucket(bucket: Bucket, prefix: str) -> BucketSurvey:
    """Look at the objects under a prefix and at every setting, side by side.

    Raises:
        BucketError: the bucket belongs to another account.
    """
    try:
        versions, (wrong, encryption) = await gather_all(
            _list_current(bucket, prefix), survey_settings(bucket)
        )
    except AwsError as error:
        if error.aws_code == "NoSuchBucket":
            return survey_of_new(bucket)
        raise _bucket_error(error, bucket) from error
    # Only with S3's own keys is the ETag the MD5 of the bytes.
    tells_md5 = encryption in (None, "AES256")
    objects = {
        key: StoredObject(etag=etag, version_id=version_id, md5=etag if tells_md5 else None)
        for key, etag, version_id in versions
    }
    return BucketSurvey(exists=True, objects=objects, repairs=wrong)


def survey_of_new(bucket: Bucket) -> BucketSurvey:
    """Return what is to be done where there is no bucket, or one that is new. Pure."""
    return BucketSurvey(exists=False, objects={}, repairs=all_repairs(bucket))


async def bucket_exists(bucket: Bucket) -> bool:
    """Tell whether the bucket is there, and ours.

    Raises:
        BucketError: it belongs to another account.
    """
    try:
        await bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, MaxKeys=1)
    except AwsError as error:
        if error.aws_code == "NoSuchBucket":
            return False
        raise _bucket_error(error, bucket) from error
    return True


async def create_bucket(bucket: Bucket) -> bool:
    """Create the bucket, or find that it is ours already: True if it was made.

    Raises:
        BucketError: another account has a bucket of that name.
    """
    request: dict[str, Any] = {"Bucket": bucket.name, "ObjectOwnership": "BucketOwnerEnforced"}
    if bucket.region != HOME_REGION:
        request["CreateBucketConfiguration"] = {"LocationConstraint": bucket.region}
    try:
        await bucket.aws.call(bucket.s3.create_bucket, **request)
    except AwsError as error:
        if error.aws_code == "BucketAlreadyOwnedByYou":
            return False  # made by a setup beside this one, or by an attempt whose answer was lost
        raise _bucket_error(error, bucket) from error
    return True


async def try_to_create_bucket(bucket: Bucket) -> bool:
    """Do what `create_bucket` does; False also if that is refused, which is no matter where a bucket is."""
    try:
        return await create_bucket(bucket)
    except (AccessDeniedError, BucketError):
        return False


async def make_safe(bucket: Bucket, repairs: tuple[Repair, ...]) -> None:
    """Put the settings right, side by side.

    Raises:
        BucketError: the bucket belongs to another account.
    """
    try:
        await gather_all(*[repair.apply() for repair in repairs])
    except AwsError as error:
        raise _bucket_error(error, bucket) from error


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
        raise _bucket_error(error, bucket) from error
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
            raise _bucket_error(error, bucket) from error


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
            raise _bucket_error(error, bucket) from error
    return True


async def _list_current(bucket: Bucket, prefix: str) -> list[tuple[str, str, str]]:
    """Return key, ETag and version of every current object under a prefix."""
    found: list[tuple[str, str, str]] = []
    where: dict[str, Any] = {}
    while True:
        page = await bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, Prefix=prefix, **where)
        found += [
            (each["Key"], each["ETag"].strip('"'), each["VersionId"])
            for each in page.get("Versions", [])
            if each["IsLatest"]
        ]
        if not page.get("IsTruncated"):
            return found
        where = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}


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


def _bucket_error(error: AwsError, bucket: Bucket) -> AwsError | BucketError:
    # Within one account IAM names the missing action. A refusal that names none is what S3 answers
    # when the owner is not the expected one.
    named = isinstance(error, AccessDeniedError) and "not authorized to perform" in str(error)
    stranger = isinstance(error, AccessDeniedError) and not named
    if not stranger and error.aws_code != "BucketAlreadyExists":
        return error
    return BucketError(
        f"The bucket {bucket.name} belongs to another account, or its policy shuts you out; "
        "nothing was sent to it.",
        bucket=bucket.name,
        hint=f"Bucket names are global. Check that you act in the right account ({bucket.owner}), or use "
        "another region; if somebody took the name, tell AWS Support.",
    )
