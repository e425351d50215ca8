"""The artifact bucket is made safe, and kept so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.environment import REGION
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import OpenClient, RunPlldb


@pytest.fixture
def bucket(account: str) -> str:
    return f"plldb-core-infrastructure-{REGION}-{account}"


async def read_settings(s3: Any, bucket: str) -> dict[str, Any]:
    """Every setting that matters; None for one that was never made."""
    reads: dict[str, Callable[..., Any]] = {
        "public access": s3.get_public_access_block,
        "versioning": s3.get_bucket_versioning,
        "encryption": s3.get_bucket_encryption,
        "ownership": s3.get_bucket_ownership_controls,
        "policy": s3.get_bucket_policy,
        "lifecycle": s3.get_bucket_lifecycle_configuration,
    }
    found: dict[str, Any] = {}
    for name, read in reads.items():
        try:
            answer = await read(Bucket=bucket)
        except ClientError:
            found[name] = None
            continue
        found[name] = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    return found


def assert_safe(settings: dict[str, Any], bucket: str) -> None:
    blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    assert settings["public access"]["PublicAccessBlockConfiguration"] == dict.fromkeys(blocked, True)
    assert settings["versioning"]["Status"] == "Enabled"
    (encryption,) = settings["encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    rules = settings["ownership"]["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (tls,) = find(json.loads(settings["policy"]["Policy"])["Statement"], "Sid", "PlldbTlsOnly")
    assert (tls["Effect"], tls["Principal"], tls["Action"].lower()) == ("Deny", "*", "s3:*")
    assert tls["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (expiry,) = find(settings["lifecycle"]["Rules"], "ID", "plldb-expire-old-versions")
    assert expiry["Status"] == "Enabled"
    assert expiry["Filter"] == {"Prefix": "plldb/"}
    assert expiry["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert expiry["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 7


def find(items: list[dict[str, Any]], key: str, value: str) -> list[dict[str, Any]]:
    return [item for item in items if item.get(key) == value]


async def break_all_settings(s3: Any, bucket: str) -> None:
    await s3.delete_public_access_block(Bucket=bucket)
    await s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    await s3.delete_bucket_encryption(Bucket=bucket)
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    await s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls)
    await s3.delete_bucket_policy(Bucket=bucket)
    await s3.delete_bucket_lifecycle(Bucket=bucket)


async def test_a_new_bucket_is_safe_and_settings_broken_by_hand_are_put_right_and_named(
    plldb_cli: RunPlldb, open_client: OpenClient, bucket: str
) -> None:
    s3 = await open_client("s3")
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    assert_safe(await read_settings(s3, bucket), bucket)
    await break_all_settings(s3, bucket)
    with pytest.raises((AssertionError, TypeError)):
        assert_safe(await read_settings(s3, bucket), bucket)

    again = await plldb_cli("bootstrap", "setup")
    assert again.code == 0, again
    assert_safe(await read_settings(s3, bucket), bucket)
    for name in ("public access", "versioning", "encryption", "bucket-owner-enforced", "TLS", "expire"):
        assert name in again.stdout


async def test_what_somebody_added_to_the_settings_stays(
    plldb_cli: RunPlldb, open_client: OpenClient, bucket: str
) -> None:
    s3 = await open_client("s3")
    await s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    statement = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObjectAcl",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    await s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    rule = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 9}}
    await s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    await s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
    )

    done = await plldb_cli("bootstrap", "setup")
    assert done.code == 0, done
    settings = await read_settings(s3, bucket)
    assert find(json.loads(settings["policy"]["Policy"])["Statement"], "Sid", "Theirs") == [statement]
    assert len(find(settings["lifecycle"]["Rules"], "ID", "theirs")) == 1
    (encryption,) = settings["encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert find(json.loads(settings["policy"]["Policy"])["Statement"], "Sid", "PlldbTlsOnly")


@pytest.mark.parametrize("region", [REGION, "us-east-1"])
async def test_the_bucket_is_made_once_and_that_is_told(
    plldb_cli: RunPlldb, account: str, endpoint: str, region: str
) -> None:
    """Where there is no stack. In us-east-1 CreateBucket does not tell whether the bucket is new."""
    async with Proxy(endpoint) as proxy:

        async def set_up() -> tuple[bool, int]:
            proxy.forget()
            env: dict[str, str | None] = {"AWS_ENDPOINT_URL": proxy.url, "AWS_REGION": region}
            done = await plldb_cli("bootstrap", "setup", "--output", "json", env=env)
            assert done.code == 0, done
            events = [json.loads(line) for line in done.stdout.splitlines()]
            (created,) = [event["created"] for event in events if event["kind"] == "bucket_ready"]
            return created, sum(record.operation == "CreateBucket" for record in proxy.records)

        assert await set_up() == (True, 1)
        assert await set_up() == (False, 0)
        kept = await plldb_cli("bootstrap", "destroy", "--yes", "--keep-bucket", env={"AWS_REGION": region})
        assert kept.code == 0, kept
        assert await set_up() == (False, 1 if region == REGION else 0)
        senders = [record for record in proxy.records if record.service == "s3"]
        assert {each.operation for each in senders if each.expected_owner != account} <= {"CreateBucket"}


async def test_a_dry_run_makes_no_bucket(plldb_cli: RunPlldb, endpoint: str) -> None:
    async with Proxy(endpoint) as proxy:
        done = await plldb_cli("bootstrap", "setup", "--dry-run", env={"AWS_ENDPOINT_URL": proxy.url})
        assert done.code == 0, done
        assert all(each.operation.startswith(("Get", "Head", "List", "Describe")) for each in proxy.records)
