"""Two stacks in one session: a function of one calls a function of the other while it is held itself."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from tests.cloud.functions import create, invoke
from tests.cloud.shop import a_function, attached, settings
from tests.support.dap import editor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud.world import World
    from tests.conftest import OpenClient, RunPlldb

CALLS = """
import boto3, json, os
def handler(event, context):
    got = {"shop": event}
    answer = boto3.client("lambda").invoke(FunctionName=event["to"], Payload=json.dumps(got))
    return {"asked": json.loads(answer["Payload"].read())}
"""
CALLED = """
def handler(event, context):
    got = {"billing": event["shop"]["n"]}
    return got
"""


async def make_stack(open_client: OpenClient, name: str) -> str:
    """A stack with a function ``Handler``, and its name."""
    cloudformation = await open_client("cloudformation")
    template = json.dumps({"Resources": {"Handler": a_function()}})
    await cloudformation.create_stack(StackName=name, TemplateBody=template)
    waiter = cloudformation.get_waiter("stack_create_complete")
    await waiter.wait(StackName=name, WaiterConfig={"Delay": 1})
    found = await cloudformation.list_stack_resources(StackName=name)
    return str(found["StackResourceSummaries"][0]["PhysicalResourceId"])


async def test_functions_of_two_stacks_and_of_none_call_each_other_stop_and_are_restored(
    world: World, open_client: OpenClient, aws_env: dict[str, str], tmp_path: Path, plldb_cli: RunPlldb
) -> None:
    names = [await make_stack(open_client, each) for each in ("shop", "billing")]
    by_hand = {"FunctionName": "by-hand", "Environment": {"Variables": {"STAGE": "test"}}}
    alone = await create(world.functions, CALLED, Handler="index.handler", **by_hand)
    await world.functions.update_function_configuration(
        FunctionName=names[0],
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        Environment={"Variables": {"DB": "postgres://10.1.2.3/shop", "CACHE": "a.b.cache.amazonaws.com"}},
    )
    for folder, code in (("shop", CALLS), ("billing", CALLED)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "index.py").write_text(code)
    before = [await settings(world, each) for each in (*names, alone)]
    folders = (
        "--env",
        "CACHE=127.0.0.1",
        "--code",
        "shop=shop",
        "--code",
        "billing=billing",
        "--code",
        f"{alone}=billing",
    )
    meant = ("shop", "billing", alone)
    async with attached(aws_env, tmp_path, *meant, *folders, "--debug-port", "0") as session:
        planned = await session.read_until("attach_planned")
        assert session.lines[0]["stack_name"] == "shop, billing"
        assert [(each["stack"], each["logical_id"], each["function"]) for each in planned["functions"]] == [
            ("shop", "Handler", names[0]),
            ("billing", "Handler", names[1]),
            ("", "", alone),
        ]
        vpc = [(each["in_vpc"], each["private_hosts"]) for each in planned["functions"]]
        assert vpc == [(True, ["DB"]), (False, []), (False, [])]
        port = (await session.read_until("attached"))["debug_port"]
        lines = {tmp_path / "shop/index.py": [5], tmp_path / "billing/index.py": [4]}
        async with editor(port, lines) as one:
            for called in (names[1], alone):
                caller = asyncio.create_task(invoke(world.functions, names[0], {"to": called, "n": 7}))
                held = await one.stop()
                assert (await held.variables())["got"].startswith("{'shop': ")
                await held.go_on()
                inner = await one.stop()
                assert (await inner.variables())["got"] == "{'billing': 7}"
                await inner.go_on()
                assert await caller == {"asked": {"billing": 7}}
        status = json.loads((await plldb_cli("status", "billing", "--output", "json")).stdout)
        assert [each["stack"] for each in status["sessions"]] == ["shop, billing"]
        assert [each["function"] for each in status["functions"] if each["armed"]] == [names[1]]
        refused = await plldb_cli("attach", "shop", "Handler", "billing", "billing/Handler")
        assert "eu-west-1 shop Handler billing billing/Handler --take-over" in refused.stderr
        done, last = await session.end()
    assert (done, last["restored"], last["left_armed"]) == (0, 3, [])
    assert [await settings(world, each) for each in (*names, alone)] == before
    wrong = await plldb_cli("restore", "shop", "Handlre")
    assert "There is no function and no stack Handlre. The stack shop has Handler." in wrong.stderr
