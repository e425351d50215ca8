"""``plldb attach`` as it is run: functions of a stack answered by the code in a folder, and given back."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.cloud.functions import RUNTIME, connect_http_api, connect_queue, eventually, fetch, invoke
from tests.support import program
from tests.support.environment import invent_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.cloud.world import World
    from tests.conftest import OpenClient, RunPlldb
    from tests.support.cloud import Cloud

ACCOUNT = invent_account()
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
            "Timeout": 7,
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


@pytest.fixture
def account() -> str:
    """One account for all tests here: its stacks are made once."""
    return ACCOUNT


@pytest_asyncio.fixture
async def names(world: World, open_client: OpenClient) -> dict[str, str]:
    """The functions of the stack ``shop``: name by logical id."""
    cloudformation = await open_client("cloudformation")
    stacks = (await cloudformation.describe_stacks())["Stacks"]
    if "shop" not in {each["StackName"] for each in stacks}:
        await cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps(STACK))
        waiter = cloudformation.get_waiter("stack_create_complete")
        await waiter.wait(StackName="shop", WaiterConfig={"Delay": 1})
    found = await cloudformation.list_stack_resources(StackName="shop")
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found["StackResourceSummaries"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The project on this machine."""
    (tmp_path / "index.py").write_text(LOCAL)
    return tmp_path


async def settings(world: World, name: str) -> dict[str, Any]:
    """What arming changes of a function, and a little more."""
    found = await world.settings(name)
    return {each: found.get(each) or None for each in ("Layers", "Timeout", "Environment", "Handler")}


class Attached:
    """The program, attached; ``lines`` are what it has said."""

    def __init__(self, running: program.Running) -> None:
        self.running = running
        self.lines: list[dict[str, Any]] = []

    async def read_until(self, kind: str) -> dict[str, Any]:
        """The next line of a kind."""
        assert self.running.process.stdout is not None
        async with asyncio.timeout(60):
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
        return done.code, self.lines[-1]


@asynccontextmanager
async def attached(env: dict[str, str], folder: Path, *argv: str) -> AsyncIterator[Attached]:
    arguments = ("attach", *argv, "--python", sys.executable, "--no-debug", "--output", "json")
    async with program.started(*arguments, env=env, cwd=folder) as running:
        yield Attached(running)


async def test_a_stack_is_attached_answered_from_the_folder_and_given_back(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, plldb_cli: RunPlldb
) -> None:
    before = {name: await settings(world, name) for name in names.values()}
    async with attached(aws_env, folder, "shop") as session:
        ready = await session.read_until("attached")
        assert sorted(ready["functions"]) == sorted([names["Orders"], names["Mails"]])
        refused = {line["function"]: line["reason"] for line in session.lines if "reason" in line}
        assert refused == {names["Images"]: "not-python", names["Elsewhere"]: "no-code"}
        answers = await asyncio.gather(
            *(invoke(world.functions, names[each], each) for each in ("Orders", "Mails"))
        )
        assert answers == [{"laptop": "Orders"}, {"laptop": "Mails"}]
        error = await invoke(world.functions, names["Orders"], "fail")
        assert error["errorType"] == "KeyError"
        failed = await session.read_until("invocation_finished")
        while failed["outcome"] == "answered":
            failed = await session.read_until("invocation_finished")
        assert (failed["error"], failed["file"], failed["line"]) == ("KeyError: 'price'", "index.py", 5)
        status = json.loads((await plldb_cli("status", "shop", "--output", "json")).stdout)
        assert (status["result"], len(status["sessions"])) == ("armed", 1)
        code, last = await session.end()
    assert (code, last["result"], last["invocations"], last["failed"]) == (0, "detached", 3, 1)
    assert (last["restored"], last["left_armed"]) == (2, [])
    printed = [line["text"] for line in session.lines if line["kind"] == "output"]
    assert "   seen Orders" in printed
    assert {name: await settings(world, name) for name in names.values()} == before
    assert await invoke(world.functions, names["Orders"], 1) == {"deployed": 1}
    status = json.loads((await plldb_cli("status", "shop", "--output", "json")).stdout)
    assert (status["result"], status["sessions"]) == ("as_deployed", [])
    assert sorted(each["outcome"] for each in status["invocations"]) == ["answered", "answered", "failed"]


async def test_a_queue_and_an_http_api_are_named_as_what_invoked(
    world: World,
    names: dict[str, str],
    aws_env: dict[str, str],
    folder: Path,
    cloud: Cloud,
    open_client: OpenClient,
) -> None:
    queue = await connect_queue(open_client, names["Mails"])
    url = await connect_http_api(open_client, cloud, names["Orders"])
    async with attached(aws_env, folder, "shop", "Orders", "Mails") as session:
        await session.read_until("attached")
        await queue.send_message(QueueUrl=names["Mails"], MessageBody="good")
        started = await session.read_until("invocation_started")
        assert started["trigger"] == f"SQS {names['Mails']}, 1 record"
        assert (await fetch(cloud, url))[0] == 200
        assert (await session.read_until("invocation_started"))["trigger"] == "GET /x"
        code, _ = await session.end()
    assert code == 0


async def test_after_a_kill_the_deployed_code_answers_and_restore_puts_all_back(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, plldb_cli: RunPlldb
) -> None:
    before = await settings(world, names["Orders"])
    async with attached(aws_env, folder, "shop", "Orders") as session:
        await session.read_until("attached")
        assert await invoke(world.functions, names["Orders"], 1) == {"laptop": 1}
        await session.running.kill()
    assert await invoke(world.functions, names["Orders"], 2) == {"deployed": 2}
    restored = await plldb_cli("restore", "shop")
    assert restored.code == 0, restored
    assert "1 function restored" in restored.stdout
    assert await settings(world, names["Orders"]) == before


async def test_what_a_killed_session_has_left_is_taken_over_by_the_next(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    before = await settings(world, names["Orders"])
    for kill in (True, False):
        async with attached(aws_env, folder, "shop", "Orders") as session:
            await session.read_until("attached")
            if kill:
                await session.running.kill()
            else:
                assert (await session.end())[0] == 0
    await eventually(lambda: settings(world, names["Orders"]), before)


async def test_an_interrupt_lets_the_invocation_under_way_finish_and_a_second_one_ends_at_once(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, plldb_cli: RunPlldb
) -> None:
    (folder / "index.py").write_text(
        "import pathlib, time\n"
        "def handler(event, context):\n"
        f"    while not pathlib.Path({str(folder)!r}, 'go').exists():\n"
        "        time.sleep(0.02)\n"
        "    return {'laptop': event}\n"
    )
    async with attached(aws_env, folder, "shop", "Orders") as session:
        await session.read_until("attached")
        running = asyncio.create_task(invoke(world.functions, names["Orders"], 1))
        await session.read_until("invocation_started")
        session.running.process.send_signal(signal.SIGINT)
        assert (await session.read_until("detaching"))["in_hand"] == 1
        (folder / "go").touch()
        assert await running == {"laptop": 1}
        assert (await session.read_until("finished"))["result"] == "detached"
        assert (await session.running.finish()).code == 0
    (folder / "go").unlink()
    async with attached(aws_env, folder, "shop", "Orders") as session:
        await session.read_until("attached")
        running = asyncio.create_task(invoke(world.functions, names["Orders"], 1))
        await session.read_until("invocation_started")
        session.running.process.send_signal(signal.SIGINT)
        await session.read_until("detaching")
        code, last = await session.end()
    assert (code, last["kind"], last["code"]) == (130, "failed", "interrupted")
    (folder / "go").touch()
    running.cancel()
    assert (await plldb_cli("restore", "shop")).code == 0
