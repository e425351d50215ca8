"""However the agent fails, the function answers as deployed, says one line, and is given back as it was."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from plldb import bootstrap
from tests.cloud.functions import invoke
from tests.cloud.world import (
    World,
    arm_for,
    armed,
    attached,
    build_layer,
    create_function,
    publish,
    replace,
)
from tests.e2e.holdings import BRISK, collect
from tests.support.environment import invent_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from tests.conftest import RunPlldb
    from tests.support.cloud import Cloud

    Changes = Mapping[str, Callable[[str], str]]

ACCOUNT = invent_account()

TAKEN = socket.create_server(("127.0.0.1", 0))
PORT = f'create_server(("127.0.0.1", {TAKEN.getsockname()[1]})'
KILL = "__import__('os').kill(__import__('os').getpid(), 9)"
FILL = "__import__('resource').setrlimit(9, (2**28, 2**28)); [bytearray(2**26) for _ in iter(int, 1)]"
AT_A_START, AT_AN_INVOCATION, AT_AN_ANSWER = (
    "self._starting = True",
    "self._runs += 1",
    "self.state, self.todo = ACCEPTED, []",
)

HARMLESS: Mapping[str, Changes] = {
    "its file is not there": {"start.py": lambda text: ""},
    "a module is not there": {"core.py": lambda text: ""},
    "an import fails": {"core.py": lambda text: "import nonsense\n" + text},
    "a module cannot be read": {"agent.py": lambda text: "this is no Python"},
    "an exception at its start": {"core.py": replace(AT_A_START, "raise KeyError")},
    "an exception at an invocation": {"core.py": replace(AT_AN_INVOCATION, "raise KeyError")},
    "out of memory at its start": {"core.py": replace(AT_A_START, FILL)},
    "out of memory at every invocation": {"core.py": replace(AT_AN_INVOCATION, FILL)},
    "no thread can be started": {"start.py": replace("start_new_thread(self._ask", "raise OSError #")},
    "its port is taken": {
        "runtime.py": replace('bind(("127.0.0.1", 0)', f'bind(("127.0.0.1", {TAKEN.getsockname()[1]})')
    },
}
# What is as with a crash of the function's own runtime: the invocation at hand is lost.
COSTLY: Mapping[str, Changes] = {
    "its first file cannot be read": {"start.py": lambda text: "this is no Python"},
    "killed at its start": {"core.py": replace(AT_A_START, KILL)},
    "killed at an invocation": {"core.py": replace(AT_AN_INVOCATION, KILL)},
    "an exception while an answer is due": {"run.py": replace(AT_AN_ANSWER, "raise KeyError")},
}
# An agent waits for its first link ten times shorter.
HASTY = {"link.py": replace("FIRST_LINK = 5.0", "FIRST_LINK = 0.5")}
# Of what getaddrinfo does when no name server answers, this is all that is seen from outside.
HANGS = "plain = (secure and __import__('time').sleep(600)) or _open("
NO_NAME = {"sockets.py": replace("plain = _open(", HANGS)}
GUARD = 60.0
"""Seconds for three answers: an agent that waits without end is a failure, no test without end."""
DEAD = socket.create_server(("127.0.0.1", 0))  # nobody accepts
CLOSED = socket.socket()  # it has a port, and does not listen
CLOSED.bind(("127.0.0.1", 0))


def at(url: str) -> Changes:
    """An agent that finds the API at this address."""
    return HASTY | {"start.py": replace("self.lease =", f"self.url = {url!r}; self.lease =")}


@pytest.fixture
def account() -> str:
    """One account for all tests here: its stack is made once."""
    return ACCOUNT


@dataclass(frozen=True, slots=True)
class Trial:
    """An armed function whose agent is exchanged: each one begins in a new sandbox."""

    world: World
    cloud: Cloud
    name: str

    async def run(self, part: str, changes: Changes) -> tuple[list[Any], int]:
        """What the function answers to three events with such an agent, and how often plldb is in its log."""
        layer = await publish(self.world.functions, await build_layer(changes))
        before = len(self.cloud.sandboxes(self.name))
        await self.world.functions.update_function_configuration(FunctionName=self.name, Layers=[layer])
        try:
            async with asyncio.timeout(GUARD):
                found = [await invoke(self.world.functions, self.name, event) for event in (1, 2, 3)]
        except TimeoutError:
            pytest.fail(f"{part}: not answered within {GUARD:.0f} s")
        log = "".join(sandbox.log for sandbox in self.cloud.sandboxes(self.name)[before:])
        return found, log.count("plldb: ")


@asynccontextmanager
async def on_trial(world: World, cloud: Cloud, url: str = "") -> AsyncIterator[Trial]:
    """A function with a laptop that would answer, and ``url`` as the address of the API."""
    name = await create_function(world)
    async with attached(world, name) as session, armed(world, name, session, url=url):
        yield Trial(world, cloud, name)
        assert session.token not in "".join(sandbox.log for sandbox in cloud.sandboxes(name))


AS_DEPLOYED = [{"deployed": 1}, {"deployed": 2}, {"deployed": 3}]


async def test_an_agent_that_cannot_work_leaves_every_invocation_to_the_deployed_code(
    world: World, cloud: Cloud
) -> None:
    async with on_trial(world, cloud) as trial:
        found = {part: await trial.run(part, HARMLESS[part]) for part in HARMLESS}
    assert found == dict.fromkeys(HARMLESS, (AS_DEPLOYED, 1))


async def test_an_agent_that_ends_costs_one_invocation_at_most(world: World, cloud: Cloud) -> None:
    async with on_trial(world, cloud) as trial:
        found = {part: await trial.run(part, COSTLY[part]) for part in COSTLY}
    for answers, _ in found.values():
        answers[0] = answers[0]["errorType"]
    assert found == dict.fromkeys(COSTLY, (["Runtime.ExitError", *AS_DEPLOYED[1:]], 1))


async def test_an_api_that_does_not_answer_leaves_every_invocation_to_the_deployed_code(
    world: World, cloud: Cloud
) -> None:
    far = world.url.replace(cloud.url.partition("://")[2], cloud.far(2.0).partition("://")[2])
    troubles: dict[str, Changes] = {
        "refuses connections": at(f"wss://127.0.0.1:{CLOSED.getsockname()[1]}/live"),
        "is silent": at(f"wss://127.0.0.1:{DEAD.getsockname()[1]}/live"),
        "is no API": at(cloud.url.replace("https", "wss") + "/live"),
        "has no name": at("wss://nowhere.invalid/live"),
        "has a name that nobody resolves": HASTY | NO_NAME,
        "is slow": at(far),
        "refuses the token": {"start.py": replace('"x-plldb-token", self.token', '"x-plldb-token", "0"')},
    }
    async with on_trial(world, cloud) as trial:
        found = {trouble: await trial.run(trouble, troubles[trouble]) for trouble in troubles}
        cloud.rules.error_frames = 100
        found["fails"] = await trial.run("fails", {})
        cloud.rules.error_frames = 0
    assert found == dict.fromkeys(found, (AS_DEPLOYED, 1))


async def test_without_the_stack_the_deployed_code_answers_and_restore_gives_the_function_back(
    world: World, cloud: Cloud, plldb_cli: RunPlldb, set_up: set[str]
) -> None:
    name = await create_function(world)
    before = await world.settings(name)
    async with attached(world, name) as session:
        await arm_for(world, name, session)
        assert await invoke(world.functions, name, 1) == {"laptop": 1}
    await world.functions.update_function_configuration(FunctionName=name, MemorySize=512)
    assert await invoke(world.functions, name, 1) == {"deployed": 1}
    assert "plldb: " not in cloud.sandboxes(name)[-1].log  # that nobody is there is no failure
    arn = before["FunctionArn"]
    table = world.places.table.client
    await table.delete_item(TableName="PLLDBDebugger", Key={"RequestId": {"S": f"fn#{arn}"}})
    set_up.discard(ACCOUNT)
    await collect(bootstrap.destroy(pace=BRISK))
    assert await invoke(world.functions, name, 2) == {"deployed": 2}
    await world.functions.update_function_configuration(FunctionName=name, MemorySize=256)
    assert await invoke(world.functions, name, 3) == {"deployed": 3}
    log = cloud.sandboxes(name)[-1].log
    assert log.count("plldb: ") == 1, log
    await world.functions.update_function_configuration(FunctionName=name, MemorySize=128)
    assert (await plldb_cli("restore", "--all")).code == 0
    assert await world.settings(name) == before
