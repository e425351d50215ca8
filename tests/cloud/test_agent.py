"""An armed function in a real sandbox: as deployed while nobody is attached, answered by a laptop else."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from plldb.bootstrap.artifacts.packages import build_package
from plldb.bootstrap.artifacts.sources import list_layers, read_files
from tests.cloud.functions import create, invoke, pack, until
from tests.unit.debugger.agent.sandbox import TOKEN, Gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

APP = """
import os, time
if os.environ.get("BROKEN"):
    raise ValueError("broken init")
def handler(event, context):
    if event == "raise":
        raise KeyError("as deployed")
    if event == "sleep":
        time.sleep(30)
    if event == "exit":
        os._exit(3)
    return [event, context.get_remaining_time_in_millis(), os.environ.get("FROM_VENDOR")]
"""
VENDOR = '#!/bin/bash\nexport FROM_VENDOR=1\nargs=("$@")\nexec "${args[@]:0:$#-1}" -X dev "${args[@]: -1}"\n'


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """API Gateway with a laptop behind it; set its peer to None and nobody is attached."""
    gateway = Gateway()
    yield gateway
    gateway.close()


@pytest_asyncio.fixture
async def functions(open_client: OpenClient) -> Any:
    return await open_client("lambda")


async def create_plain(client: Any, **variables: str) -> str:
    return await create(client, APP, Timeout=3, Environment={"Variables": variables})


async def create_armed(client: Any, gateway: Gateway, wrapper: str = "", **variables: str) -> str:
    """A function as arming leaves it; its own timeout is 3 s."""
    (source,) = list_layers(files("plldb") / "debugger")
    package = build_package(source.name, await read_files(source))
    agent = await client.publish_layer_version(LayerName="plldb-agent", Content={"ZipFile": package.body})
    vendor = await client.publish_layer_version(LayerName="v", Content={"ZipFile": pack({"vendor": VENDOR})})
    variables |= {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/plldb/wrapper",
        "PLLDB": f"1|{int(time.time()) + 3600}|ws://{gateway.address}/live|{TOKEN}|3|{wrapper}",
    }
    layers = [vendor["LayerVersionArn"], agent["LayerVersionArn"]]
    return await create(client, APP, Timeout=899, Layers=layers, Environment={"Variables": variables})


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """An error without what names the request."""
    message = answer["errorMessage"].partition(" Error: ")
    return answer | {"errorMessage": message[2] or message[0], "requestId": ""}


@pytest.mark.parametrize("event", ["raise", "sleep", "exit"])
async def test_an_armed_function_fails_as_deployed_and_goes_on(
    functions: Any, gateway: Gateway, event: str
) -> None:
    gateway.peer = None
    plain, armed = await create_plain(functions), await create_armed(functions, gateway)
    expected, seen = await invoke(functions, plain, event), await invoke(functions, armed, event)
    assert comparable(seen) == comparable(expected)
    assert (await invoke(functions, armed, 1))[0] == 1


async def test_an_error_in_the_init_phase_is_that_of_the_deployed_function(
    functions: Any, gateway: Gateway
) -> None:
    gateway.peer = None
    plain = await create_plain(functions, BROKEN="1")
    armed = await create_armed(functions, gateway, BROKEN="1")
    expected = await invoke(functions, plain, 1)
    assert expected["errorMessage"] == "broken init"
    assert comparable(await invoke(functions, armed, 1)) == comparable(expected)


async def test_a_vendors_wrapper_runs_and_the_deadline_is_the_functions_own(
    functions: Any, gateway: Gateway
) -> None:
    gateway.peer = None
    armed = await create_armed(functions, gateway, "/opt/vendor")
    event, left, vendor = await invoke(functions, armed, 1)
    assert (event, vendor) == (1, "1")
    assert left <= 3000


async def test_a_laptop_answers_and_the_deployed_code_does_not_even_start(
    functions: Any, gateway: Gateway
) -> None:
    gateway.answer = lambda meta, body: ("response", b'{"laptop": %s}' % body)
    armed = await create_armed(functions, gateway, BROKEN="1")
    for number in (7, 8):
        assert await invoke(functions, armed, number) == {"laptop": number}


async def test_a_killed_agent_costs_one_invocation_and_then_the_function_runs_without_it(
    functions: Any, gateway: Gateway, cloud: Cloud
) -> None:
    gateway.peer = None
    armed = await create_armed(functions, gateway)
    assert (await invoke(functions, armed, 1))[0] == 1
    sandbox = cloud.sandboxes(armed)[-1]
    running = asyncio.create_task(invoke(functions, armed, "sleep"))
    await until(lambda: "T" not in sandbox.states().values())
    await asyncio.sleep(0.3)
    (agent,) = [
        pid
        for pid in sandbox.processes()
        if b"/opt/plldb/" in await asyncio.to_thread(Path(f"/proc/{pid}/cmdline").read_bytes)
    ]
    os.kill(agent, signal.SIGKILL)
    assert "signal: killed" in (await running)["errorMessage"]
    assert (await invoke(functions, armed, 2))[0] == 2
    assert "the deployed code runs without it" in cloud.sandboxes(armed)[-1].log
