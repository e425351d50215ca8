"""Packages and the rendered template become artifacts: objects in the bucket. Talks to S3."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plldb.bootstrap.artifacts.bucket import Bucket
from plldb.bootstrap.artifacts.packages import Package, build_package
from plldb.bootstrap.artifacts.sources import PackageSource, read_files
from plldb.bootstrap.artifacts.survey import StoredObject
from plldb.bootstrap.errors import BucketError
from plldb.errors import AwsError
from plldb.tasks import gather_all

# Packages in memory and on the wire at once: enough to keep the network busy, and a bound on memory.
IN_FLIGHT = 8
# S3's answers to a conditional write that lost a race: somebody else wrote, or deleted, first.
LOST_RACE = frozenset({"ConditionalRequestConflict", "NoSuchKey", "PreconditionFailed"})


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


async def publish_packages(
    bucket: Bucket, version: str, sources: Iterable[PackageSource], stored: Mapping[str, StoredObject]
) -> tuple[Artifact, ...]:
    """Read, zip and upload the packages side by side; what S3 holds already is not sent again.

    ``stored`` is what the survey found. When one fails, the others are cancelled and awaited.

    Raises:
        PackagingError: one cannot be built; the message names it.
        AwsError: one cannot be uploaded; the message names it.
        BucketError: the bucket does not keep versions.
    """
    places = asyncio.Semaphore(IN_FLIGHT)

    async def publish(source: PackageSource) -> Artifact:
        async with places:
            package = build_package(source.name, await read_files(source))
            key = package_key(version, source)
            try:
                return await _publish(bucket, key, package, stored.get(key))
            except AwsError as error:
                error.message += f" (while uploading the package {package.name})"
                raise

    return await gather_all(*[publish(source) for source in sources])


async def publish_template(bucket: Bucket, version: str, body: str) -> tuple[str, str]:
    """Upload the rendered template and return its key and version."""
    key = f"{version_prefix(version)}template.yaml"
    data = body.encode()
    digest = b64encode(hashlib.sha256(data).digest()).decode()
    return key, await _put(bucket, key, data, digest, ContentType="application/yaml")


async def _publish(bucket: Bucket, key: str, package: Package, found: StoredObject | None) -> Artifact:
    """Upload unless S3 has the same bytes; a writer beside us may be first, then its object is looked at."""
    uploaded = False
    if found is not None and found.md5 is None:
        found = await look_at_package(bucket, key, package)
    # What was stored before versioning was on has the version "null", which no template can pin.
    while found is None or found.md5 != package.md5 or found.version_id == "null":
        # Only over what was seen: two setups never overwrite each other blindly, and a repeated
        # request, whose first answer was lost, does not make a second version.
        condition = {"IfMatch": found.etag} if found else {"IfNoneMatch": "*"}
        try:
            version_id = await _put(bucket, key, package.body, package.sha256, **condition)
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
        if error.aws_code in ("404", "NoSuchKey"):
            return None
        raise
    return StoredObject(
        etag=head["ETag"].strip('"'),
        version_id=head.get("VersionId", "null"),
        md5=package.md5 if head.get("ChecksumSHA256") == package.sha256 else "",
    )


async def _put(bucket: Bucket, key: str, body: bytes, sha256: str, **more: Any) -> str:
    """Upload, and again while the bucket, for which versioning was just turned on, keeps no version of it."""
    pace, loop = bucket.pace, asyncio.get_running_loop()
    give_up = loop.time() + pace.versioning_for
    while True:
        # S3 compares the digest with what it received: what is stored is what was sent.
        answer = await bucket.aws.call(
            bucket.s3.put_object, **bucket.ours, Key=key, Body=body, ChecksumSHA256=sha256, **more
        )
        version_id = answer.get("VersionId", "null")
        if version_id != "null":
            return version_id
        if loop.time() >= give_up:
            raise BucketError(
                f"The bucket {bucket.name} does not keep versions yet.",
                bucket=bucket.name,
                hint="S3 may take some minutes to turn versioning on; then run the same command again.",
            )
        await asyncio.sleep(pace.poll)
        if more.keys() & {"IfMatch", "IfNoneMatch"}:
            more = {"IfMatch": answer["ETag"].strip('"')}  # over what this very run has put there
