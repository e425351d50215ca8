"""A bucket whose S3 answers by a script. Talks to nobody."""

from __future__ import annotations

from typing import Any, cast

from plldb.bootstrap.artifacts.bucket import Bucket
from plldb.bootstrap.pace import Pace
from plldb.streams import Tell
from tests.unit.aws.fakes import ACCOUNT, AT_ONCE, Answer, Client, aws, refused

# What S3 answers about a setting that was never made.
NEVER_MADE: dict[str, list[Answer]] = {
    "get_public_access_block": [refused("NoSuchPublicAccessBlockConfiguration", status=404)],
    "get_bucket_versioning": [{}],
    "get_bucket_encryption": [refused("ServerSideEncryptionConfigurationNotFoundError", status=404)],
    "get_bucket_ownership_controls": [refused("OwnershipControlsNotFoundError", status=404)],
    "get_bucket_policy": [refused("NoSuchBucketPolicy", status=404)],
    "get_bucket_lifecycle_configuration": [refused("NoSuchLifecycleConfiguration", status=404)],
}
GONE = refused("NoSuchBucket", status=404)
# What S3 says of where a bucket lies, for all tests that ask nothing of that.
HERE: dict[str, list[Answer]] = {"head_bucket": [{"BucketRegion": "eu-west-1"}]}


def bucket(
    region: str = "eu-west-1", pace: Pace = AT_ONCE, /, **answers: list[Answer]
) -> tuple[Bucket, Client]:
    """A bucket called ``b``, and the client that answers for it and keeps what it was asked."""
    client = Client("s3", HERE | answers)
    s3 = cast("Any", client)
    return Bucket(
        aws=aws(pace), s3=s3, name="b", region=region, partition="aws", owner=ACCOUNT, pace=pace
    ), client


def listener() -> tuple[list[Any], Tell[Any]]:
    """A teller, and what it was told."""
    told: list[Any] = []

    async def tell(event: Any) -> None:
        told.append(event)

    return told, tell


def page(*keys: str, more: bool = False, markers: tuple[str, ...] = ()) -> dict[str, Any]:
    """A page of versions and delete markers; of a key that ends in ``old`` it is not the current one."""
    found = {"Versions": [_version(key) for key in keys], "DeleteMarkers": [_version(key) for key in markers]}
    return {**found, "IsTruncated": more, "NextKeyMarker": "k", "NextVersionIdMarker": "v"}


def _version(key: str) -> dict[str, Any]:
    return {"Key": key, "VersionId": "v1", "ETag": f'"{key}"', "IsLatest": not key.endswith("old")}
