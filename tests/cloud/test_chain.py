"""plldb's own stack in the test cloud: a function is armed, a laptop answers for it, and it is given back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from plldb.debugger.arming.mutex import list_holds
from plldb.debugger.protocol.decisions import Relayed
from plldb.debugger.protocol.invocations import Answer, error_answer
from tests.cloud.functions import connect_queue, eventually, invoke, until
from tests.cloud.shop import ACCOUNT
from tests.cloud.world import World, armed, attached, create_function

if TYPE_CHECKING:
    from plldb.debugger.protocol.decisions import Start
    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud


@pytest.fixture
def account() -> str:
    """The one that has the stack ``shop``: plldb's own is there already."""
    return ACCOUNT


async def test_a_function_is_armed_answered_by_a_laptop_and_given_back(world: World, cloud: Cloud) -> None:
    name, long = await create_function(world), "payload" * 15_000
    assert await invoke(world.functions, name, 1) == {"deployed": 1}
    async with attached(world, name) as session:
        async with armed(world, name, session):
            assert await invoke(world.functions, name, 2) == {"laptop": 2}
            assert await invoke(world.functions, name, long) == {"laptop": long}
        assert await invoke(world.functions, name, 3) == {"deployed": 3}
    routes = ("authorize", "connect", "default", "disconnect")
    for function in (name, *(f"plldb-ws-api-{route}" for route in routes)):
        for sandbox in cloud.sandboxes(function):
            assert session.token not in sandbox.log
            assert "payload" not in sandbox.log


async def test_a_message_of_a_queue_is_taken_when_the_laptop_says_so_and_not_when_it_fails(
    world: World, open_client: OpenClient
) -> None:
    name = await create_function(world)
    queue = await connect_queue(open_client, name)

    def reply(start: Start) -> Answer:
        (record,) = json.loads(start.invocation.body)["Records"]
        good = Answer(kind="response", body=b"{}")
        return good if record["body"] == "good" else error_answer("ValueError", "a bad one")

    async def left() -> list[str]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = await queue.get_queue_attributes(QueueUrl=name, AttributeNames=names)
        return [told["Attributes"][each] for each in names]

    async with attached(world, name, reply) as session, armed(world, name, session):
        await queue.send_message(QueueUrl=name, MessageBody="good")
        await until(lambda: len(session.started) == 1)
        await eventually(left, ["0", "0"])
        await queue.send_message(QueueUrl=name, MessageBody="bad")
        await until(lambda: len(session.started) == 2)
        await until(lambda: not session.link.in_hand)
        assert await left() == ["0", "1"]


async def test_once_the_laptop_detaches_the_deployed_code_answers_what_comes(world: World) -> None:
    name = await create_function(world)
    async with attached(world, name) as session, armed(world, name, session):
        assert await invoke(world.functions, name, 1) == {"laptop": 1}
        await session.link.detach()
        assert await invoke(world.functions, name, 2) == {"deployed": 2}
        # A sandbox that begins now has never heard of this laptop.
        await world.functions.update_function_configuration(FunctionName=name, MemorySize=256)
        assert await invoke(world.functions, name, 3) == {"deployed": 3}
        await world.functions.update_function_configuration(FunctionName=name, MemorySize=128)


async def test_what_a_sandbox_may_not_post_is_relayed_by_the_api_and_the_laptop_says_so(
    world: World, cloud: Cloud
) -> None:
    name = await create_function(world)
    async with attached(world, name) as session, armed(world, name, session):
        refusals = [403, 403]
        laptop = session.link.connection
        cloud.rules.refuse = lambda connection, _: refusals.pop() if connection == laptop and refusals else 0
        assert await invoke(world.functions, name, 1) == {"laptop": 1}
        assert await invoke(world.functions, name, 2) == {"laptop": 2}
        assert session.events == [Relayed(name)]


async def test_a_row_in_which_somebody_else_has_named_their_session_leads_nothing_to_them(
    world: World, cloud: Cloud
) -> None:
    name = await create_function(world)
    async with attached(world, name) as ada, attached(world, name) as other, armed(world, name, ada):
        (hold,) = [each for each in await list_holds(world.places.table) if each.arn.endswith(name)]
        await world.places.table.client.update_item(
            TableName="PLLDBDebugger",
            Key={"RequestId": {"S": f"fn#{hold.arn}"}},
            UpdateExpression="SET Holders[0].SessionId = :theirs",
            ExpressionAttributeValues={":theirs": {"S": other.link.row.id}},
        )
        posted = list[str]()

        def note(connection: str, _: bytes) -> int:
            posted.append(connection)
            return 0

        cloud.rules.refuse = note
        assert await invoke(world.functions, name, 1) == {"deployed": 1}
        assert (ada.started, other.started) == ([], [])
        assert not {ada.link.connection, other.link.connection} & {*posted}
