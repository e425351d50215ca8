"""``plldb invoke``: an event goes through the cloud once, and one line says what came of it and where."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.cloud.functions import create
from tests.cloud.shop import ACCOUNT, attached
from tests.docs.json_page import check_lines
from tests.support import program
from tests.support.answers import server_error, throttled
from tests.support.behaviours import Answer, NeverAnswer, Reset, on
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud.world import World
    from tests.conftest import RunPlldb
    from tests.support.behaviours import Behaviour, Forward
    from tests.support.cloud import Cloud
    from tests.support.operations import Call
    from tests.support.wire import Response

FAILS = """
def handler(event, context):
    print("before it")
    raise KeyError("price")
"""


@pytest.fixture
def account() -> str:
    """One account for all that has the stack ``shop``."""
    return ACCOUNT


async def test_an_answer_comes_with_its_log_and_with_where_it_ran(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, plldb_cli: RunPlldb
) -> None:
    async def ask(code: int, *argv: str) -> dict[str, Any]:
        done = await plldb_cli("invoke", *argv, "--output", "json")
        (line,) = [json.loads(line) for line in done.stdout.splitlines()]
        check_lines([line])
        assert done.code == code, done
        return dict(line)

    (folder / "event.json").write_bytes(json.dumps({"id": 1}).encode("utf-16"))
    deployed = await ask(0, "shop", "Orders", "--event", str(folder / "event.json"))
    assert (deployed["answer"], deployed["function_version"]) == ({"deployed": {"id": 1}}, "$LATEST")
    assert (deployed["ran"], deployed["who"], deployed["host"]) == ("deployed", "", "")
    async with attached(aws_env, folder, "shop", "Orders", "--no-debug") as session:
        await session.read_until("attached")
        here = await ask(0, names["Orders"])
        assert (here["answer"], here["ran"], here["who"][-4:]) == ({"laptop": {}}, "machine", "root")
        started = await session.read_until("invocation_started")
        assert started["request_id"] == here["request_id"]
        (folder / "event.json").write_text('"fail"')
        failed = await ask(1, names["Orders"], "--event", str(folder / "event.json"))
        assert (failed["result"], failed["ran"]) == ("failed", "machine")
        assert (failed["error"]["type"], failed["error"]["message"]) == ("KeyError", "'price'")
        assert 'raise KeyError("price")' in failed["error"]["stack"][-1]
        assert (await session.end())[0] == 0
    absent = await plldb_cli("invoke", "Orders")
    assert absent.code == 1
    assert f"Similar names: {names['Orders']}." in absent.stderr


async def test_a_person_sees_the_log_and_the_error_with_its_stack(world: World, plldb_cli: RunPlldb) -> None:
    name = await create(world.functions, FAILS)
    done = await plldb_cli("invoke", name)
    assert done.code == 1
    assert "before it" in done.stdout
    assert "KeyError: 'price'" in done.stdout
    assert 'raise KeyError("price")' in done.stdout
    assert "the deployed code, version $LATEST" in done.stdout


@pytest.mark.parametrize(
    ("harm", "said", "hint"),
    [
        (Answer(throttled), "Rate exceeded", "try again in a while"),
        (Answer(server_error), "lambda answers", "It was sent once"),
        (Reset(), "Invoke", "It was sent once"),
        (None, "Invoke", "Check the network"),
    ],
    ids=["throttled", "failing", "dropped", "not-sent"],
)
async def test_an_event_is_sent_once_whatever_becomes_of_it(
    harm: Behaviour | None,
    said: str,
    hint: str,
    world: World,
    names: dict[str, str],
    cloud: Cloud,
    plldb_cli: RunPlldb,
) -> None:
    async with Proxy(cloud.direct, *([on(harm, "lambda")] if harm else [])) as proxy:
        env: dict[str, str | None] = {"AWS_ENDPOINT_URL_LAMBDA": proxy.url if harm else "http://127.0.0.1:1"}
        done = await plldb_cli("invoke", names["Orders"], env=env)
        assert len(proxy.records) == bool(harm)
    assert (done.code, done.stdout) == (1, "")
    assert said in done.stderr
    assert hint in done.stderr


async def test_ctrl_c_ends_the_wait_and_says_that_the_function_may_still_run(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, cloud: Cloud
) -> None:
    begun = asyncio.Event()

    async def hold(call: Call, forward: Forward) -> Response:
        begun.set()
        raise NeverAnswer

    async with Proxy(cloud.direct, on(hold, "lambda")) as proxy:
        env = aws_env | {"AWS_ENDPOINT_URL_LAMBDA": proxy.url}
        async with program.started("invoke", names["Orders"], env=env, cwd=folder) as running:
            await begun.wait()
            running.process.send_signal(signal.SIGINT)
            done = await running.finish()
    assert done.code == 130
    assert "it still runs in the cloud" in done.stderr
    assert "Traceback" not in done.stderr
