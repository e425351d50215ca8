"""What a cloud that checks signatures and policies lets a role do; plldb's own policies in it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import websockets
from aiobotocore.session import AioSession

import plldb
from plldb import debugger
from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger.arming.functions import find_armed_versions, open_lambda
from plldb.debugger.arming.mutex import open_table
from plldb.debugger.arming.naming.stacks import list_stack_functions, read_infrastructure
from plldb.debugger.arming.operate import Places
from plldb.debugger.attaching.invocations.ledger import note_start
from plldb.debugger.link import rows
from plldb.debugger.link.addresses import management_address
from plldb.errors import AccessDeniedError, PlldbError
from tests.cloud.functions import RUNTIME, invoke, outcome, until
from tests.cloud.world import PACE, World, arm_for, attached, build_layer, publish, replace
from tests.faults.library import at_most
from tests.support.cloud import Cloud, start_cloud
from tests.support.environment import REGION, Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    from tests.conftest import OpenClient

POLICIES = Path(plldb.__file__).parent / "bootstrap" / "policies"
Statement = dict[str, Any]
ACCOUNT = "000000000000"
# With several cases at a time a machine may need longer for a link than an agent waits.
PATIENT = {"link.py": replace("FIRST_LINK = 5.0", "FIRST_LINK = 60.0")}
STACK = {
    "Resources": {
        "Orders": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": RUNTIME,
                "Handler": "index.handler",
                "Role": "arn:aws:iam::000000000000:role/orders",
                "Timeout": 7,
                "Code": {"ZipFile": "def handler(event, context): return {'deployed': event}"},
            },
        }
    }
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def one_cloud() -> AsyncIterator[Cloud]:
    async with start_cloud(auth=True) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def set_up() -> set[str]:
    return set()


@pytest.fixture
def account() -> str:
    return ACCOUNT


@pytest.fixture
def credentials() -> Credentials:
    """The root user of MiniStack's own account."""
    return Credentials(access_key_id="test")


async def assume(
    open_client: OpenClient, *allowed: Mapping[str, Any], **how: Any
) -> tuple[str, dict[str, str]]:
    """The aws:userid of somebody with a role that is allowed so much, and settings of clients."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    roles, tokens = await open_client("iam"), await open_client("sts")
    name = f"role-{secrets.token_hex(4)}"
    role = await roles.create_role(RoleName=name, AssumeRolePolicyDocument=write(trust))
    await roles.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=write(*allowed))
    assumed = await tokens.assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="session", **how)
    keys = assumed["Credentials"]
    return assumed["AssumedRoleUser"]["AssumedRoleId"], {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }


def write(*statements: Mapping[str, Any]) -> str:
    """A policy of these statements."""
    allowed = [{"Effect": "Allow", **each} for each in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})


async def test_a_session_policy_lets_somebody_post_to_one_connection_alone(
    cloud: Cloud, open_client: OpenClient
) -> None:
    gateway = await open_client("apigatewayv2")
    api = await gateway.create_api(
        Name="a", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    at = {"ApiId": api["ApiId"]}
    await gateway.create_stage(**at, StageName="live", AutoDeploy=True)
    url = f"{cloud.url}/_aws/execute-api/{api['ApiId']}/live"
    address = url.replace("https://", "wss://")
    others = set(cloud.connections)
    async with websockets.connect(address) as mine, websockets.connect(address):
        me, other = (each for each in cloud.connections if each not in others)
        on = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api['ApiId']}/live/POST/@connections/"
        action = {"Action": "execute-api:ManageConnections"}
        narrowed = write({**action, "Resource": on + me.rstrip("=") + "*"})
        _, keys = await assume(open_client, {**action, "Resource": "*"}, Policy=narrowed)
        connections = await open_client("apigatewaymanagementapi", endpoint_url=url, **keys)
        await connections.post_to_connection(ConnectionId=me, Data=b"for me")
        assert await mine.recv() == "for me"
        for call in (
            connections.post_to_connection(ConnectionId=other, Data=b"x"),
            connections.get_connection(ConnectionId=me),
        ):
            assert await outcome(call) == "AccessDeniedException"


async def test_a_condition_on_leading_keys_binds_somebody_to_rows_of_their_own(
    open_client: OpenClient,
) -> None:
    root = await open_client("dynamodb")
    await root.create_table(
        TableName="Rows",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "Key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Key", "KeyType": "HASH"}],
    )
    condition = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["${aws:userid}#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    user, keys = await assume(open_client, {"Action": "dynamodb:*", "Resource": "*", "Condition": condition})
    rows = await open_client("dynamodb", **keys)
    for key, expected in ((f"{user}#1", "done"), ("another#1", "AccessDeniedException")):
        value = {"S": key}
        assert await outcome(rows.put_item(TableName="Rows", Item={"Key": value})) == expected
        asked = {"ExpressionAttributeNames": {"#k": "Key"}, "ExpressionAttributeValues": {":k": value}}
        query = rows.query(TableName="Rows", KeyConditionExpression="#k = :k", **asked)
        assert await outcome(query) == expected
    assert await outcome(rows.scan(TableName="Rows")) == "AccessDeniedException"


# --- the policies of the repository -----------------------------------------------------------------------


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements_of(name: str) -> list[Statement]:
    found: list[Statement] = json.loads((POLICIES / f"{name}.json").read_text())["Statement"]
    return found


# Nothing fails without them here: nothing is signed, no queue invokes, no log is looked at, and a layer that
# may not be read is taken to be there. AWS wants the right to read layers when the list of a function's
# layers is changed.
NOT_ASKED = ("CodeSigning", "Layers", "Queues", "Logs")


@asynccontextmanager
async def allowed(open_client: OpenClient, name: str, without: str = "") -> AsyncIterator[Place]:
    """Somebody with a policy of the repository, less one statement."""
    _, keys = await assume(open_client, *[each for each in statements_of(name) if each["Sid"] != without])
    session = AioSession()
    session.set_credentials(*keys.values())
    yield Place(session=session, region=REGION)


async def debug(
    place: Place, world: World, stack: str, name: str, *, layer: str = "", ask: bool = True
) -> object:
    """What an invocation of a function answers while somebody debugs it; or what stood in the way."""
    async with open_aws(place, PACE) as aws:
        table = await open_table(aws)
        mine = dataclasses.replace(
            world, aws=aws, places=Places(functions=await open_lambda(aws, PACE), table=table)
        )
        assert (await read_infrastructure(aws)).layer == world.layer
        assert [each.name for each in await list_stack_functions(aws, stack)] == [name]
        async with attached(mine, name) as session:
            await arm_for(mine, name, session, layer=layer)
            await find_armed_versions(mine.places.functions, name)
            await note_start(table, session.link.row, request_id="r", function=name, now=int(time.time()))
            if not ask:
                return ""
            answer = asyncio.create_task(invoke(world.functions, name, 1))
            await until(lambda: answer.done() or bool(session.events))
            return await answer if answer.done() else str(session.events)


async def put_back(place: Place, *stacks: str) -> str:
    """Restore these stacks, ``""`` is all, also what others hold, and look at it; what stood in the way."""
    refused = []
    for stack in stacks:
        await debugger.status(place, stack, pace=PACE)
        async for event in debugger.restore(place, stack, take_over=True, pace=PACE):
            refused += [event.message] if isinstance(event, debugger.FunctionRefused) else []
    return " ".join(refused)


async def trouble(work: Awaitable[object]) -> str:
    """What went wrong, empty if nothing."""
    try:
        done = await work
    except PlldbError as error:
        return f"{error.message} {error.hint}"
    except AssertionError as error:  # a refusal
        return str(error)
    return "" if done in ({"laptop": 1}, "") else str(done)


async def deploy(world: World, open_client: OpenClient) -> tuple[str, str]:
    """A new stack and its one function."""
    cloudformation, stack = await open_client("cloudformation"), f"shop-{secrets.token_hex(4)}"
    await cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(STACK))
    await cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    (found,) = await list_stack_functions(world.aws, stack)
    return stack, found.name


async def test_the_policies_for_debugging_are_enough_and_no_statement_of_them_can_be_left_out(
    world: World, open_client: OpenClient
) -> None:
    layer = await publish(world.functions, await build_layer(PATIENT))

    async def attach_without(sid: str) -> None:
        stack, function = await deploy(world, open_client)
        before = await world.settings(function)
        async with allowed(open_client, "attach", sid) as place:
            judge(await trouble(debug(place, world, stack, function, layer=layer)), "attach", sid)
        # What could not be given back for want of a right, somebody who has it gives back.
        async with allowed(open_client, "restore") as place:
            assert await trouble(put_back(place, stack)) == ""
        assert await world.settings(function) == before

    sids = ["", *(each["Sid"] for each in statements_of("attach"))]
    await at_most(3, map(attach_without, sids))
    stack, function = await deploy(world, open_client)
    before = await world.settings(function)
    for sid in (each["Sid"] for each in statements_of("restore")):
        async with allowed(open_client, "attach") as place:
            assert await trouble(debug(place, world, stack, function, ask=False)) == ""
        async with allowed(open_client, "restore", sid) as place:
            judge(await trouble(put_back(place, stack, "")), "restore", sid)
        async with allowed(open_client, "restore") as place:
            assert await trouble(put_back(place, stack, "")) == ""
        assert await world.settings(function) == before
    left = await world.places.table.client.scan(TableName="PLLDBSessions")
    assert left["Items"] == [], "each session has deleted its row: what refuses that is only logged"


def judge(trouble: str, name: str, sid: str) -> None:
    actions = [listed(each["Action"]) for each in statements_of(name) if each["Sid"] == sid]
    if not sid or sid in NOT_ASKED:
        assert trouble == "", f"{name} without {sid}"
    else:
        assert any(action in trouble for action in actions[0]), f"{name} without {sid}: {trouble}"


async def test_what_an_agent_is_lent_reaches_its_laptop_alone_and_nobody_after_the_session(
    world: World, open_client: OpenClient
) -> None:
    stack, function = await deploy(world, open_client)
    async with attached(world, function) as session:
        await arm_for(world, function, session)
        headers = {"x-plldb-function": function, "x-plldb-token": session.token}
        async with websockets.connect(world.url, additional_headers=headers) as agent:
            await agent.send(json.dumps({"action": "hello", "v": 4, "n": "a", "k": session.token}))
            told = json.loads(await agent.recv())
            names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
            keys = dict(zip(names, told["creds"], strict=True))
            where = management_address(world.url)
            lent = await open_client("apigatewaymanagementapi", endpoint_url=where, **keys)
            (peer,) = (each["peer"] for each in told["laptops"])
            desk, other = {"ConnectionId": peer}, {"ConnectionId": told["me"]}
            assert peer == session.link.connection
            for call in (lent.post_to_connection(**desk, Data=b"x"), lent.get_connection(**desk)):
                assert await outcome(call) == "done"
            for call in (
                lent.delete_connection(**desk),
                lent.post_to_connection(**other, Data=b"x"),
                lent.delete_connection(**other),
                (await open_client("dynamodb", **keys)).scan(TableName="PLLDBSessions"),
                (await open_client("lambda", **keys)).get_function(FunctionName=function),
                (await open_client("sts", **keys)).assume_role(
                    RoleArn="arn:aws:iam::000000000000:role/PLLDBManagerRole", RoleSessionName="agent"
                ),
            ):
                assert "AccessDenied" in await outcome(call)
    assert await outcome(lent.post_to_connection(**desk, Data=b"x")) == "GoneException"
    async with allowed(open_client, "restore") as place:
        assert await put_back(place, stack, "") == ""


async def test_the_reaper_has_the_rights_that_it_needs_and_nobody_writes_a_row_of_somebody_else(
    world: World, open_client: OpenClient
) -> None:
    _, function = await deploy(world, open_client)
    before = await world.settings(function)
    async with attached(world, function) as session:
        await arm_for(world, function, session, hours=-1)
    assert await invoke(world.functions, "plldb-lease-reaper", {}) == {"left": 0}
    assert await world.settings(function) == before

    async with allowed(open_client, "attach") as place, open_aws(place, PACE) as aws:
        row = await rows.make_row(aws, stack="shop", host="here", now=time.time(), seconds=60)
        await rows.write_token(aws, row, now=time.time(), new=True)
        with pytest.raises(AccessDeniedError, match="dynamodb:UpdateItem"):
            await rows.write_token(aws, dataclasses.replace(row, id="AIDAOTHER#1"), now=time.time(), new=True)


async def test_the_policy_for_invoke_is_enough_and_without_its_looks_it_works_too(
    world: World, open_client: OpenClient
) -> None:
    stack, _ = await deploy(world, open_client)
    for sid in ("", *(each["Sid"] for each in statements_of("invoke"))):
        async with allowed(open_client, "invoke", sid) as place:
            done = await trouble(_send(place, stack))
            if sid in ("Invoke", "StackFunctions"):
                judge(done, "invoke", sid)
            else:
                expected = "unknown" if sid == "Invocations" else "deployed"
                assert done == f"{expected} {{'deployed': 1}}", f"invoke without {sid}"


async def _send(place: debugger.Place, stack: str) -> str:
    done = await debugger.invoke(place, "Orders", 1, stack=stack, pace=PACE)
    return f"{done.ran} {done.answer}"
