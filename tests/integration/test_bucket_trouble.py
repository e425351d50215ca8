"""A bucket in another region, a name that is not released yet, versions that come late."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plldb import bootstrap
from tests.support.answers import error
from tests.support.behaviours import Answer, first, on
from tests.support.environment import REGION
from tests.support.proxy import Proxy
from tests.support.template import PACKAGES

if TYPE_CHECKING:
    from tests.conftest import OpenClient, RunPlldb
    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.wire import Response

BRISK = bootstrap.Pace(poll=0.02, poll_eager=0.02, first_wait=0.0, longest_wait=0.0, notice_after=0.0)


@pytest.fixture
def bucket(account: str) -> str:
    return f"plldb-core-infrastructure-{REGION}-{account}"


async def set_up(endpoint: str) -> list[Any]:
    place = bootstrap.Place(endpoint_url=endpoint)
    return [event async for event in bootstrap.setup(place, pace=BRISK)]


def delays(events: list[Any]) -> list[tuple[str, float]]:
    found = [event for event in events if isinstance(event, bootstrap.BucketDelayed)]
    return [(event.reason, event.seconds) for event in found]


@pytest.mark.parametrize("command", [("setup",), ("setup", "--dry-run"), ("destroy", "--yes"), ("status",)])
async def test_a_bucket_of_ours_in_another_region_is_not_touched_and_both_regions_are_named(
    plldb_cli: RunPlldb, open_client: OpenClient, endpoint: str, bucket: str, command: tuple[str, ...]
) -> None:
    there = await open_client("s3", region_name="us-west-2")
    await there.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    await there.put_object(Bucket=bucket, Key="plldb/theirs", Body=b"")
    async with Proxy(endpoint) as proxy:
        done = await plldb_cli("bootstrap", *command, env={"AWS_ENDPOINT_URL": proxy.url, "COLUMNS": "400"})
        assert done.code == 1, done
        assert f"{bucket} is in us-west-2, and plldb needs it in {REGION}" in done.stderr
        reads = ("Get", "List", "Describe", "Head")
        assert {each.operation for each in proxy.records if not each.operation.startswith(reads)} <= {
            "CreateBucket"
        }
    assert (await there.list_objects_v2(Bucket=bucket))["KeyCount"] == 1


@pytest.mark.parametrize("command", [("setup",), ("destroy", "--yes")])
async def test_a_denied_look_at_the_bucket_tells_its_region_all_the_same(
    plldb_cli: RunPlldb, open_client: OpenClient, endpoint: str, bucket: str, command: tuple[str, ...]
) -> None:
    s3 = await open_client("s3")
    await s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def denied(call: Call) -> Response:
        answer = error(call, 403, "AccessDenied", "")
        return replace(answer, headers=(*answer.headers, ("x-amz-bucket-region", "us-west-2")), body=b"")

    async with Proxy(endpoint, on(Answer(denied), "HeadBucket")) as proxy:
        done = await plldb_cli("bootstrap", *command, env={"AWS_ENDPOINT_URL": proxy.url, "COLUMNS": "400"})
        assert done.code == 1, done
        assert f"{bucket} is in us-west-2, and plldb needs it in {REGION}" in done.stderr
        assert not [each for each in proxy.records if each.operation.startswith(("Put", "Delete"))]


@pytest.mark.parametrize(
    ("operation", "status", "code", "message", "way_out"),
    [
        # In a bucket that S3 calls ours, at HeadBucket.
        ("ListObjectVersions", 403, "AccessDenied", "Access Denied", "the IAM action s3:ListBucketVersions"),
        ("PutBucketVersioning", 400, "MalformedXML", "The XML you provided was not well-formed", "Fix what"),
        ("PutObject", 400, "InvalidRequest", "Checksum Type mismatch occurred", "Fix what AWS names"),
    ],
)
async def test_a_refusal_of_s3_says_what_s3_says_and_neither_a_stranger_nor_a_repetition(
    plldb_cli: RunPlldb,
    open_client: OpenClient,
    endpoint: str,
    bucket: str,
    operation: str,
    status: int,
    code: str,
    message: str,
    way_out: str,
) -> None:
    s3 = await open_client("s3")
    await s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    refusal = Answer(lambda call: error(call, status, code, message))
    async with Proxy(endpoint, on(refusal, operation)) as proxy:
        done = await plldb_cli("bootstrap", "setup", env={"AWS_ENDPOINT_URL": proxy.url, "COLUMNS": "400"})
    assert done.code == 1, done
    assert f"{operation}: {message}" in done.stderr
    assert way_out in done.stderr
    assert "another account" not in done.stderr


async def test_versions_that_come_late_are_waited_for_and_read_before_the_stack_is_made(
    aws_env: dict[str, str], endpoint: str
) -> None:
    async def keep_no_version(call: Call, forward: Forward) -> Response:
        answer = await forward(call)
        kept = tuple(each for each in answer.headers if each[0].lower() != "x-amz-version-id")
        return replace(answer, headers=kept)

    def not_found(call: Call) -> Response | None:
        return error(call, 404, "NoSuchVersion", "") if "versionId=" in call.request.target else None

    unread = "S3 error: The specified version does not exist."
    late = [
        on(keep_no_version, "PutObject", when=first(2)),
        on(Answer(not_found), "HeadObject", when=first(3)),
        on(Answer(lambda call: error(call, 400, "ValidationError", unread)), "CreateStack", when=first(1)),
    ]
    async with Proxy(endpoint, *late) as proxy:
        events = await set_up(proxy.url)
        assert delays(events) == [("versioning", 900.0)]
        uploaded = [event.uploaded for event in events if isinstance(event, bootstrap.ArtifactReady)]
        assert uploaded == [True] * PACKAGES
        names = [each.operation for each in proxy.records if each.operation in ("HeadObject", "CreateStack")]
        # The packages are read before; the template is read by CloudFormation, and looked at if it cannot.
        assert names == [*["HeadObject"] * (3 + PACKAGES), "CreateStack", "HeadObject", "CreateStack"]
        proxy.forget()
        # What was turned on long ago is not asked about.
        assert delays(await set_up(proxy.url)) == []
        assert "HeadObject" not in {each.operation for each in proxy.records}


async def test_a_name_that_s3_has_not_released_yet_is_waited_for_and_told(
    aws_env: dict[str, str], endpoint: str
) -> None:
    message = "A conflicting conditional operation is currently in progress against this resource."
    aborted = Answer(lambda call: error(call, 409, "OperationAborted", message))
    async with Proxy(endpoint, on(aborted, "CreateBucket", when=first(4))) as proxy:
        events = await set_up(proxy.url)
    assert delays(events) == [("name_in_use", 600.0)]
    assert events[-1].changed


async def test_a_creation_that_is_denied_names_what_an_organisation_may_demand(
    plldb_cli: RunPlldb, endpoint: str
) -> None:
    message = "User: x is not authorized to perform: s3:CreateBucket with an explicit deny in a policy"
    denied = Answer(lambda call: error(call, 403, "AccessDenied", message))
    no_bucket = Answer(lambda call: error(call, 404, "NoSuchBucket", ""))
    async with Proxy(endpoint, on(denied, "CreateBucket"), on(no_bucket, "ListObjectVersions")) as proxy:
        done = await plldb_cli("bootstrap", "setup", env={"AWS_ENDPOINT_URL": proxy.url, "COLUMNS": "400"})
    assert done.code == 1, done
    assert "s3:x-amz-bucket-namespace" in done.stderr
    assert "belongs to another account" not in done.stderr


PLAIN, ENCODED = "plldb/plain", "plldb/a%10%20b"


async def as_if_it_were_a_key_that_xml_cannot_carry(call: Call, forward: Forward) -> Response:
    """S3 takes such a key in an address, and tells it where it is asked to encode keys; moto does not."""
    request = call.request
    if call.operation == "DeleteObjects" and b"\x10" in (request.body or b""):
        return error(call, 400, "MalformedXML", "The XML you provided was not well-formed")
    renamed = replace(request, target=request.target.replace(ENCODED, PLAIN))
    answer = await forward(replace(call, request=renamed))
    if not call.operation.startswith("List"):
        return answer
    if "encoding-type=url" not in request.target:
        return answer.with_body(answer.body.replace(PLAIN.encode(), b"plldb/a&#x10; b"))
    told = answer.body.replace(PLAIN.encode(), ENCODED.replace("%20", "+").encode())
    end = b"</IsTruncated>"
    return answer.with_body(told.replace(end, end + b"<EncodingType>url</EncodingType>"))


async def test_keys_that_xml_cannot_carry_are_deleted_too(
    plldb_cli: RunPlldb, open_client: OpenClient, endpoint: str, bucket: str
) -> None:
    s3 = await open_client("s3")
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    await s3.put_object(Bucket=bucket, Key=PLAIN, Body=b"")
    await s3.delete_object(Bucket=bucket, Key=PLAIN)
    await s3.create_multipart_upload(Bucket=bucket, Key=PLAIN)
    async with Proxy(endpoint, on(as_if_it_were_a_key_that_xml_cannot_carry, "s3")) as proxy:
        done = await plldb_cli("bootstrap", "destroy", "--yes", env={"AWS_ENDPOINT_URL": proxy.url})
        alone = [each.target for each in proxy.records if each.operation == "DeleteObject"]
    assert done.code == 0, done
    assert "nothing is left" in done.stdout
    assert len(alone) == 2
    assert all(ENCODED in target for target in alone)
    assert bucket not in [each["Name"] for each in (await s3.list_buckets())["Buckets"]]
