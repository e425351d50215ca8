"""Destroy leaves nothing, except for what it must not touch."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environment import REGION
from tests.support.template import OBJECTS

if TYPE_CHECKING:
    from tests.conftest import OpenClient, RunPlldb


def bucket_of(account: str) -> str:
    return f"plldb-core-infrastructure-{REGION}-{account}"


async def list_rest(open_client: OpenClient) -> dict[str, Any]:
    """Everything that setup makes and that moto holds, without what is not there."""
    dynamodb, functions = await open_client("dynamodb"), await open_client("lambda")
    iam, logs, s3 = await open_client("iam"), await open_client("logs"), await open_client("s3")
    cloudformation = await open_client("cloudformation")
    rest = {
        "tables": (await dynamodb.list_tables())["TableNames"],
        "functions": (await functions.list_functions())["Functions"],
        "roles": (await iam.list_roles())["Roles"],
        "log groups": (await logs.describe_log_groups())["logGroups"],
        "buckets": [bucket["Name"] for bucket in (await s3.list_buckets())["Buckets"]],
        "stacks": (await cloudformation.describe_stacks())["Stacks"],
    }
    return {name: found for name, found in rest.items() if found}


async def test_destroy_leaves_nothing_and_a_second_one_says_so(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str
) -> None:
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    kinds = {"tables", "functions", "roles", "log groups", "buckets", "stacks"}
    assert set(await list_rest(open_client)) == kinds
    # What an earlier setup, an interrupted upload and somebody's deletion may leave in the bucket.
    s3 = await open_client("s3")
    await s3.create_multipart_upload(Bucket=bucket_of(account), Key="plldb/versions/0/upload.zip")
    await s3.put_object(Bucket=bucket_of(account), Key="plldb/versions/0/old.zip", Body=b"old")
    await s3.delete_object(Bucket=bucket_of(account), Key="plldb/versions/0/old.zip")

    done = await plldb_cli("bootstrap", "destroy")
    assert done.code == 0, done
    assert "nothing is left" in done.stdout
    assert await list_rest(open_client) == {}

    again = await plldb_cli("bootstrap", "destroy", "--yes")
    assert again.code == 0, again
    assert "nothing was there" in again.stdout


@pytest.mark.parametrize(("hours", "more"), [(8, ""), (-8, ", and was to be back at 2026-")])
async def test_destroy_refuses_while_a_function_is_debugged_and_names_it_its_holder_and_the_way_out(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str, hours: int, more: str
) -> None:
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    rest = await list_rest(open_client)
    since = datetime(2026, 11, 3, 9, 5, tzinfo=UTC)
    arn = f"arn:aws:lambda:{REGION}:{account}:function:orders"
    until = {"N": str(int(time.time()) + hours * 3600)}

    def holder(name: str, until: dict[str, str] = until) -> dict[str, Any]:
        who = {"S": f"arn:aws:iam::123456789012:user/{name}"}
        began = {"N": str(int(since.timestamp()))}
        return {"M": {"Who": who, "Host": {"S": "desk"}, "Since": began, "LeaseUntil": until}}

    holders = [holder("anna"), holder("boris"), holder("carl", {"N": "100"})]
    row = {"RequestId": {"S": f"fn#{arn}"}, "LeaseUntil": until, "Holders": {"L": holders}}
    if hours < 0:  # of an earlier version of plldb
        row = {"RequestId": {"S": f"fn#{arn}"}, **holder("anna")["M"]}
    dynamodb = await open_client("dynamodb")
    await dynamodb.put_item(TableName="PLLDBDebugger", Item=row)
    for odd in ("fn#no-function", f"fn#{arn.replace(account, '999999999999')}"):  # put back by nothing
        await dynamodb.put_item(TableName="PLLDBDebugger", Item={**row, "RequestId": {"S": odd}})
    for options in ((), ("--yes",), ("--dry-run",)):
        refused = await plldb_cli("bootstrap", "destroy", *options, env={"COLUMNS": "400"})
        assert refused.code == 3, refused
        held = "orders is held by arn:aws:iam::123456789012:user/anna on desk since 2026-11-03 09:05 UTC"
        assert held + more in refused.stderr
        assert ("user/boris on desk" in refused.stderr) == (hours > 0)
        assert "user/carl" not in refused.stderr, "the lease of that one is over, and others go on"
        assert refused.stderr.count("user/anna") == 1, "what names no function of this place is nobody's"
        assert f"plldb restore --all --region {REGION}" in refused.stderr
    assert await list_rest(open_client) == rest
    await dynamodb.delete_item(TableName="PLLDBDebugger", Key={"RequestId": {"S": f"fn#{arn}"}})
    assert (await plldb_cli("bootstrap", "destroy")).code == 0


async def test_destroy_keeps_the_bucket_when_asked_and_the_next_destroy_takes_it(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str
) -> None:
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    done = await plldb_cli("bootstrap", "destroy", "--keep-bucket")
    assert done.code == 0, done
    assert "kept" in done.stdout
    assert await list_rest(open_client) == {"buckets": [bucket_of(account)]}
    s3 = await open_client("s3")
    assert len((await s3.list_object_versions(Bucket=bucket_of(account)))["Versions"]) == OBJECTS

    assert (await plldb_cli("bootstrap", "destroy")).code == 0
    assert await list_rest(open_client) == {}


async def test_a_foreign_object_keeps_the_bucket_and_is_named(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str
) -> None:
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    s3 = await open_client("s3")
    await s3.put_object(Bucket=bucket_of(account), Key="holiday/photo.jpg", Body=b"x")
    await s3.put_object(Bucket=bucket_of(account), Key="notes.txt", Body=b"x")

    done = await plldb_cli("bootstrap", "destroy")
    assert done.code == 0, done
    assert "holiday/" in done.stdout
    assert "notes.txt" in done.stdout
    assert await list_rest(open_client) == {"buckets": [bucket_of(account)]}
    listed = await s3.list_object_versions(Bucket=bucket_of(account))
    assert [each["Key"] for each in listed["Versions"]] == ["holiday/photo.jpg", "notes.txt"]


async def test_more_versions_than_one_page_are_removed(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str
) -> None:
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    s3 = await open_client("s3")
    key = {"Key": "plldb/old.zip"}
    await s3.put_object(Bucket=bucket_of(account), **key, Body=b"old")
    await s3.delete_objects(Bucket=bucket_of(account), Delete={"Objects": [key] * 1000})
    first = await s3.list_object_versions(Bucket=bucket_of(account), Prefix="plldb/")
    assert first["IsTruncated"]

    done = await plldb_cli("bootstrap", "destroy")
    assert done.code == 0, done
    assert "1000 object versions removed so far" in done.stdout.replace(",", "").replace(
        "\N{NO-BREAK SPACE}", ""
    )
    assert await list_rest(open_client) == {}
