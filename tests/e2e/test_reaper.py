"""Functions whose lease has ended are put back by the scheduled function, and no others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from plldb import bootstrap
from plldb.debugger.arming.mutex import list_holds
from plldb.debugger.arming.operate import Armed
from tests.e2e.arming import ANNA, BORIS, TOKEN, World, make_world
from tests.e2e.holdings import BRISK, collect
from tests.support.answers import access_denied, error
from tests.support.behaviours import Answer, Reset, first, on
from tests.support.environment import REGION
from tests.support.handlers import importing_handlers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import OpenClient
    from tests.support.behaviours import Behaviour, Forward
    from tests.support.operations import Call
    from tests.support.proxy import Proxy
    from tests.support.wire import Response

Reap = Callable[[], Awaitable[int]]


@pytest_asyncio.fixture
async def world(aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient) -> AsyncIterator[World]:
    async with make_world(proxy, open_client) as made:
        yield made


@pytest_asyncio.fixture
async def reap(world: World, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reap]:
    """Runs the handler, which asks AWS through the proxy, and returns how many functions are left."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    with importing_handlers() as load:
        module = load("lease_reaper_handler")

        async def run() -> int:
            return int((await asyncio.to_thread(module.handler, {}, context))["left"])

        yield run


async def test_what_has_ended_is_put_back_and_what_lives_is_left_alone(world: World, reap: Reap) -> None:
    before = await world.deployed()
    assert isinstance(await world.arm(hours=-1), Armed)
    assert await reap() == 0
    assert await world.deployed() == before
    assert await list_holds(world.places.table) == ()

    assert isinstance(await world.arm(), Armed)
    armed, holds = await world.deployed(), await list_holds(world.places.table)
    assert await reap() == 0
    assert (await world.deployed(), await list_holds(world.places.table)) == (armed, holds)

    # One whose lease was longer has left: the function knows of that lease, the row does not any more.
    await world.places.table.client.update_item(
        TableName="PLLDBDebugger",
        Key={"RequestId": {"S": f"fn#{holds[0].arn}"}},
        UpdateExpression="SET LeaseUntil = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    assert await reap() == 0
    assert (await world.deployed(), await list_holds(world.places.table)) == (before, ())


async def test_the_deployed_reaper_does_so_with_what_is_in_its_package(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    async with make_world(proxy, open_client, tables=False) as world:
        before = await world.deployed()
        assert isinstance(await world.arm(hours=-1), Armed)
        answer = await world.client.invoke(FunctionName="plldb-lease-reaper", Payload=b"{}")
        assert json.loads(await answer["Payload"].read()) == {"left": 0}
        assert await world.deployed() == before
        rules = await open_client("events")
        assert (await rules.describe_rule(Name="plldb-lease-reaper"))["State"] == "ENABLED"


@pytest.mark.parametrize("trouble", ["lost answer", "busy", "deployed over"])
async def test_an_update_that_meets_trouble_is_made_all_the_same(
    world: World, proxy: Proxy, reap: Reap, trouble: str
) -> None:
    async def deploy(call: Call, forward: Forward) -> Response:
        await world.client.update_function_configuration(FunctionName=world.name, MemorySize=512)
        return await forward(call)

    before = await world.deployed()
    assert isinstance(await world.arm(hours=-1), Armed)
    harms: dict[str, Behaviour] = {
        "lost answer": Reset(forward=True),
        "busy": Answer(busy),
        "deployed over": deploy,
    }
    proxy.use(on(harms[trouble], "UpdateFunctionConfiguration", when=first(1)))
    assert await reap() == 0
    assert await world.deployed() == before
    assert await list_holds(world.places.table) == ()


@pytest.mark.parametrize("way", ["environment unreadable", "denied", "armed again"])
async def test_what_is_not_to_be_touched_stays_as_it_is(
    world: World, proxy: Proxy, reap: Reap, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(await world.arm(hours=-1), Armed)
    if way == "environment unreadable":
        proxy.use(on(unreadable, "GetFunctionConfiguration"))
    elif way == "denied":
        proxy.use(on(Answer(access_denied), "UpdateFunctionConfiguration"))
    else:
        proxy.use(on(arm_again(world), "GetFunctionConfiguration", when=first(1)))
    armed = await world.deployed()
    assert await reap() == 0
    now = await world.deployed()
    if way == "armed again":
        assert now["variables"]["PLLDB"] != armed["variables"]["PLLDB"]
        (hold,) = await list_holds(world.places.table)
        assert hold.holders[0].holder == BORIS
    else:
        assert now == armed
        (line,) = [record.getMessage() for record in caplog.records if record.name == "root"]
        assert "function:orders stays as it is" in line
    assert now["timeout"] == 899
    assert len(await list_holds(world.places.table)) == 1
    assert TOKEN not in caplog.text


async def test_the_row_of_a_function_that_is_gone_goes(world: World, reap: Reap) -> None:
    assert isinstance(await world.arm(ANNA, hours=-1), Armed)
    await world.client.delete_function(FunctionName=world.name)
    assert await reap() == 0
    assert await list_holds(world.places.table) == ()


async def unreadable(call: Call, forward: Forward) -> Response:
    """What Lambda answers where the key of the environment cannot be used."""
    response = await forward(call)
    answer = json.loads(response.body)
    answer["Environment"] = {"Error": {"ErrorCode": "KMSAccessDeniedException", "Message": "no"}}
    body = json.dumps(answer).encode()
    headers = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
    return replace(response, body=body, headers=(*headers, ("Content-Length", str(len(body)))))


def arm_again(world: World) -> Any:
    async def harm(call: Call, forward: Forward) -> Response:
        assert isinstance(await world.arm(BORIS), Armed)
        return await forward(call)

    return harm


def busy(call: Call) -> Response:
    return error(call, 409, "ResourceConflictException", "The operation cannot be performed at this time.")
