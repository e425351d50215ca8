"""What makes the artifact bucket safe: each setting read, compared, put right. Talks to S3.

Settings are added to what is there, never exchanged for it: other statements of the bucket policy
and other lifecycle rules stay.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plldb.aws.session import Aws
from plldb.bootstrap.pace import DEFAULT_PACE, Pace
from plldb.errors import AwsError
from plldb.tasks import gather_all

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

TLS_SID = "PlldbTlsOnly"
LIFECYCLE_ID = "plldb-expire-old-versions"
# Long enough for any rollback of CloudFormation to find the code that it goes back to.
OLD_VERSION_DAYS = 30
UNFINISHED_UPLOAD_DAYS = 7


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A setting that has to be put right. ``name`` is for people; ``apply`` does it."""

    name: str
    apply: Callable[[], Awaitable[object]]


async def _read(request: Awaitable[Any], *missing: str) -> Any:
    """Return the answer, or None for a setting that was never made (S3 calls that an error)."""
    try:
        return await request
    except AwsError as error:
        if error.aws_code in missing:
            return None
        raise


# --- each setting: look_…: what is wrong with it?  repair_…: put it right ----------------------------------

PUBLIC_ACCESS_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def repair_public_access(bucket: Bucket) -> Repair:
    """Block public access, in all four ways that S3 has."""
    return Repair(
        name="public access blocked",
        apply=lambda: bucket.aws.call(
            bucket.s3.put_public_access_block,
            PublicAccessBlockConfiguration=PUBLIC_ACCESS_BLOCK,  # type: ignore[arg-type]
            **bucket.ours,
        ),
    )


async def look_at_public_access(bucket: Bucket) -> Repair | None:
    """Return what is to be done about public access."""
    request = bucket.aws.call(bucket.s3.get_public_access_block, **bucket.ours)
    found = await _read(request, "NoSuchPublicAccessBlockConfiguration")
    right = found is not None and found["PublicAccessBlockConfiguration"] == PUBLIC_ACCESS_BLOCK
    return None if right else repair_public_access(bucket)


def repair_versioning(bucket: Bucket) -> Repair:
    """Turn versioning on: CloudFormation sees changed code by its version."""
    return Repair(
        name="versioning",
        apply=lambda: bucket.aws.call(
            bucket.s3.put_bucket_versioning, VersioningConfiguration={"Status": "Enabled"}, **bucket.ours
        ),
    )


async def look_at_versioning(bucket: Bucket) -> Repair | None:
    """Return what is to be done about versioning."""
    found = await bucket.aws.call(bucket.s3.get_bucket_versioning, **bucket.ours)
    return None if found.get("Status") == "Enabled" else repair_versioning(bucket)


def repair_encryption(bucket: Bucket) -> Repair:
    """Encrypt with S3's own keys. A bucket that somebody set to KMS keeps that."""
    return Repair(
        name="encryption",
        apply=lambda: bucket.aws.call(
            bucket.s3.put_bucket_encryption,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            **bucket.ours,
        ),
    )


async def read_encryption(bucket: Bucket) -> str | None:
    """Return the algorithm that new objects are encrypted with, None if none is set."""
    request = bucket.aws.call(bucket.s3.get_bucket_encryption, **bucket.ours)
    found = await _read(request, "ServerSideEncryptionConfigurationNotFoundError")
    rules = found["ServerSideEncryptionConfiguration"]["Rules"] if found else []
    return next((rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules), None)


def repair_ownership(bucket: Bucket) -> Repair:
    """Let the bucket's owner own every object; ACLs are off."""
    return Repair(
        name="bucket-owner-enforced",
        apply=lambda: bucket.aws.call(
            bucket.s3.put_bucket_ownership_controls,
            OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            **bucket.ours,
        ),
    )


async def look_at_ownership(bucket: Bucket) -> Repair | None:
    """Return what is to be done about object ownership."""
    request = bucket.aws.call(bucket.s3.get_bucket_ownership_controls, **bucket.ours)
    found = await _read(request, "OwnershipControlsNotFoundError")
    rules = found["OwnershipControls"]["Rules"] if found else []
    right = [rule["ObjectOwnership"] for rule in rules] == ["BucketOwnerEnforced"]
    return None if right else repair_ownership(bucket)


def tls_statement(bucket: Bucket) -> dict[str, Any]:
    """Return the policy statement that refuses every request without TLS."""
    arn = f"arn:{bucket.partition}:s3:::{bucket.name}"
    return {
        "Sid": TLS_SID,
        "Effect": "Deny",
        "Principal": "*",
        # IAM reads actions without regard to case ("IAM JSON policy elements: Action"). moto does not,
        # and leaves Condition out of account: written small, this would shut plldb itself out there.
        "Action": "S3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def repair_policy(bucket: Bucket, others: list[dict[str, Any]] | None = None) -> Repair:
    """Refuse requests without TLS, beside the ``others`` statements of the policy."""
    policy = {"Version": "2012-10-17", "Statement": [*(others or []), tls_statement(bucket)]}
    return Repair(
        name="TLS only",
        apply=lambda: bucket.aws.call(bucket.s3.put_bucket_policy, Policy=json.dumps(policy), **bucket.ours),
    )


async def look_at_policy(bucket: Bucket) -> Repair | None:
    """Return what is to be done about the bucket policy."""
    request = bucket.aws.call(bucket.s3.get_bucket_policy, **bucket.ours)
    found = await _read(request, "NoSuchBucketPolicy")
    statements = json.loads(found["Policy"])["Statement"] if found else []
    statements = statements if isinstance(statements, list) else [statements]
    if tls_statement(bucket) in statements:
        return None
    return repair_policy(bucket, [each for each in statements if each.get("Sid") != TLS_SID])


LIFECYCLE_RULE: dict[str, Any] = {
    "ID": LIFECYCLE_ID,
    "Status": "Enabled",
    "Filter": {"Prefix": "plldb/"},
    "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSION_DAYS},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_UPLOAD_DAYS},
}


def repair_lifecycle(bucket: Bucket, others: list[dict[str, Any]] | None = None) -> Repair:
    """Expire old versions, beside the ``others`` rules."""
    rules = [*(others or []), LIFECYCLE_RULE]
    return Repair(
        name="old versions expire",
        apply=lambda: bucket.aws.call(
            bucket.s3.put_bucket_lifecycle_configuration,
            LifecycleConfiguration={"Rules": rules},  # type: ignore[typeddict-item]
            **bucket.ours,
        ),
    )


async def look_at_lifecycle(bucket: Bucket) -> Repair | None:
    """Return what is to be done about the lifecycle rules."""
    request = bucket.aws.call(bucket.s3.get_bucket_lifecycle_configuration, **bucket.ours)
    found = await _read(request, "NoSuchLifecycleConfiguration")
    rules = found["Rules"] if found else []
    if LIFECYCLE_RULE in rules:
        return None
    return repair_lifecycle(bucket, [rule for rule in rules if rule.get("ID") != LIFECYCLE_ID])


async def survey_settings(bucket: Bucket) -> tuple[tuple[Repair, ...], str | None]:
    """Look at every setting, side by side: return what is to be put right, and the encryption of objects."""
    encryption, looked_at = await gather_all(
        read_encryption(bucket),
        gather_all(
            look_at_public_access(bucket),
            look_at_versioning(bucket),
            look_at_ownership(bucket),
            look_at_policy(bucket),
            look_at_lifecycle(bucket),
        ),
    )
    wrong = [repair for repair in looked_at if repair is not None]
    if encryption is None:
        wrong.append(repair_encryption(bucket))
    return tuple(wrong), encryption


def all_repairs(bucket: Bucket) -> tuple[Repair, ...]:
    """Return every setting to be made, for a bucket that is new."""
    repairs = (repair_public_access, repair_versioning, repair_encryption, repair_ownership)
    return (*(repair(bucket) for repair in repairs), repair_policy(bucket), repair_lifecycle(bucket))
