"""The doctor, and a dry run, against what MiniStack really holds."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from plldb import bootstrap, errors
from tests.e2e.holdings import BRISK, bucket_of, collect, list_rest, read_history
from tests.support.answers import access_denied, error
from tests.support.behaviours import Answer, first, on
from tests.support.environment import REGION
from tests.support.template import RESOURCES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.conftest import OpenClient, RunPlldb
    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.proxy import Proxy
    from tests.support.wire import Response


TEAM = bootstrap.SetupOptions(tags={"team": "x"})


def preview(endpoint_url: str | None = None) -> AsyncGenerator[bootstrap.SetupEvent, None]:
    """A dry run that has something to change."""
    return bootstrap.setup(bootstrap.Place(endpoint_url=endpoint_url), TEAM, dry_run=True, pace=BRISK)


async def examine() -> dict[str, list[bootstrap.Finding]]:
    found: dict[str, list[bootstrap.Finding]] = {}
    async for event in bootstrap.doctor(pace=BRISK):
        if isinstance(event, bootstrap.Finding):
            found.setdefault(event.check, []).append(event)
    return found


async def test_an_empty_account_is_ready(aws_env: dict[str, str]) -> None:
    found = await examine()
    assert {finding.verdict for findings in found.values() for finding in findings} == {"ok"}
    assert set(found) == {"region", "caller", "clock", "rights", "stack", "bucket", "leftovers"}


async def test_what_is_in_the_way_of_a_new_stack_is_named_with_its_remedy(
    plldb_cli: RunPlldb, open_client: OpenClient
) -> None:
    dynamodb, logs = await open_client("dynamodb"), await open_client("logs")
    await dynamodb.create_table(
        TableName="PLLDBSessions",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    await logs.create_log_group(logGroupName="/aws/lambda/plldb-ws-api-connect")
    finished = await plldb_cli("doctor")
    assert finished.code == 1, finished
    # The region is of AWS_REGION: pasted into another shell this must not delete a living table.
    for words in (
        "dynamodb delete-table --table-name PLLDBSessions",
        "logs delete-log-group --log-group-name /aws/lambda/plldb-ws-api-connect",
    ):
        assert f"all that is in it: `aws {words} --region {REGION}`" in finished.stdout
    assert "2 problems" in finished.stdout


async def test_a_deployment_is_found_whole_and_a_broken_bucket_is_a_warning(
    open_client: OpenClient, account: str, aws_env: dict[str, str]
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    assert [finding.verdict for finding in (await examine())["stack"]] == ["ok"]
    s3 = await open_client("s3")
    await s3.put_bucket_versioning(Bucket=bucket_of(account), VersioningConfiguration={"Status": "Suspended"})
    (finding,) = (await examine())["bucket"]
    assert finding.verdict == "warning"
    assert "versioning" in finding.message
    assert finding.remedy
    assert finding.remedy.kind == "set-up"


async def test_a_stack_of_somebody_else_and_an_older_one_are_told(open_client: OpenClient) -> None:
    cloudformation = await open_client("cloudformation")
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    await cloudformation.create_stack(StackName="plldb", TemplateBody=body)
    (foreign,) = (await examine())["stack"]
    assert foreign.verdict == "problem"
    assert "did not create" in foreign.message
    tags = [{"Key": "plldb:component", "Value": "bootstrap"}, {"Key": "plldb:version", "Value": "0.0.1"}]
    await cloudformation.update_stack(StackName="plldb", TemplateBody=body, Tags=tags)
    (older,) = (await examine())["stack"]
    assert older.verdict == "warning"
    assert "0.0.1" in older.message


async def test_what_made_the_first_creation_fail_is_named_beside_what_is_left_of_it(
    open_client: OpenClient, aws_env: dict[str, str]
) -> None:
    body = {"Resources": {"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "taken"}}}}
    await (await open_client("events")).create_event_bus(Name="taken")
    await (await open_client("logs")).create_log_group(logGroupName="/aws/lambda/plldb-ws-api-connect")
    cloudformation = await open_client("cloudformation")
    tags = [{"Key": "plldb:component", "Value": "bootstrap"}]
    await cloudformation.create_stack(StackName="plldb", TemplateBody=json.dumps(body), Tags=tags)
    while True:
        (stack,) = (await cloudformation.describe_stacks(StackName="plldb"))["Stacks"]
        if stack["StackStatus"] == "ROLLBACK_COMPLETE":
            break
        await asyncio.sleep(0.05)
    findings = await examine()
    assert [finding.verdict for finding in findings["stack"]] == ["problem"]
    (leftover,) = findings["leftovers"]
    assert "/aws/lambda/plldb-ws-api-connect" in leftover.message


@pytest.mark.parametrize(
    ("operation", "check", "verdict", "action"),
    [
        ("DescribeStacks", "stack", "problem", "cloudformation:DescribeStacks"),
        ("GetBucketPolicy", "bucket", "problem", "s3:GetBucketPolicy"),
        ("DescribeTable", "leftovers", "unknown", "dynamodb:DescribeTable"),
    ],
)
async def test_what_may_not_be_examined_is_a_problem_only_if_setup_needs_it_as_well(
    aws_env: dict[str, str],
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    check: str,
    verdict: str,
    action: str,
) -> None:
    if check == "bucket":
        await collect(bootstrap.setup(pace=BRISK))
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    proxy.use(on(Answer(access_denied), operation))
    findings = (await examine())[check]
    assert {finding.verdict for finding in findings} == {verdict}
    assert findings[0].remedy
    assert findings[0].remedy.about == action


async def test_without_an_endpoint_the_doctor_says_so_and_ends(plldb_cli: RunPlldb) -> None:
    finished = await plldb_cli(
        "doctor", "--output", "json", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, seconds=90
    )
    assert finished.code == 1, finished
    lines = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["finding", "finding", "finished"]
    assert lines[-1]["result"] == "not_ready"


async def test_a_dry_run_tells_what_a_setup_would_do_and_changes_nothing(
    plldb_cli: RunPlldb, open_client: OpenClient
) -> None:
    empty = await plldb_cli("bootstrap", "setup", "--dry-run")
    assert empty.code == 0, empty
    lines = [line.strip() for line in empty.stdout.splitlines()]
    assert sum("add " in line and "(AWS::" in line for line in lines) == RESOURCES
    assert any(line.endswith("add PLDDBSessions (AWS::DynamoDB::Table)") for line in lines)
    assert not await list_rest(open_client)

    await collect(bootstrap.setup(pace=BRISK))
    before = await read_history(open_client)
    same = await collect(bootstrap.setup(dry_run=True, pace=BRISK))
    planned = same[-1]
    assert isinstance(planned, bootstrap.SetupPlanned)
    assert (planned.action, planned.bucket_change, planned.changes) == ("nothing", "none", ())
    assert {plan.change for plan in planned.artifacts} == {"same"}

    tagged = (await collect(preview()))[-1]
    assert isinstance(tagged, bootstrap.SetupPlanned)
    assert tagged.action == "update"
    assert any(change.logical_id == "PLDDBSessions" for change in tagged.changes)
    cloudformation = await open_client("cloudformation")
    assert (await cloudformation.list_change_sets(StackName="plldb"))["Summaries"] == []
    assert await read_history(open_client) == before


async def test_a_change_set_that_cannot_be_removed_yet_is_removed_a_moment_later(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    busy = Answer(lambda call: error(call, 400, "InvalidChangeSetStatus", "It is CREATE_IN_PROGRESS"))
    proxy.use(on(busy, "DeleteChangeSet", when=first(3)))
    await collect(preview(proxy.url))
    cloudformation = await open_client("cloudformation")
    assert (await cloudformation.list_change_sets(StackName="plldb"))["Summaries"] == []


@pytest.mark.parametrize("operation", ["CreateChangeSet", "DescribeChangeSet", "DeleteChangeSet"])
async def test_a_dry_run_cancelled_at_any_moment_leaves_no_change_set(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient, operation: str
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    arrived, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(call: Call, forward: Forward) -> Response:
        arrived.set()
        await goes_on.wait()
        return await forward(call)

    proxy.use(on(wait, operation))
    dry_run = collect(preview(proxy.url))
    task = asyncio.create_task(dry_run)
    await arrived.wait()
    task.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    cloudformation = await open_client("cloudformation")
    assert (await cloudformation.list_change_sets(StackName="plldb"))["Summaries"] == []


async def test_a_dry_run_whose_change_set_is_refused_has_none_to_remove(
    aws_env: dict[str, str], proxy: Proxy
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    proxy.use(on(Answer(access_denied), "CreateChangeSet"))
    with pytest.raises(errors.AccessDeniedError, match="cloudformation:CreateChangeSet"):
        await collect(preview(proxy.url))
    assert "DeleteChangeSet" not in {record.operation for record in proxy.records}


async def test_tags_and_boundary_are_kept_by_later_setups_until_changed(
    open_client: OpenClient, account: str
) -> None:
    boundary = f"arn:aws:iam::{account}:policy/Boundary"
    await collect(
        bootstrap.setup(
            options=bootstrap.SetupOptions(tags={"team": "x"}, permissions_boundary=boundary), pace=BRISK
        )
    )
    finished = (await collect(bootstrap.setup(pace=BRISK)))[-1]
    assert isinstance(finished, bootstrap.SetupFinished)
    assert not finished.changed
    cloudformation = await open_client("cloudformation")
    stack = (await cloudformation.describe_stacks(StackName="plldb"))["Stacks"][0]
    assert {"Key": "team", "Value": "x"} in stack["Tags"]
    body = (await cloudformation.get_template(StackName="plldb"))["TemplateBody"]
    assert body.count(f'PermissionsBoundary: "{boundary}"') == 6
    finished = (
        await collect(bootstrap.setup(options=bootstrap.SetupOptions(permissions_boundary=""), pace=BRISK))
    )[-1]
    assert isinstance(finished, bootstrap.SetupFinished)
    assert finished.changed
