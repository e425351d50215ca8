"""Packages and the rendered template become artifacts: objects in the bucket. Talks to S3."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from plldb.aws.failures.codes import denied_hint
from plldb.bootstrap.artifacts.bucket import Bucket
from plldb.bootstrap.artifacts.packages import Package, build_package
from plldb.bootstrap.artifacts.sources import PackageSource, read_files
from plldb.bootstrap.artifacts.survey import StoredObject
from plldb.bootstrap.errors import BucketError
from plldb.bootstrap.events.setup import BucketDelayed
from plldb.errors import AccessDeniedError, AwsError, Hint
from plldb.streams import Tell
from plldb.tasks import gather_all

T = TypeVar("T")

# Packages in memory and on the wire at once: enough to keep the network busy, and a bound on memory.
IN_FLIGHT = 8
# S3's answers to a conditional write that lost a race: somebody else wrote, or deleted, first.
LOST_RACE = frozenset({"ConditionalRequestConflict", "NoSuchKey", "PreconditionFailed"})
# S3's answers to a read of what is not there; to HEAD it gives the status alone.
NOT_THERE = frozenset({"404", "NoSuchKey", "NoSuchVersion"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Where one package lies in S3. ``uploaded`` is False if the same bytes were there already."""

    name: str
    key: str
    version_id: str
    size: int
    uploaded: bool


def version_prefix(version: str) -> str:
    """Return what the keys of one plldb version begin with. Pure."""
    return f"plldb/versions/{version}/"


def package_key(version: str, source: PackageSource) -> str:
    """Return the key of one package. Pure."""
    return f"{version_prefix(version)}{source.folder}/{source.name}.zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploader:
    """Uploads to one bucket.

    Attributes:
        tell: is told that S3 needs time to keep versions; not more than once for a stream.
    """

    bucket: Bucket
    version: str
    tell: Tell[BucketDelayed]


async def publish_packages(
    uploader: Uploader, sources: Iterable[PackageSource], stored: asyncio.Future[Mapping[str, StoredObject]]
) -> tuple[Artifact, ...]:
    """Read and zip the packages, and upload them side by side; what S3 holds already is not sent again.

    ``stored``, what S3 holds, is known once the bucket takes uploads; they are zipped before that. When one
    fails, the others are cancelled and awaited.

    Raises:
        PackagingError: one cannot be built; the message names it.
        AwsError: one cannot be uploaded; the message names it.
        BucketError: the bucket does not keep versions.
    """
    places = asyncio.Semaphore(IN_FLIGHT)

    async def publish(source: PackageSource) -> Artifact:
        async with places:
            package = build_package(source.name, await read_files(source))
            key = package_key(uploader.version, source)
            found = (await asyncio.shield(stored)).get(key)  # who is cancelled here leaves it to the others
            try:
                return await _publish(uploader, key, package, found)
            except AwsError as error:
                error.message += f" (while uploading the package {package.name})"
                raise

    # While one is zipped, nothing else goes on: the requests on whose answer this waits leave first.
    await asyncio.sleep(uploader.bucket.aws.pace.head_start)
    return await gather_all(*[publish(source) for source in sources])


async def publish_template(uploader: Uploader, body: str) -> tuple[str, str]:
    """Upload the rendered template and return its key and version."""
    key = f"{version_prefix(uploader.version)}template.yaml"
    data = body.encode()
    digest = b64encode(hashlib.sha256(data).digest()).decode()
    return key, await _put(uploader, key, data, digest, ContentType="application/yaml")


async def wait_until_readable(uploader: Uploader, versions: Iterable[tuple[str, str]]) -> None:
    """Wait until each version of a key can be read: not at once if versioning was turned on just now.

    Raises:
        AwsError: one has been deleted meanwhile (NoSuchVersion).
        BucketError: for too long one cannot.
    """
    await gather_all(*[_wait_until_readable(uploader, *each) for each in versions])


async def _publish(uploader: Uploader, key: str, package: Package, found: StoredObject | None) -> Artifact:
    """Upload unless S3 has the same bytes; a writer beside us may be first, then its object is looked at."""
    bucket, uploaded = uploader.bucket, False
    if found is not None and found.md5 is None:
        found = await look_at_package(bucket, key, package)
    # What was stored before versioning was on has the version "null", which no template can pin.
    while found is None or found.md5 != package.md5 or found.version_id == "null":
        # Only over what was seen: two setups never overwrite each other blindly, and a repeated
        # request, whose first answer was lost, does not make a second version.
        condition = {"IfMatch": found.etag} if found else {"IfNoneMatch": "*"}
        try:
            version_id = await _put(uploader, key, package.body, package.sha256, **condition)
            found, uploaded = StoredObject(etag="", version_id=version_id, md5=package.md5), True
        except AwsError as error:
            if error.aws_code not in LOST_RACE:
                raise
            found = await look_at_package(bucket, key, package)
    return Artifact(
        name=package.name,
        key=key,
        version_id=found.version_id,
        size=package.size,
        uploaded=uploaded,
    )


async def look_at_package(bucket: Bucket, key: str, package: Package) -> StoredObject | None:
    """Return the current object at ``key``, None if there is none; its ``md5`` tells if it is the package.

    Told by the SHA-256 that S3 keeps: an ETag says nothing of the bytes in a bucket with KMS.
    """
    try:
        head = await bucket.aws.call(bucket.s3.head_object, **bucket.ours, Key=key, ChecksumMode="ENABLED")
    except AwsError as error:
        if error.aws_code in NOT_THERE:
            return None
        raise
    return StoredObject(
        etag=head.get("ETag", "").strip('"'),
        version_id=head.get("VersionId", "null"),
        md5=package.md5 if head.get("ChecksumSHA256") == package.sha256 else "",
    )


async def _put(uploader: Uploader, key: str, body: bytes, sha256: str, **more: Any) -> str:
    """Upload, and again while the bucket, for which versioning was just turned on, keeps no version of it."""
    bucket, conditions = uploader.bucket, more

    async def put() -> str | None:
        nonlocal conditions
        # S3 compares the digest with what it received: what is stored is what was sent.
        answer = await bucket.aws.call(
            bucket.s3.put_object, **bucket.ours, Key=key, Body=body, ChecksumSHA256=sha256, **conditions
        )
        if conditions.keys() & {"IfMatch", "IfNoneMatch"}:
            conditions = {
                "IfMatch": answer.get("ETag", "").strip('"')
            }  # over what this very run has put there
        version_id = answer.get("VersionId", "null")
        return None if version_id == "null" else version_id

    return await _until_versioned(uploader, put)


async def _wait_until_readable(uploader: Uploader, key: str, version_id: str) -> None:
    bucket = uploader.bucket

    async def look() -> bool | None:
        try:
            await bucket.aws.call(bucket.s3.head_object, **bucket.ours, Key=key, VersionId=version_id)
        except AwsError as error:
            if isinstance(
                error, AccessDeniedError
            ):  # HEAD says nothing, and of a version it is another action
                error.action = "s3:GetObjectVersion"
                error.hint = denied_hint(error.message, error.action)
            if error.aws_code not in NOT_THERE:
                raise
            await _check_listed(bucket, key, version_id)
            return None
        return True

    await _until_versioned(uploader, look)


async def _check_listed(bucket: Bucket, key: str, version_id: str) -> None:
    """Raise that a version is gone, unless S3 lists it: then it is only not to be read yet."""
    page = await bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, Prefix=key)
    if not any(each.get("VersionId") == version_id for each in page.get("Versions", [])):
        raise AwsError(
            f"{key} was deleted just after it had been uploaded.",
            service="s3",
            operation="HeadObject",
            aws_code="NoSuchVersion",
            hint=Hint("run-again", "Somebody empties the bucket; try again when that is over."),
        )


async def _until_versioned(uploader: Uploader, attempt: Callable[[], Awaitable[T | None]]) -> T:
    """Repeat an attempt until it gives something, for as long as S3 may need to turn versioning on."""
    bucket, pace, loop = uploader.bucket, uploader.bucket.pace, asyncio.get_running_loop()
    give_up = loop.time() + pace.versioning_for
    while (found := await attempt()) is None:
        if loop.time() >= give_up:
            raise BucketError(
                f"The bucket {bucket.name} does not keep versions yet.",
                bucket=bucket.name,
                hint=Hint(
                    "run-again",
                    "S3 may take some minutes to turn versioning on; try again then.",
                ),
            )
        most = pace.versioning_for
        await uploader.tell(BucketDelayed(bucket=bucket.name, reason="versioning", seconds=most))
        await asyncio.sleep(pace.poll)
    return found
