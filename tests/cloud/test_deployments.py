"""A function that is deployed, deleted and given back while it is attached: said, and armed again if held."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from plldb import debugger
from plldb.debugger.arming.functions import wait_until_updated
from plldb.debugger.arming.holders import Holder
from plldb.debugger.arming.mutex import list_holds
from plldb.debugger.arming.operate import Armed, Plan, arm, restore
from plldb.debugger.arming.settings import is_touched
from tests.cloud.functions import create, invoke, pack
from tests.cloud.world import PACE, create_function
from tests.support.environment import invent_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.cloud.world import World
    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

    Deploy = Callable[[World, str], Awaitable[object]]

ACCOUNT = invent_account()
LOCAL = """
import os

def handler(event, context):
    if event == "memory":
        return os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    return ["laptop", "handler", os.environ["STAGE"]]

def other(event, context):
    return ["laptop", "other", os.environ["STAGE"]]
"""
NEW_CODE = "def handler(event, context):\n    return 'deployed anew'\n"
PLAIN = {"Variables": {"STAGE": "test"}}


@pytest.fixture
def account() -> str:
    return ACCOUNT


class Listener:
    """The events of an attached session, as they come."""

    def __init__(self, session: debugger.Attachment) -> None:
        self.session = session
        self._events: asyncio.Queue[debugger.AttachEvent] = asyncio.Queue()

    async def listen(self) -> None:
        async for event in self.session:
            self._events.put_nowait(event)

    async def until(self, kind: type[Any]) -> Any:
        """The next event of a kind; failures of the session are told by the test's end."""
        async with asyncio.timeout(120):
            while not isinstance(event := await self._events.get(), kind):
                pass
        return event


@asynccontextmanager
async def attached(world: World, name: str, folder: Path) -> AsyncIterator[Listener]:
    (folder / "app.py").write_text(LOCAL)
    options = debugger.AttachOptions(code=folder, python=Path(sys.executable), debug_port=None)
    pace = replace(PACE, look_at_functions=0.05, settled=0.1)
    arn = (await world.functions.get_function(FunctionName=name))["Configuration"]["FunctionArn"]
    async with debugger.attach(debugger.Place(), "", [arn], options, pace=pace) as session:
        listener = Listener(session)
        listening = asyncio.create_task(listener.listen())
        await listener.until(debugger.Attached)
        yield listener
        session.detach()
        await listening


def configure(**settings: Any) -> Deploy:
    return lambda world, name: world.functions.update_function_configuration(FunctionName=name, **settings)


def deploy_code(code: str) -> Deploy:
    package = pack({"app.py": code})
    return lambda world, name: world.functions.update_function_code(FunctionName=name, ZipFile=package)


async def roll_back(world: World, name: str) -> None:
    await configure(Environment=PLAIN, Layers=[], Timeout=17, Handler="app.handler")(world, name)
    await wait_until_updated(world.places.functions, name)
    await deploy_code(LOCAL)(world, name)


async def add_variable(world: World, name: str) -> None:
    found = (await world.functions.get_function(FunctionName=name))["Configuration"]["Environment"]
    await configure(Environment={"Variables": {**found["Variables"], "STAGE": "edited"}})(world, name)


async def test_each_kind_of_deployment_is_noticed_said_and_answered_from_here_again(
    world: World, tmp_path: Path
) -> None:
    name = await create_function(world)
    deployments: list[tuple[Deploy, bool, list[str]]] = [
        (configure(Environment=PLAIN, Layers=[], Timeout=60), False, ["handler", "test"]),
        (configure(Layers=[]), False, ["handler", "test"]),
        (configure(Timeout=70), False, ["handler", "test"]),
        (configure(Handler="app.other"), False, ["other", "test"]),
        (add_variable, False, ["other", "edited"]),
        (roll_back, True, ["handler", "test"]),
        (configure(MemorySize=512), False, ["handler", "test"]),
        (deploy_code(NEW_CODE), True, ["handler", "test"]),
    ]
    async with attached(world, name, tmp_path) as listener:
        for deploy, code_changed, answer in deployments:
            await deploy(world, name)
            told = await listener.until(debugger.FunctionDeployed)
            while code_changed and not told.code_changed:  # a slow machine pauses between settings and code
                told = await listener.until(debugger.FunctionDeployed)
            assert told == debugger.FunctionDeployed(function=name, armed=True, code_changed=code_changed)
            assert await invoke(world.functions, name, 1) == ["laptop", *answer]
        assert await invoke(world.functions, name, "memory") == "512"
        version = (await world.functions.publish_version(FunctionName=name))["Version"]
        assert (await listener.until(debugger.VersionArmed)).function_version == version
        assert await invoke(world.functions, name, 1, Qualifier=version) == "deployed anew"
        await world.functions.delete_function(FunctionName=name)
        gone = await listener.until(debugger.FunctionDeployed)
        assert (gone.armed, gone.reason) == (False, "gone")
        settings = {"Environment": PLAIN, "Timeout": 33}
        await create(world.functions, NEW_CODE + "again = 1\n", FunctionName=name, **settings)
        again = await listener.until(debugger.FunctionDeployed)
        assert (again.armed, again.code_changed) == (True, True)
        assert await invoke(world.functions, name, 1) == ["laptop", "handler", "test"]
        await configure(Environment=PLAIN, Layers=[])(world, name)  # of ours only the timeout stays
        assert (await listener.until(debugger.FunctionDeployed)).armed
    left = await world.settings(name)
    assert (left["Timeout"], left["Environment"], left.get("Layers") or []) == (33, PLAIN, [])
    assert await list_holds(world.places.table) == ()


async def test_a_queue_of_30_s_is_mapped_as_soon_as_the_session_has_ended(
    world: World, tmp_path: Path, open_client: OpenClient
) -> None:
    name, queues = await create_function(world), await open_client("sqs")
    url = (await queues.create_queue(QueueName=name))["QueueUrl"]
    told = await queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    mapping = {"EventSourceArn": told["Attributes"]["QueueArn"], "FunctionName": name}
    async with attached(world, name, tmp_path):
        refused = "Queue visibility timeout: 30 seconds is less than Function timeout: 899 seconds"
        with pytest.raises(ClientError, match=refused):
            await world.functions.create_event_source_mapping(**mapping)
        assert await invoke(world.functions, name, 1) == ["laptop", "handler", "test"]
    await world.functions.create_event_source_mapping(**mapping)


async def test_a_function_that_was_given_back_is_not_armed_again(world: World, tmp_path: Path) -> None:
    name = await create_function(world)
    async with attached(world, name, tmp_path) as listener:
        await debugger.result(debugger.restore(pace=PACE))
        # The session may look at it between the two steps of restoring, and be undone in the next round.
        while (told := await listener.until(debugger.FunctionDeployed)).armed:
            pass
        assert (told.armed, told.reason) == (False, "given-back")
        assert (await listener.until(debugger.Detaching)).reason == "none-left"
    function = await wait_until_updated(world.places.functions, name)
    assert function is not None
    assert not is_touched(function.settings)


async def test_a_function_that_cannot_be_armed_again_is_put_back(world: World, tmp_path: Path) -> None:
    name = await create_function(world)
    async with attached(world, name, tmp_path) as listener:
        await configure(Layers=[], Runtime="nodejs22.x")(world, name)
        told = await listener.until(debugger.FunctionDeployed)
        assert (told.armed, told.reason) == (False, "not-python")
        assert (await listener.until(debugger.Restored)).how == "restored"
        assert (await listener.until(debugger.Detaching)).reason == "none-left"
    assert await list_holds(world.places.table) == ()


async def test_who_takes_a_function_over_is_named(world: World, tmp_path: Path) -> None:
    name, bob = await create_function(world), "arn:aws:sts::1:assumed-role/dev/bob"
    async with attached(world, name, tmp_path) as listener:
        (mine,) = await list_holds(world.places.table)
        plan = Plan(
            holder=Holder(session="other", who=bob, host="", stack=""),
            layer=world.layer,
            url=world.url,
            now=mine.holders[0].since,
            lease_until=mine.lease_until,
            instead_of=frozenset({mine.holders[0].holder.session}),
        )
        assert isinstance(await arm(world.places, name, plan, "0a"), Armed)
        told = await listener.until(debugger.FunctionDeployed)
        assert (told.armed, told.reason, told.holder) == (False, "held", bob)
        assert (await listener.until(debugger.Detaching)).reason == "none-left"
    (hold,) = await list_holds(world.places.table)
    assert [each.holder.session for each in hold.holders] == ["other"], "it is left to who has it now"
    await restore(world.places, name, lambda _: True)


@pytest.mark.parametrize("account", [invent_account()])
async def test_a_session_whose_own_infrastructure_is_deleted_gives_its_functions_back_and_says_why(
    world: World, tmp_path: Path, cloud: Cloud, open_client: OpenClient
) -> None:
    name = await create_function(world)
    before = await world.settings(name)
    cloudformation = await open_client("cloudformation")

    async def attach_and_delete() -> None:
        async with attached(world, name, tmp_path) as listener:
            await cloudformation.delete_stack(StackName="plldb")
            waiter = cloudformation.get_waiter("stack_delete_complete")
            await waiter.wait(StackName="plldb", WaiterConfig={"Delay": 1})
            cloud.age(7200)  # API Gateway closes the connections of an API that is deleted
            await listener.until(debugger.ConnectionLost)
            detaching = await listener.until(debugger.Detaching)
            assert detaching.reason == "failed"

    with pytest.raises(debugger.NotSetUpError, match="not set up"):
        await attach_and_delete()
    assert await world.settings(name) == before
