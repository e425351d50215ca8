"""Several regions of one account at the same time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.sessions import make_session

if TYPE_CHECKING:
    from tests.conftest import OpenClient, RunPlldb

REGIONS = ("eu-west-1", "us-east-1")


async def test_two_regions_of_one_account_are_set_up_and_destroyed_side_by_side(
    plldb_cli: RunPlldb, open_client: OpenClient, aws_env: dict[str, str], account: str
) -> None:
    places = [part for region in REGIONS for part in ("--region", region)]
    done = await plldb_cli("bootstrap", "setup", *places, "--output", "json")
    assert done.code == 0, done
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    results = {line["region"]: line["result"] for line in lines if line["kind"] == "region_finished"}
    assert results == dict.fromkeys(REGIONS, "deployed")

    iam, s3 = await open_client("iam"), await open_client("s3")
    assert len((await iam.list_roles())["Roles"]) == 12
    buckets = {f"plldb-core-infrastructure-{region}-{account}" for region in REGIONS}
    assert {bucket["Name"] for bucket in (await s3.list_buckets())["Buckets"]} == buckets
    for region in REGIONS:
        assert sorted(await list_tables(region, aws_env)) == ["PLLDBDebugger", "PLLDBSessions"]

    one = await plldb_cli("bootstrap", "destroy", "--region", "us-east-1")
    assert one.code == 0, one
    assert await list_tables("us-east-1", aws_env) == []
    assert len(await list_tables("eu-west-1", aws_env)) == 2
    assert len((await iam.list_roles())["Roles"]) == 6
    healthy = await plldb_cli("bootstrap", "status", "--region", "eu-west-1")
    assert healthy.code == 0, healthy


async def list_tables(region: str, aws_env: dict[str, str]) -> list[str]:
    session = make_session()
    endpoint = aws_env["AWS_ENDPOINT_URL"]
    async with session.create_client("dynamodb", region_name=region, endpoint_url=endpoint) as client:
        names: list[str] = (await client.list_tables())["TableNames"]
        return names
