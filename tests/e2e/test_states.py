"""The program meets the stack in all the states that MiniStack can be brought to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from plldb import bootstrap
from tests.e2e.holdings import BRISK, bucket_of, collect, list_rest, read_history, read_stack
from tests.support.answers import owner_guard
from tests.support.behaviours import Answer, on
from tests.support.copies import Copy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import OpenClient, RunPlldb
    from tests.support.proxy import Proxy


async def test_termination_protection_stops_destroy_and_is_left_alone(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    cloudformation = await open_client("cloudformation")
    protect = cloudformation.update_termination_protection
    await protect(StackName="plldb", EnableTerminationProtection=True)
    before = await read_history(open_client)

    refused = await plldb_cli("bootstrap", "destroy", "--yes")
    assert refused.code == 3, refused
    assert "termination protection" in refused.stderr
    assert "--no-enable-termination-protection" in refused.stderr
    assert (await read_stack(open_client))["EnableTerminationProtection"]
    assert await read_history(open_client) == before
    assert (await list_rest(open_client))["buckets"] == [bucket_of(account)]
    assert (await bootstrap.status()).healthy

    await protect(StackName="plldb", EnableTerminationProtection=False)
    assert (await plldb_cli("bootstrap", "destroy", "--yes")).code == 0


async def test_what_cannot_be_deleted_is_listed_and_goes_when_its_obstacle_is_gone(
    plldb_cli: RunPlldb, open_client: OpenClient, tmp_path: Path
) -> None:
    copy = Copy(tmp_path / "copy")
    copy.add_resource("FullRepository", "AWS::ECR::Repository", RepositoryName="plldb-full")
    assert (await plldb_cli("bootstrap", "setup", env=copy.env)).code == 0
    ecr = await open_client("ecr")
    await ecr.put_image(repositoryName="plldb-full", imageManifest="{}", imageTag="x")

    for command in ("destroy", "destroy", "setup"):  # DELETE_FAILED is found from the second one on
        stuck = await plldb_cli("bootstrap", command)
        assert stuck.code == 3, stuck
        assert "FullRepository" in stuck.stderr
        assert "The repository with name 'plldb-full' is not empty" in stuck.stdout
        assert "FORCE_DELETE_STACK" in stuck.stderr
        assert (await read_stack(open_client))["StackStatus"] == "DELETE_FAILED"
    assert "buckets" in await list_rest(open_client)
    watched = await plldb_cli("bootstrap", "watch")
    assert watched.code == 1, watched
    assert "The repository with name 'plldb-full' is not empty" in watched.stdout
    assert "plldb bootstrap destroy" in watched.stderr
    assert "plldb bootstrap setup" not in watched.stderr

    await ecr.delete_repository(repositoryName="plldb-full", force=True)
    done = await plldb_cli("bootstrap", "destroy")
    assert done.code == 0, done
    assert await list_rest(open_client) == {}


async def test_status_tells_before_and_after(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str
) -> None:
    absent = await plldb_cli("bootstrap", "status")
    assert absent.code == 1, absent
    assert "not deployed" in absent.stdout
    nothing = await plldb_cli("bootstrap", "watch")
    assert nothing.code == 0, nothing
    assert "there is no stack plldb" in nothing.stdout

    await collect(bootstrap.setup(pace=BRISK))
    healthy = await plldb_cli("bootstrap", "status", "--output", "json")
    assert healthy.code == 0, healthy
    (line,) = [json.loads(each) for each in healthy.stdout.splitlines()]
    assert (line["result"], line["stack_status"], line["bucket"]) == (
        "healthy",
        "CREATE_COMPLETE",
        bucket_of(account),
    )
    assert line["deployed_version"] == line["installed_version"]
    assert line["outputs"]["WebSocketUrl"].startswith("wss://")
    assert (await list_rest(open_client))["stacks"] == ["plldb"]

    await collect(bootstrap.destroy(keep_bucket=True, pace=BRISK))
    gone = await plldb_cli("bootstrap", "status")
    assert gone.code == 1, gone
    assert "not deployed" in gone.stdout


@pytest.mark.parametrize("scope", ["endpoint_url", "services"])
async def test_an_endpoint_of_the_profile_is_shown_as_well(
    plldb_cli: RunPlldb, endpoint: str, account: str, tmp_path: Path, scope: str
) -> None:
    config = tmp_path / "config"
    keys = f"[profile mine]\naws_access_key_id = {account}\naws_secret_access_key = x\n"
    if scope == "endpoint_url":
        config.write_text(f"{keys}endpoint_url = {endpoint}\n")
    else:
        each = "".join(f"{name} =\n  endpoint_url = {endpoint}\n" for name in ("sts", "cloudformation", "s3"))
        config.write_text(f"{keys}services = local\n[services local]\n{each}")
    env = {"AWS_CONFIG_FILE": str(config), "AWS_ENDPOINT_URL": None}
    absent = await plldb_cli("bootstrap", "status", "--profile", "mine", env=env)
    assert absent.code == 1, absent
    assert f"endpoint   {endpoint}\n" in absent.stdout


async def test_an_unfinished_change_set_is_cleared_away(
    aws_env: dict[str, str], open_client: OpenClient
) -> None:
    cloudformation = await open_client("cloudformation")
    await cloudformation.create_change_set(
        StackName="plldb",
        ChangeSetName="somebody",
        ChangeSetType="CREATE",
        TemplateBody='{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}',
        Tags=[{"Key": "plldb:component", "Value": "bootstrap"}],
    )
    assert (await read_stack(open_client))["StackStatus"] == "REVIEW_IN_PROGRESS"
    await collect(bootstrap.setup(pace=BRISK))
    assert (await read_stack(open_client))["StackStatus"] == "CREATE_COMPLETE"


async def test_a_foreign_stack_of_that_name_is_never_touched(
    aws_env: dict[str, str], open_client: OpenClient
) -> None:
    cloudformation = await open_client("cloudformation")
    body = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'
    await cloudformation.create_stack(StackName="plldb", TemplateBody=body)
    await cloudformation.get_waiter("stack_create_complete").wait(StackName="plldb")
    before = await read_history(open_client)
    for operation in (bootstrap.setup, bootstrap.destroy, bootstrap.watch):
        with pytest.raises(bootstrap.StackNotOursError):
            await collect(operation(pace=BRISK))
    assert await read_history(open_client) == before
    assert "buckets" not in await list_rest(open_client)


async def test_nothing_is_sent_to_a_bucket_of_that_name_in_another_account(
    plldb_cli: RunPlldb, proxy: Proxy, open_client: OpenClient, account: str
) -> None:
    proxy.use(on(Answer(owner_guard({bucket_of(account): "999999999999"})), "s3"))
    for command in ("setup", "destroy"):
        done = await plldb_cli("bootstrap", command, env={"AWS_ENDPOINT_URL": proxy.url})
        assert done.code == 1, done
        assert bucket_of(account) in done.stderr
        assert "another account" in done.stderr
        assert "Traceback" not in done.stderr
    sent = {
        record.operation
        for record in proxy.records
        if record.service == "s3" and record.method in ("PUT", "POST")
    }
    # A request for a bucket of that name, which S3 refuses; it says where, and carries nothing else.
    assert sent == {"CreateBucket"}
    assert await list_rest(open_client) == {}
