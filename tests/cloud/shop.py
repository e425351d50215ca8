"""A stack of functions, the program attached to it. Talks to the cloud and to processes."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.cloud.functions import RUNTIME
from tests.support import program
from tests.support.environment import invent_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.cloud.world import World
    from tests.conftest import OpenClient

ACCOUNT = invent_account()
"""That of all tests of the stack: it is made once."""
DEPLOYED = "def handler(event, context):\n    return {'deployed': event}\n"

LOCAL = """
def handler(event, context):
    print("   seen", event)
    if event == "fail":
        raise KeyError("price")
    return {"laptop": event}
"""


def a_function(runtime: str = RUNTIME, handler: str = "index.handler") -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": runtime,
            "Handler": handler,
            "Role": "arn:aws:iam::000000000000:role/any",
            "Timeout": 60,
            "Code": {"ZipFile": DEPLOYED},
            "Environment": {"Variables": {"STAGE": "test"}},
        },
    }


STACK = {
    "Resources": {
        "Orders": a_function(),
        "Mails": a_function(),
        "Images": a_function(runtime="nodejs22.x"),
        "Elsewhere": a_function(handler="other.handler"),
    }
}


async def open_shop(open_client: OpenClient) -> dict[str, str]:
    """The functions of the stack ``shop``: name by logical id. The stack is made if it is not there."""
    cloudformation = await open_client("cloudformation")
    stacks = (await cloudformation.describe_stacks())["Stacks"]
    if "shop" not in {each["StackName"] for each in stacks}:
        await cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps(STACK))
        waiter = cloudformation.get_waiter("stack_create_complete")
        await waiter.wait(StackName="shop", WaiterConfig={"Delay": 1})
    found = await cloudformation.list_stack_resources(StackName="shop")
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found["StackResourceSummaries"]}


async def settings(world: World, name: str) -> dict[str, Any]:
    """What arming changes of a function, and a little more."""
    found = await world.settings(name)
    return {each: found.get(each) or None for each in ("Layers", "Timeout", "Environment", "Handler")}


class Attached:
    """The program, attached; ``lines`` are what it has said."""

    def __init__(self, running: program.Running) -> None:
        self.running = running
        self.lines: list[dict[str, Any]] = []
        self.errors = ""

    async def read_until(self, kind: str) -> dict[str, Any]:
        """The next line of a kind."""
        assert self.running.process.stdout is not None
        async with asyncio.timeout(120):
            while line := await self.running.process.stdout.readline():
                self.lines.append(json.loads(line))
                if self.lines[-1]["kind"] == kind:
                    return self.lines[-1]
        assert self.running.process.stderr is not None
        raise AssertionError(
            f"no {kind}: {self.lines}\n{(await self.running.process.stderr.read()).decode()}"
        )

    async def end(self) -> tuple[int, dict[str, Any]]:
        """Ctrl-C; the exit code and the last line."""
        self.running.process.send_signal(signal.SIGINT)
        done = await self.running.finish()
        self.lines += [json.loads(line) for line in done.stdout.splitlines()]
        assert "Traceback" not in done.stderr, done
        self.errors = done.stderr
        return done.code, self.lines[-1]


@asynccontextmanager
async def attached(env: dict[str, str], folder: Path, *argv: str) -> AsyncIterator[Attached]:
    arguments = ("attach", *argv, "--python", sys.executable, "--output", "json")
    async with program.started(*arguments, env=env, cwd=folder) as running:
        yield Attached(running)
