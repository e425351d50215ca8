"""Look at the artifact bucket: what it holds, and what is to be put right. Talks to S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plldb.bootstrap.artifacts.bucket import Bucket, bucket_error, check_region, read_region
from plldb.bootstrap.artifacts.settings import ALL_REPAIRS, Repair, survey_settings
from plldb.errors import AwsError
from plldb.tasks import gather_all

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import ObjectVersionTypeDef


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


NO_BUCKET = BucketSurvey(exists=False, objects={}, repairs=ALL_REPAIRS)


async def survey_bucket(bucket: Bucket, prefix: str) -> BucketSurvey:
    """Look at the objects under a prefix and at every setting, side by side.

    Raises:
        BucketError: the bucket belongs to another account, or is in another region.
    """
    try:
        objects, settings, region = await gather_all(
            _list_current(bucket, prefix), survey_settings(bucket), read_region(bucket)
        )
    except AwsError as error:
        if error.aws_code == "NoSuchBucket":
            return NO_BUCKET
        raise await bucket_error(error, bucket) from error
    check_region(bucket, region)
    # Only with S3's own keys is the ETag the MD5 of the bytes.
    tells_md5 = settings.encryption in (None, "AES256")
    stored = {each.get("Key", ""): _stored(each, tells_md5) for each in objects}
    return BucketSurvey(exists=True, objects=stored, repairs=settings.repairs)


def _stored(found: ObjectVersionTypeDef, tells_md5: bool) -> StoredObject:
    etag = found.get("ETag", "").strip('"')
    md5 = etag if tells_md5 and etag else None
    return StoredObject(etag=etag, version_id=found.get("VersionId", "null"), md5=md5)


async def _list_current(bucket: Bucket, prefix: str) -> list[ObjectVersionTypeDef]:
    """Return the current version of every object under a prefix."""
    found: list[ObjectVersionTypeDef] = []
    where: dict[str, Any] = {}
    while True:
        page = await bucket.aws.call(bucket.s3.list_object_versions, **bucket.ours, Prefix=prefix, **where)
        found += [each for each in page.get("Versions", []) if each.get("IsLatest")]
        markers = {"KeyMarker": page.get("NextKeyMarker"), "VersionIdMarker": page.get("NextVersionIdMarker")}
        where = {name: marker for name, marker in markers.items() if marker}
        if not page.get("IsTruncated") or not where:
            return found
