"""The functions of a stack, or all that are armed, are restored from any machine; others' are left alone."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from plldb.aws.place import Place
from plldb.aws.session import Aws, open_aws
from plldb.debugger.arming.holders import Holder
from plldb.debugger.arming.mutex import list_holds
from plldb.debugger.arming.naming.names import Names
from plldb.debugger.arming.naming.stacks import list_stack_functions, read_infrastructure
from plldb.debugger.arming.operate import Armed, Plan, arm
from plldb.debugger.arming.restore import open_places, restore_functions
from plldb.debugger.attaching.look import look
from plldb.debugger.errors import NoFunctionsError, NotSetUpError
from plldb.debugger.events.restore import FunctionRefused, RestoreEvent, VersionArmed
from plldb.debugger.events.status import DebuggerStatus
from plldb.debugger.pace import Pace
from plldb.errors import AccessDeniedError
from tests.support.answers import access_denied
from tests.support.behaviours import nth, on
from tests.support.environment import REGION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import OpenClient
    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.proxy import Proxy
    from tests.support.wire import Response

PACE = Pace(calls_a_second=200, update_poll=0.02)
FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::123456789012:role/orders",
        "Timeout": 7,
        "Code": {"ZipFile": "def handler(event, context): return 1"},
    },
}
STACK = {"Resources": {"Orders": FUNCTION, "Mails": FUNCTION, "Topic": {"Type": "AWS::SNS::Topic"}}}


@pytest_asyncio.fixture
async def aws(aws_env: dict[str, str], endpoint: str) -> AsyncIterator[Aws]:
    async with open_aws(Place(region=REGION, endpoint_url=endpoint), PACE) as opened:
        yield opened


@pytest_asyncio.fixture
async def names(open_client: OpenClient, aws: Aws) -> dict[str, str]:
    """The names of the stack's two functions, by their logical ids; both are armed."""
    cloudformation, dynamodb = await open_client("cloudformation"), await open_client("dynamodb")
    await dynamodb.create_table(
        TableName="PLLDBDebugger",
        KeySchema=[{"AttributeName": "RequestId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "RequestId", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    await cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps(STACK))
    await cloudformation.get_waiter("stack_create_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
    found = {each.logical_id: each.name for each in await list_stack_functions(aws, "shop")}
    assert sorted(found) == ["Mails", "Orders"]
    return found


async def arm_one(aws: Aws, open_client: OpenClient, name: str, who: str) -> None:
    client = await open_client("lambda")
    layer = await client.publish_layer_version(
        LayerName="plldb-agent", Content={"ZipFile": b"PK\x05\x06" + bytes(18)}
    )
    now = int(time.time())
    plan = Plan(
        holder=Holder(session=f"{who}#1", who=who, host="laptop", stack="shop"),
        layer=layer["LayerVersionArn"],
        url="wss://api.example/live",
        now=now,
        lease_until=now + 3600,
    )
    assert isinstance(await arm(await open_places(aws, PACE), name, plan, "token"), Armed)


async def restore(aws: Aws, stack: str, **options: Any) -> tuple[Any, list[RestoreEvent]]:
    told: list[RestoreEvent] = []

    async def tell(event: RestoreEvent) -> None:
        told.append(event)

    named = Names(stacks=(stack,) if stack else ())
    finished = await restore_functions(aws, named, tell, **{"take_over": False, "pace": PACE, **options})
    return finished, told


@pytest.mark.parametrize("stack", ["shop", ""])
async def test_what_is_ones_own_is_restored_and_what_is_anothers_is_left_and_named(
    aws: Aws, open_client: OpenClient, names: dict[str, str], stack: str
) -> None:
    mine = (await aws.read_target()).caller_arn
    await arm_one(aws, open_client, names["Orders"], mine)
    await arm_one(aws, open_client, names["Mails"], "arn:aws:iam::123456789012:user/boris")
    status = await look(aws, [stack] if stack else [], pace=PACE)
    assert {each.function: (each.armed, each.holders[0].who) for each in status.functions} == {
        names["Orders"]: (True, mine),
        names["Mails"]: (True, "arn:aws:iam::123456789012:user/boris"),
    }
    finished, told = await restore(aws, stack)
    assert (finished.restored, finished.refused) == (1, 1)
    (refused,) = [event for event in told if isinstance(event, FunctionRefused)]
    assert (refused.function, refused.reason) == (names["Mails"], "held")
    assert refused.holder.endswith("user/boris")
    finished, _ = await restore(aws, stack, take_over=True)
    assert (finished.restored, finished.refused) == (1, 0)
    client = await open_client("lambda")
    for name in names.values():
        found = await client.get_function_configuration(FunctionName=name)
        assert found["Timeout"] == 7
        assert not found.get("Environment", {}).get("Variables")
        assert not found.get("Layers")


async def test_a_version_that_was_published_while_armed_is_named(
    aws: Aws, open_client: OpenClient, names: dict[str, str]
) -> None:
    client = await open_client("lambda")
    await arm_one(aws, open_client, names["Orders"], (await aws.read_target()).caller_arn)
    version = (await client.publish_version(FunctionName=names["Orders"]))["Version"]
    _, told = await restore(aws, "shop")
    assert [event for event in told if isinstance(event, VersionArmed)] == [
        VersionArmed(function=names["Orders"], function_version=version, aliases=())
    ]
    status = await look(aws, ["shop"], pace=PACE)
    assert isinstance(status, DebuggerStatus)
    assert {each.function: dict(each.versions) for each in status.functions}[names["Orders"]] == {version: ()}


async def test_versions_that_may_not_be_listed_leave_no_function_armed(
    aws: Aws, open_client: OpenClient, names: dict[str, str], proxy: Proxy
) -> None:
    client, mine, listed = await open_client("lambda"), (await aws.read_target()).caller_arn, asyncio.Event()
    for name in names.values():
        await arm_one(aws, open_client, name, mine)

    async def deny(call: Call, forward: Forward) -> Response:
        listed.set()
        return access_denied(call)

    async def hold_up(call: Call, forward: Forward) -> Response:
        await asyncio.wait([asyncio.ensure_future(listed.wait())], timeout=0.5)
        return await forward(call)

    proxy.use(on(deny, "ListVersionsByFunction"), on(hold_up, "UpdateFunctionConfiguration", when=nth(2)))
    async with open_aws(Place(region=REGION, endpoint_url=proxy.url), PACE) as elsewhere:
        with pytest.raises(AccessDeniedError, match="ListVersionsByFunction"):
            await restore(elsewhere, "shop")
    assert await list_holds((await open_places(aws, PACE)).table) == ()
    for name in names.values():
        assert (await client.get_function_configuration(FunctionName=name))["Timeout"] == 7


async def test_without_the_infrastructure_a_function_is_restored_from_itself(
    aws: Aws, open_client: OpenClient, names: dict[str, str]
) -> None:
    client, tables = await open_client("lambda"), await open_client("dynamodb")
    await arm_one(aws, open_client, names["Orders"], "arn:aws:iam::123456789012:user/boris")
    await tables.delete_table(TableName="PLLDBDebugger")
    finished, _ = await restore(aws, "")
    assert (finished.restored, finished.refused) == (1, 0)
    found = await client.get_function_configuration(FunctionName=names["Orders"])
    assert (found["Timeout"], found.get("Layers") or []) == (7, [])


async def test_a_stack_that_is_not_there_and_an_infrastructure_that_is_not_there_are_said(aws: Aws) -> None:
    with pytest.raises(NoFunctionsError, match="no stack nowhere"):
        await restore(aws, "nowhere")
    with pytest.raises(NotSetUpError):
        await read_infrastructure(aws)
