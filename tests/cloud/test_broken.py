"""Whatever of plldb is broken, an armed function answers as deployed, and is given back as it was."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import os
import signal
from typing import TYPE_CHECKING

import pytest

from plldb.debugger.events.functions import FunctionSilent
from plldb.debugger.watching.silence import watch_silence
from plldb.debugger.workers.settings import read_settings
from tests.cloud.functions import invoke, until
from tests.cloud.shop import ACCOUNT
from tests.cloud.world import (
    PACE,
    World,
    armed,
    attached,
    build_layer,
    create_function,
    publish,
    replace,
)

if TYPE_CHECKING:
    from tests.support.cloud import Cloud


# A millisecond of silence counts as a minute of it; a machine that runs tests may need 5 s for a link.
STALE = {
    "link.py": replace("LATER_LINK = 0.3", "LATER_LINK = 5.0", "STALE_AFTER = 60.0", "STALE_AFTER = 0.001")
}
LOOKING = dataclasses.replace(PACE, look_at_logs=0.1)


@pytest.fixture
def account() -> str:
    """The one that has the stack ``shop``: plldb's own is there already."""
    return ACCOUNT


async def is_deployed(world: World, name: str, *events: int) -> None:
    for event in events:
        assert await invoke(world.functions, name, event) == {"deployed": event}


async def test_a_function_whose_agent_was_killed_between_invocations_answers(
    world: World, cloud: Cloud
) -> None:
    name = await create_function(world)
    async with attached(world, name) as session, armed(world, name, session):
        assert await invoke(world.functions, name, 1) == {"laptop": 1}
        (agent,) = cloud.sandboxes(name)[-1].processes()
        os.kill(agent, signal.SIGKILL)
        # As with the function's own runtime: it costs the next invocation, unless Lambda has seen it before.
        assert "signal: killed" in (await invoke(world.functions, name, 2))["errorMessage"]
        assert await invoke(world.functions, name, 3) == {"laptop": 3}


async def test_a_function_that_is_in_a_vpc_without_a_way_out_is_named_with_the_reason(world: World) -> None:
    vpc = {"SubnetIds": ["subnet-0123456789abcdef0"], "SecurityGroupIds": ["sg-0123456789abcdef0"]}
    name, told = await create_function(world, VpcConfig=vpc), list[FunctionSilent]()
    found = read_settings((await world.functions.get_function(FunctionName=name))["Configuration"])
    watch = watch_silence(world.aws, {name: found}, lambda *_: False, told.append, LOOKING)
    nowhere = "wss://127.0.0.1:9/live"
    async with attached(world, name) as session, armed(world, name, session, url=nowhere):
        watching = asyncio.create_task(watch)
        await is_deployed(world, name, 1)
        await watching
    assert [(each.function, each.function_version, each.in_vpc) for each in told] == [(name, "$LATEST", True)]


@pytest.mark.parametrize("way", ["closed", "forgotten"])
async def test_after_twenty_minutes_of_frost_the_laptop_answers_again(
    world: World, cloud: Cloud, way: str
) -> None:
    # Each use of a link that was silent is as the one after a minute of silence.
    layer, name = await publish(world.functions, await build_layer(STALE)), await create_function(world)
    async with attached(world, name) as session, armed(world, name, session, layer=layer):
        others = set(cloud.connections)  # invocations of other tests may not be over
        assert await invoke(world.functions, name, 1) == {"laptop": 1}
        (before,) = set(cloud.connections) - others
        if way == "forgotten":
            cloud.rules.idle, cloud.rules.forgets = math.inf, 350.0
        cloud.age(1200, before)  # the laptop, which is not frozen, has kept its own connection in use
        if way == "closed":
            await until(lambda: before not in cloud.connections)
        assert await invoke(world.functions, name, 2) == {"laptop": 2}
        assert len(cloud.sandboxes(name)) == 1
        assert before not in cloud.connections
