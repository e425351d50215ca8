"""A second setup changes nothing, unless something is to be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plldb
from tests.support.copies import Copy
from tests.support.environment import REGION
from tests.support.template import OBJECTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import OpenClient, RunPlldb


def bucket_of(account: str) -> str:
    return f"plldb-core-infrastructure-{REGION}-{account}"


def key_of(route: str) -> str:
    return f"plldb/versions/{plldb.__version__}/lambda_functions/ws_api_{route}_handler.zip"


async def list_versions(s3: Any, account: str) -> set[tuple[str, str]]:
    listed = await s3.list_object_versions(Bucket=bucket_of(account))
    return {(each["Key"], each["VersionId"]) for each in listed["Versions"]}


async def list_event_ids(open_client: OpenClient) -> list[str]:
    cloudformation = await open_client("cloudformation")
    answer = await cloudformation.describe_stack_events(StackName="plldb")
    return [event["EventId"] for event in answer["StackEvents"]]


async def test_a_second_setup_says_that_there_is_nothing_to_change_and_changes_nothing(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str
) -> None:
    s3 = await open_client("s3")
    assert (await plldb_cli("bootstrap")).code == 0  # without a command: the same as setup
    versions, events = await list_versions(s3, account), await list_event_ids(open_client)
    assert len(versions) == OBJECTS
    assert len(events) >= 2

    again = await plldb_cli("bootstrap", "setup")
    assert again.code == 0, again
    assert "nothing to change" in again.stdout
    assert await list_versions(s3, account) == versions
    assert await list_event_ids(open_client) == events


async def test_changed_handler_code_under_the_same_version_reaches_its_function_alone(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str, tmp_path: Path
) -> None:
    s3, functions = await open_client("s3"), await open_client("lambda")
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    before = await list_versions(s3, account)
    copy = Copy(tmp_path / "copy")
    copy.edit_handler("default", '"t": "welcome"', '"t": "changed"')

    done = await plldb_cli("bootstrap", "setup", env=copy.env)
    assert done.code == 0, done
    new = await list_versions(s3, account) - before
    assert {key for key, _ in new} == {key_of("default"), f"plldb/versions/{plldb.__version__}/template.yaml"}
    version = dict(new)[key_of("default")]
    cloudformation = await open_client("cloudformation")
    template = (await cloudformation.get_template(StackName="plldb"))["TemplateBody"]
    assert template.count(f'S3ObjectVersion: "{version}"') == 1
    size = (await functions.get_function(FunctionName="plldb-ws-api-default"))["Configuration"]["CodeSize"]
    assert size == (await s3.head_object(Bucket=bucket_of(account), Key=key_of("default")))["ContentLength"]


async def test_tags_of_the_user_are_set_and_kept_until_others_are_given(
    plldb_cli: RunPlldb, open_client: OpenClient
) -> None:
    cloudformation = await open_client("cloudformation")

    async def read_tags() -> dict[str, str]:
        (stack,) = (await cloudformation.describe_stacks(StackName="plldb"))["Stacks"]
        return {tag["Key"]: tag["Value"] for tag in stack["Tags"] if not tag["Key"].startswith("plldb:")}

    assert (await plldb_cli("bootstrap", "setup", "--tag", "team=payments")).code == 0
    assert await read_tags() == {"team": "payments"}
    same = await plldb_cli("bootstrap", "setup")
    assert "nothing to change" in same.stdout, same
    assert await read_tags() == {"team": "payments"}
    assert (await plldb_cli("bootstrap", "setup", "--tag", "team=search")).code == 0
    assert await read_tags() == {"team": "search"}


async def test_code_overwritten_by_hand_is_uploaded_again(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str
) -> None:
    s3 = await open_client("s3")
    assert (await plldb_cli("bootstrap", "setup")).code == 0
    key = key_of("connect")
    good = await (await s3.get_object(Bucket=bucket_of(account), Key=key))["Body"].read()
    await s3.put_object(Bucket=bucket_of(account), Key=key, Body=b"something else")

    done = await plldb_cli("bootstrap", "setup")
    assert done.code == 0, done
    assert "ws_api_connect_handler" in done.stdout
    assert await (await s3.get_object(Bucket=bucket_of(account), Key=key))["Body"].read() == good


async def test_a_dry_run_says_what_would_happen_and_makes_nothing(
    plldb_cli: RunPlldb, open_client: OpenClient
) -> None:
    done = await plldb_cli("bootstrap", "setup", "--dry-run")
    assert done.code == 0, done
    assert "would create" in done.stdout
    assert "nothing was changed" in done.stdout
    s3, cloudformation = await open_client("s3"), await open_client("cloudformation")
    assert (await s3.list_buckets())["Buckets"] == []
    assert (await cloudformation.describe_stacks())["Stacks"] == []
