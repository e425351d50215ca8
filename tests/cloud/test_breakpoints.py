"""Invocations of a stack stop at breakpoints of an editor, and their callers get the answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.cloud.functions import invoke
from tests.cloud.shop import ACCOUNT, attached, settings
from tests.support.dap import editor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud.world import World

CALLS = """
import boto3, json
def handler(event, context):
    first, *others = event
    if not others:
        return [first]
    answer = boto3.client("lambda").invoke(FunctionName=others[0], Payload=json.dumps(others))
    return [first, *json.loads(answer["Payload"].read())]
"""


@pytest.fixture
def account() -> str:
    """One account for all that has the stack ``shop``."""
    return ACCOUNT


async def test_two_sandboxes_stop_at_a_breakpoint_and_answer_their_callers(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    before = {name: await settings(world, name) for name in names.values()}
    async with attached(aws_env, folder, "shop", "Orders", "Mails", "--debug-port", "0") as session:
        port = (await session.read_until("attached"))["debug_port"]
        async with editor(port, {folder / "index.py": [4]}) as one:
            both = ("Orders", "Mails")
            callers = [asyncio.create_task(invoke(world.functions, names[each], each)) for each in both]
            stops = [await one.stop(), await one.stop()]
            assert [await stop.line() for stop in stops] == [("handler", 4)] * 2
            assert {(await stop.variables())["event"] for stop in stops} == {"'Orders'", "'Mails'"}
            for stop in stops:
                await stop.go_on()
            assert [await caller for caller in callers] == [{"laptop": "Orders"}, {"laptop": "Mails"}]
        assert (await session.end())[0] == 0
    assert {name: await settings(world, name) for name in names.values()} == before


async def test_a_function_calls_another_one_and_itself_and_all_of_them_stop(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    (folder / "index.py").write_text(CALLS)
    chain = [names["Orders"], names["Mails"], names["Orders"]]
    async with attached(aws_env, folder, "shop", "Orders", "Mails", "--debug-port", "0") as session:
        port = (await session.read_until("attached"))["debug_port"]
        async with editor(port, {folder / "index.py": [5]}) as one:
            caller = asyncio.create_task(invoke(world.functions, chain[0], chain))
            for number, name in enumerate(chain):
                stop = await one.stop()
                assert (await stop.variables())["first"] == repr(name)
                if number == 0:
                    # While it stands, it is called from the console of the editor, and stops there, too.
                    call = f"boto3.client('lambda').invoke(FunctionName={name!r}, Payload='[1]')"
                    called = asyncio.create_task(stop.evaluate(f"{call}['Payload'].read()"))
                    inner = await one.stop()
                    assert (await inner.variables())["first"] == "1"
                    await inner.go_on()
                    assert await called == "b'[1]'"
                await stop.go_on()
            assert await caller == chain
        assert (await session.end())[0] == 0
