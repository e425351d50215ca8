"""However the laptop fails, at every point of an invocation: who answers, and that nothing runs twice."""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.cloud.functions import connect_queue, eventually, invoke, until
from tests.cloud.world import World, build_layer, create_function, publish, replace, restored
from tests.support.environment import invent_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

ACCOUNT = invent_account()


def quicker(times: float) -> dict[str, Callable[[str], str]]:
    """An agent for which time goes faster; but a machine that runs tests may need 5 s for a link."""
    waits = {"DISCONNECTED_AFTER": 60.0, "RESUME_AFTER": 15.0, "ASK_WHERE": 3.0}
    changes = (
        text for name, wait in waits.items() for text in (f"{name} = {wait}", f"{name} = {wait / times}")
    )
    return {"link.py": replace("LATER_LINK = 0.3", "LATER_LINK = 5.0"), "core.py": replace(*changes)}


TEN_TIMES = quicker(10)
FIFTEEN_TIMES = quicker(15)
# What is not to be started when the laptop is back was delivered a minute ago: 30 s are too long to wait for.
LATE = FIFTEEN_TIMES | {
    "agent.py": replace('"delivered": now', """"delivered": now - 60 * body.startswith(b'"late')""")
}

LARGE = secrets.token_hex(100_000)
MOMENTS = {
    "before delivery": (None, "late"),
    "frames partly posted": ("invocation", f"late {LARGE}"),
    "delivered": ("invocation", "late"),
    "running": (None, "hang"),
    "answer partly posted": ("answer", LARGE),
}
"""Moments of an invocation, the type of the frame whose passing of the API is that moment, and the event."""


@pytest.fixture
def account() -> str:
    """One account for all tests here: its stack is made once."""
    return ACCOUNT


@dataclass
class Trial:
    """A function and a laptop, a process of its own, that answers for it."""

    world: World
    cloud: Cloud
    name: str
    laptop: asyncio.subprocess.Process
    begun: list[bytes] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    watch: Callable[[str], int] = lambda kind: 0
    """What the API answers to a frame of this type that is about this function."""

    def see(self, frame: dict[str, Any]) -> int:
        """Only the frames of a sandbox name the function; those of the laptop have their ids."""
        if frame.get("fn") == self.name:
            self.ids.add(frame["id"])
        return self.watch(frame["t"]) if frame.get("id") in self.ids else 0

    def deployed(self) -> int:
        """How often the deployed code has run."""
        return sum(box.log.count("the deployed code runs") for box in self.cloud.sandboxes(self.name))

    async def read(self) -> None:
        assert self.laptop.stdout
        while line := await self.laptop.stdout.readline():
            self.begun.append(line)

    def answer(self) -> None:
        assert self.laptop.stdin
        self.laptop.stdin.write(b"\n")

    async def invoke(self, event: object = 1) -> Any:
        """What a function answers in short: who, or the type of the error."""
        begun = len(self.begun)
        answer = await invoke(self.world.functions, self.name, event)
        found = answer.get("errorType") or next(iter(answer))
        if found == "laptop":  # which may be read before the line that was written first
            await until(lambda: len(self.begun) > begun)
        return found

    async def strike(
        self, moment: str, act: Callable[[], object], after: Callable[[], object] | None = None
    ) -> tuple[str, int, int]:
        """Do something to the laptop at a moment of an invocation, and 5 s (0.5 s here) later something else.

        Returns:
            Who has answered it, how often the laptop has begun it, and how often the deployed code.
        """
        struck = over = False
        awaited, event = MOMENTS[moment]

        def watch(kind: str) -> int:
            nonlocal struck
            if kind != awaited or over:
                return 0
            if struck:
                return 429  # of several pieces one has arrived
            act()
            struck = True
            return 0

        before = len(self.begun), self.deployed()
        if moment == "before delivery":
            act()
            struck = True
        elif awaited:
            self.watch = watch
        running = asyncio.create_task(self.invoke(event))
        if moment == "running":
            await until(lambda: len(self.begun) > before[0])
            act()
            struck = True
        await until(lambda: struck)
        if after:
            await asyncio.sleep(0.5)
            over = True
            after()
            if moment == "running":
                self.answer()
        answer = await running
        over = True
        return answer, len(self.begun) - before[0], self.deployed() - before[1]


def watch_all(cloud: Cloud) -> list[Trial]:
    """A list of trials, each of which sees its own frames pass."""
    trials: list[Trial] = []

    def refuse(_: str, data: bytes) -> int:
        frame = json.loads(data.split(b" ", 3)[3]) if data.startswith(b"plldb") else {"t": ""}
        return max((each.see(frame) for each in trials), default=0)

    cloud.rules.refuse = refuse
    return trials


@asynccontextmanager
async def trial(world: World, cloud: Cloud, layer: str, far: str = "") -> AsyncIterator[Trial]:
    """A laptop that is ready; it is killed at the end, if not before. ``far`` is its way to the cloud."""
    name = await create_function(world)
    command, pipe = (
        (sys.executable, "-m", "tests.cloud.laptop", name, layer, world.url),
        asyncio.subprocess.PIPE,
    )
    async with restored(world, name):
        environment = os.environ | ({"AWS_ENDPOINT_URL": far} if far else {})
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment)
        found = Trial(world, cloud, name, process)
        try:
            assert process.stdout
            assert await process.stdout.readline() == b"ready\n"
            reading = asyncio.create_task(found.read())
            yield found
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading


async def test_a_laptop_that_was_killed_is_an_error_once_a_frame_was_posted_and_never_runs_twice(
    world: World, cloud: Cloud
) -> None:
    layer, trials = await publish(world.functions, await build_layer(FIFTEEN_TIMES)), watch_all(cloud)

    async def run(moment: str) -> tuple[str, int, int]:
        async with trial(world, cloud, layer) as one:
            trials.append(one)
            assert await one.invoke() == "laptop"
            if moment == "before delivery":
                one.laptop.kill()
                await one.laptop.wait()
            found = await one.strike(moment, one.laptop.kill if one.laptop.returncode is None else int)
            assert await one.invoke() == "deployed", moment
            return found

    found = dict(zip(MOMENTS, await asyncio.gather(*map(run, MOMENTS)), strict=True))
    assert found.pop("delivered") in (("Plldb.Disconnected", begun, 0) for begun in (0, 1))
    assert found == {
        "before delivery": ("deployed", 0, 1),
        "frames partly posted": ("Plldb.Disconnected", 0, 0),
        "running": ("Plldb.Disconnected", 1, 0),
        "answer partly posted": ("Plldb.Disconnected", 1, 0),
    }


async def test_a_laptop_that_is_away_for_5_s_is_not_noticed_and_later_starts_nothing_that_is_late(
    world: World, cloud: Cloud
) -> None:
    ten, late = [await publish(world.functions, await build_layer(each)) for each in (TEN_TIMES, LATE)]
    trials = watch_all(cloud)

    async def run(way: str) -> None:
        far = cloud.far(0.0)
        async with trial(world, cloud, ten, far) as one:
            trials.append(one)

            def leave() -> None:
                one.laptop.send_signal(signal.SIGSTOP) if way == "asleep" else cloud.block(far)

            def come_back() -> None:
                one.laptop.send_signal(signal.SIGCONT) if way == "asleep" else cloud.block(far, blocked=False)

            short = {moment: await one.strike(moment, leave, come_back) for moment in MOMENTS}
            assert short == dict.fromkeys(MOMENTS, ("laptop", 1, 0)), way
            await world.functions.update_function_configuration(FunctionName=one.name, Layers=[late])
            known = len(one.begun)
            for moment in MOMENTS:
                await eventually(one.invoke, "laptop")  # once it has been heard again
                begun = int(moment in ("running", "answer partly posted"))
                assert await one.strike(moment, leave) == ("Plldb.Disconnected", begun, 0), (way, moment)
                come_back()
                if moment == "running":
                    one.answer()
            await eventually(one.invoke, "laptop")
            assert b"late\n" not in one.begun[known:], "they had come when it was too late to be started"

    await asyncio.gather(run("asleep"), run("without network"))


@pytest.mark.parametrize("way", ["unnoticed", "posts are lost"])
async def test_after_a_laptop_was_killed_unnoticed_nothing_runs_twice(
    world: World, cloud: Cloud, way: str
) -> None:
    layer = await publish(world.functions, await build_layer(FIFTEEN_TIMES))
    async with trial(world, cloud, layer) as one:
        assert await one.invoke() == "laptop"
        cloud.rules.lost_disconnect = math.inf
        cloud.rules.accepts_dead = math.inf if way == "posts are lost" else 0.0
        one.laptop.kill()
        await one.laptop.wait()
        if way == "posts are lost":
            # Whether the laptop has got the frame nobody knows: it must not run a second time.
            assert await one.invoke() == "Plldb.Disconnected"
            cloud.rules.accepts_dead = 0.0
        assert await one.invoke() == "deployed"


@pytest.mark.parametrize("sender", ["a queue", "an asynchronous invocation"])
async def test_what_a_killed_laptop_had_comes_again(
    world: World, cloud: Cloud, open_client: OpenClient, sender: str
) -> None:
    """The emulated cloud tries an asynchronous event again after 1 s, AWS after a minute."""
    layer = await publish(world.functions, await build_layer(FIFTEEN_TIMES))
    async with trial(world, cloud, layer) as one:
        if sender == "a queue":
            queue = await connect_queue(open_client, one.name, seconds=3)
            await queue.send_message(QueueUrl=one.name, MessageBody="hang")
        else:
            told = {"FunctionName": one.name, "InvocationType": "Event", "Payload": '"hang"'}
            assert (await world.functions.invoke(**told))["StatusCode"] == 202
        # On a slow machine the queue gives it again meanwhile.
        await until(lambda: bool(one.begun))
        assert one.deployed() == 0
        one.laptop.kill()
        await until(lambda: one.deployed() > 0)
