"""Operations that fail: rolled back, explained, healed by the next setup.

MiniStack does not refuse a table whose name is taken, as CloudFormation does; it refuses an event bus.
So a copy of plldb has an event bus in its template, and that name is taken.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from plldb import bootstrap
from tests.e2e.holdings import BRISK, collect, list_rest, read_stack
from tests.support.behaviours import on
from tests.support.copies import Copy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import OpenClient, RunPlldb
    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.proxy import Proxy
    from tests.support.wire import Response

REASON = "EventBus already exists: PLLDBTaken"


@pytest_asyncio.fixture
async def buses(open_client: OpenClient) -> Any:
    client = await open_client("events")
    await client.create_event_bus(Name="PLLDBTaken")
    return client


def with_bus(folder: Path) -> Copy:
    copy = Copy(folder / "copy")
    copy.add_resource("TakenBus", "AWS::Events::EventBus", Name="PLLDBTaken")
    return copy


async def test_a_failed_creation_is_rolled_back_explained_and_cleared_away_by_the_next_setup(
    plldb_cli: RunPlldb, open_client: OpenClient, buses: Any, tmp_path: Path
) -> None:
    copy = with_bus(tmp_path)
    failed = await plldb_cli("bootstrap", "setup", "--tag", "team=a", env=copy.env)
    assert failed.code == 1, failed
    assert (await read_stack(open_client))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert set(await list_rest(open_client)) == {"stacks", "buckets"}
    # The cause comes first, then the state, then the way out.
    screen = failed.stdout[failed.stdout.index("cause") :].splitlines()
    assert "TakenBus (AWS::Events::EventBus) CREATE_FAILED" in screen[0]
    assert "template.yaml:" in screen[0]
    assert screen[1].strip() == REASON
    assert "plldb is in ROLLBACK_COMPLETE" in screen[-1]
    assert "TakenBus" in failed.stderr
    assert "plldb bootstrap setup" in failed.stderr
    assert "Traceback" not in failed.stderr

    status = await plldb_cli("bootstrap", "status")
    assert status.code == 1, status
    assert "ROLLBACK_COMPLETE" in status.stdout
    assert REASON in status.stdout
    watched = await plldb_cli("bootstrap", "watch")
    assert watched.code == 1, watched
    assert REASON in watched.stdout

    await buses.delete_event_bus(Name="PLLDBTaken")
    healed = await plldb_cli("bootstrap", "setup", env=copy.env)
    assert healed.code == 0, healed
    why = healed.stdout[healed.stdout.index("is in ROLLBACK_COMPLETE because") :]
    assert why.index(REASON) < why.index("remove what is left") < why.index("create of plldb has begun")
    stack = await read_stack(open_client)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    # What the first setup was told is kept, though its stack had to go.
    assert {"Key": "team", "Value": "a"} in stack["Tags"]


async def test_a_failure_in_json_ends_with_one_failed_line_that_names_the_cause(
    plldb_cli: RunPlldb, buses: Any, tmp_path: Path
) -> None:
    failed = await plldb_cli("bootstrap", "setup", "--output", "json", env=with_bus(tmp_path).env)
    assert failed.code == 1, failed
    lines = [json.loads(line) for line in failed.stdout.splitlines()]
    assert [line["kind"] for line in lines if line["kind"] in ("failed", "finished")] == ["failed"]
    last = lines[-1]
    assert (last["code"], last["status"], last["exit_code"]) == ("stack-failed", "ROLLBACK_COMPLETE", 1)
    cause = last["failures"][0]
    assert (cause["logical_id"], cause["reason"]) == ("TakenBus", REASON)


async def refuse_by_hook(call: Call, forward: Forward) -> Response:
    """Make of the beginning of the bus what CloudFormation tells when a Hook refuses a resource."""
    response = await forward(call)
    begun = rb"(<LogicalResourceId>TakenBus</LogicalResourceId>)((?:(?!</?member>).)*CREATE_IN_PROGRESS)"
    hook = (
        rb"\1<HookType>Corp::Tags::Hook</HookType><HookStatus>HOOK_COMPLETE_FAILED</HookStatus>"
        rb"<HookStatusReason>no tag owner</HookStatusReason>\2"
    )
    return response.with_body(re.sub(begun, hook, response.body, flags=re.DOTALL))


async def test_a_hook_that_refuses_a_resource_is_the_cause(
    plldb_cli: RunPlldb, proxy: Proxy, buses: Any, tmp_path: Path
) -> None:
    proxy.use(on(refuse_by_hook, "DescribeStackEvents"))
    env = {**with_bus(tmp_path).env, "AWS_ENDPOINT_URL": proxy.url}
    failed = await plldb_cli("bootstrap", "setup", env=env)
    assert failed.code == 1, failed
    cause, reason, also, *_ = failed.stdout[failed.stdout.index("cause") :].splitlines()
    assert "TakenBus (AWS::Events::EventBus) HOOK_COMPLETE_FAILED, by the hook Corp::Tags::Hook" in cause
    assert (reason.strip(), also.split()[0]) == ("no tag owner", "✘")
    assert REASON in failed.stdout


async def test_a_failed_update_is_rolled_back_explained_and_healed_by_the_next_setup(
    plldb_cli: RunPlldb, open_client: OpenClient, buses: Any, tmp_path: Path
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    copy = with_bus(tmp_path)
    failed = await plldb_cli("bootstrap", "setup", env=copy.env)
    assert failed.code == 1, failed
    assert (await read_stack(open_client))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert REASON in failed.stdout[failed.stdout.index("cause") :]
    assert "TakenBus" in failed.stderr

    await buses.delete_event_bus(Name="PLLDBTaken")
    healed = await plldb_cli("bootstrap", "setup", env=copy.env)
    assert healed.code == 0, healed
    assert (await read_stack(open_client))["StackStatus"] == "UPDATE_COMPLETE"
    assert (await plldb_cli("bootstrap", "status")).code == 0


async def test_what_only_describe_events_tells_is_the_cause(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str, tmp_path: Path
) -> None:
    s3 = await open_client("s3")
    where = {"LocationConstraint": "eu-west-1"}
    await s3.create_bucket(Bucket=f"taken-{account}", CreateBucketConfiguration=where)
    copy = Copy(tmp_path / "copy")
    copy.add_resource("TakenBucket", "AWS::S3::Bucket", BucketName=f"taken-{account}")

    failed = await plldb_cli("bootstrap", "setup", env=copy.env)
    assert failed.code == 1, failed
    screen = failed.stdout[failed.stdout.index("cause") :].splitlines()
    assert "TakenBucket (AWS::S3::Bucket)" in screen[0]
    assert f"'taken-{account}' already exists" in screen[1]
    assert "plldb is in ROLLBACK_COMPLETE" in failed.stdout
    assert "TakenBucket" in failed.stderr
