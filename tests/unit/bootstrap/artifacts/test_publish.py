"""Packages become objects: keys, what is uploaded and what is not, races with another setup."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plldb.aws.place import Target
from plldb.bootstrap.artifacts.bucket import Bucket, bucket_name
from plldb.bootstrap.artifacts.packages import build_package
from plldb.bootstrap.artifacts.publish import (
    Uploader,
    package_key,
    publish_packages,
    version_prefix,
    wait_until_readable,
)
from plldb.bootstrap.artifacts.sources import FileContent, FileSource, PackageSource
from plldb.bootstrap.artifacts.survey import StoredObject
from plldb.bootstrap.errors import BucketError, PackagingError
from plldb.bootstrap.events.setup import BucketDelayed
from plldb.errors import AwsError
from plldb.streams import Tell, each_once
from tests.unit.aws.fakes import ACCOUNT, AT_ONCE, Answer, refused
from tests.unit.bootstrap.artifacts.buckets import bucket, listener

KEY = "plldb/versions/1.0/lambda_functions/a_handler.zip"
_, NOBODY = listener()
PACKAGE = build_package("a_handler", [FileContent(path="a_handler.py", content=b"x = 1\n")])


@pytest.fixture
def handler(tmp_path: Path) -> PackageSource:
    place = tmp_path / "a_handler.py"
    place.write_bytes(b"x = 1\n")
    files = (FileSource(path="a_handler.py", place=place),)
    return PackageSource(name="a_handler", folder="lambda_functions", files=files)


def uploader(ours: Bucket, tell: Tell[BucketDelayed] = NOBODY) -> Uploader:
    return Uploader(bucket=ours, version="1.0", tell=tell)


def known(stored: Mapping[str, StoredObject] | None = None) -> asyncio.Future[Mapping[str, StoredObject]]:
    future = asyncio.get_running_loop().create_future()
    future.set_result(stored or {})
    return future


def test_keys_have_the_version_and_the_name_of_the_function_or_layer(handler: PackageSource) -> None:
    assert version_prefix("1.0") == "plldb/versions/1.0/"
    assert package_key("1.0", handler) == KEY
    layer = PackageSource(name="plldb_agent", folder="layers", files=())
    assert package_key("1.0", layer) == "plldb/versions/1.0/layers/plldb_agent.zip"


async def test_what_s3_has_already_is_not_sent_again(handler: PackageSource) -> None:
    ours, client = bucket()
    stored = {KEY: StoredObject(etag=PACKAGE.md5, version_id="v1", md5=PACKAGE.md5)}
    (artifact,) = await publish_packages(uploader(ours), [handler], known(stored))
    assert (artifact.version_id, artifact.uploaded, artifact.key) == ("v1", False, KEY)
    assert client.asked == []


@pytest.mark.parametrize(
    ("stored", "condition"),
    [
        ({}, {"IfNoneMatch": "*"}),
        ({KEY: StoredObject(etag="other", version_id="v1", md5="other")}, {"IfMatch": "other"}),
    ],
)
async def test_an_upload_carries_its_digest_its_owner_and_what_it_replaces(
    handler: PackageSource, stored: dict[str, StoredObject], condition: dict[str, str]
) -> None:
    head: list[Answer] = [{"ChecksumSHA256": "other", "ETag": '"other"', "VersionId": "v1"}]
    ours, client = bucket(put_object=[{"VersionId": "v2"}], head_object=head)
    (artifact,) = await publish_packages(uploader(ours), [handler], known(stored))
    assert (artifact.version_id, artifact.uploaded, artifact.size) == ("v2", True, PACKAGE.size)
    sent = {"Body": PACKAGE.body, "ChecksumSHA256": PACKAGE.sha256, "Key": KEY}
    assert client.asked[-1] == (
        "put_object",
        {"Bucket": "b", "ExpectedBucketOwner": ACCOUNT, **sent, **condition},
    )


async def test_the_same_bytes_under_another_etag_are_not_sent_again(handler: PackageSource) -> None:
    # In a bucket that encrypts with KMS an ETag is no MD5.
    head: list[Answer] = [{"ChecksumSHA256": PACKAGE.sha256, "ETag": '"opaque"', "VersionId": "v1"}]
    ours, client = bucket(put_object=[{"VersionId": "v2"}], head_object=head)
    stored = {KEY: StoredObject(etag="opaque", version_id="v1", md5=None)}
    (artifact,) = await publish_packages(uploader(ours), [handler], known(stored))
    assert (artifact.version_id, artifact.uploaded) == ("v1", False)
    assert client.times("put_object") == 0


@pytest.mark.parametrize("lost", ["PreconditionFailed", "NoSuchKey"])
async def test_who_loses_a_race_takes_the_same_bytes_of_the_winner(handler: PackageSource, lost: str) -> None:
    head: list[Answer] = [{"ChecksumSHA256": PACKAGE.sha256, "ETag": '"x"', "VersionId": "theirs"}]
    ours, client = bucket(put_object=[refused(lost, status=412)], head_object=head)
    (artifact,) = await publish_packages(uploader(ours), [handler], known())
    assert (artifact.version_id, artifact.uploaded) == ("theirs", False)
    assert client.times("put_object") == 1


@pytest.mark.parametrize(
    ("head", "condition"),
    [
        ({"ChecksumSHA256": "other", "ETag": '"theirs"', "VersionId": "v"}, {"IfMatch": "theirs"}),
        (refused("404", status=404), {"IfNoneMatch": "*"}),
    ],
)
async def test_who_loses_a_race_to_other_bytes_tries_again_over_what_is_there_now(
    handler: PackageSource, head: Answer, condition: dict[str, str]
) -> None:
    puts: list[Answer] = [refused("PreconditionFailed", status=412), {"VersionId": "v3"}]
    ours, client = bucket(put_object=puts, head_object=[head])
    (artifact,) = await publish_packages(uploader(ours), [handler], known())
    assert (artifact.version_id, artifact.uploaded) == ("v3", True)
    assert condition.items() <= client.asked[-1][1].items()


async def test_a_failed_upload_names_the_package(handler: PackageSource) -> None:
    ours, _ = bucket(put_object=[refused("EntityTooLarge", "too large")])
    with pytest.raises(AwsError, match=r"too large.*while uploading the package a_handler"):
        await publish_packages(uploader(ours), [handler], known())


@pytest.mark.parametrize("answer", [{}, {"VersionId": "null"}])
async def test_a_bucket_that_keeps_no_versions_is_refused(handler: PackageSource, answer: Answer) -> None:
    ours, _ = bucket(put_object=[answer])
    with pytest.raises(BucketError, match="does not keep versions"):
        await publish_packages(uploader(ours), [handler], known())


async def test_an_upload_is_repeated_over_itself_until_the_new_bucket_keeps_versions(
    handler: PackageSource,
) -> None:
    puts: list[Answer] = [{"ETag": '"e"'}, {"ETag": '"e"', "VersionId": "null"}, {"VersionId": "v1"}]
    ours, client = bucket("eu-west-1", replace(AT_ONCE, versioning_for=60), put_object=puts)
    told, tell = listener()
    (artifact,) = await publish_packages(uploader(ours, each_once(tell)), [handler], known())
    assert (artifact.version_id, artifact.uploaded) == ("v1", True)
    conditions = [(asked.get("IfNoneMatch"), asked.get("IfMatch")) for _, asked in client.asked]
    assert conditions == [("*", None), (None, "e"), (None, "e")]
    assert told == [BucketDelayed(bucket="b", reason="versioning", seconds=60)]


LISTED = {"Versions": [{"Key": "key", "VersionId": "v1"}]}


async def test_what_was_just_uploaded_is_read_until_it_is_there_if_versioning_is_new() -> None:
    heads: list[Answer] = [refused("404", status=404), refused("NoSuchVersion", status=404), {}]
    pace = replace(AT_ONCE, versioning_for=60)
    ours, client = bucket("eu-west-1", pace, head_object=heads, list_object_versions=[LISTED])
    told, tell = listener()
    new = uploader(ours, each_once(tell))
    await wait_until_readable(new, [("key", "v1"), ("key", "v1")])
    asked = [(each["Key"], each["VersionId"]) for name, each in client.asked if name == "head_object"]
    assert asked == [("key", "v1")] * 4
    assert told == [BucketDelayed(bucket="b", reason="versioning", seconds=60)]


@pytest.mark.parametrize(
    ("listed", "error", "message"),
    [(LISTED, BucketError, "does not keep versions"), ({}, AwsError, "key was deleted just after")],
)
async def test_what_can_never_be_read_is_an_error(
    listed: dict[str, Any], error: type[Exception], message: str
) -> None:
    ours, _ = bucket(head_object=[refused("404", status=404)], list_object_versions=[listed])
    with pytest.raises(error, match=message):
        await wait_until_readable(uploader(ours), [("key", "v1")])


async def test_one_handler_that_cannot_be_read_ends_all(handler: PackageSource, tmp_path: Path) -> None:
    ours, _ = bucket(put_object=[{"VersionId": "v"}])
    files = (FileSource(path="gone_handler.py", place=tmp_path / "gone_handler.py"),)
    gone = replace(handler, name="gone_handler", files=files)
    with pytest.raises(PackagingError, match="gone_handler"):
        await publish_packages(uploader(ours), [handler, gone, handler], known())


def test_the_bucket_is_named_by_region_and_account() -> None:

    target = Target(
        account=ACCOUNT, region="eu-west-1", partition="aws", caller_arn="arn:x", endpoint_url=None
    )
    assert bucket_name(target) == f"plldb-core-infrastructure-eu-west-1-{ACCOUNT}"
