"""An armed function in a real sandbox: as deployed while nobody is attached, answered by a laptop else."""

from __future__ import annotations

import asyncio
import os
import re
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
from tests.cloud.test_sandboxes import EXTENSION
from tests.unit.debugger.agent.sandbox import TOKEN, Gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

APP = """
import http.client, os, sys, threading, time
if os.environ.get("BROKEN"):
    raise ValueError("broken init")
def register():
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    named = {"Lambda-Extension-Name": "inner"}
    api.request("POST", "/2020-01-01/extension/register", '{"events": ["INVOKE"]}', named)
    answer = api.getresponse()
    identity = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
    def follow():
        while True:
            api.request("GET", "/2020-01-01/extension/event/next", headers=identity)
            print("inner:", api.getresponse().read())
    found = answer.status, len(answer.read())
    threading.Thread(target=follow, daemon=True).start()
    return found
def stream():
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    at, named = "/2018-06-01/runtime/invocation/", {"Lambda-Runtime-Function-Response-Mode": "streaming"}
    while True:
        api.request("GET", at + "next")
        answer = api.getresponse()
        event, rid = answer.read(), answer.headers["Lambda-Runtime-Aws-Request-Id"]
        chunks = (chunk for chunk in (b'{"streamed": ', event, b"}"))
        api.request("POST", at + rid + "/response", chunks, named, encode_chunked=True)
        print("taken:", api.getresponse().read())
if os.environ.get("STREAM"):
    stream()  # as a client of its own does, for that of Lambda's Python does not stream
INNER = register() if os.environ.get("INNER") else None
def handler(event, context):
    if event == "raise":
        raise KeyError("as deployed")
    if event == "sleep":
        print("asleep", flush=True)
        time.sleep(60)
    if event == "exit":
        os._exit(3)
    if event == "world":
        names = ("_HANDLER", "ORIG_HANDLER", "FROM_VENDOR", "PYTHONPATH", "AWS_LAMBDA_EXEC_WRAPPER")
        values = [os.environ.get(name) for name in names]
        return [values, sys.orig_argv, sys.path, "sitecustomize" in sys.modules, INNER, sorted(os.environ)]
    return [event, context.get_remaining_time_in_millis()]
again = handler
"""
# Both written here after what the vendors' own do: Datadog's puts arguments before the last one and hides the
# handler, OpenTelemetry's is a Python program that has what PYTHONPATH names imported first.
DATADOG = """#!/bin/bash
args=("$@")
export FROM_VENDOR=1 ORIG_HANDLER="$_HANDLER" _HANDLER=app.again
exec "${args[@]:0:$#-1}" -X dev "${args[@]: -1}"
"""
OPENTELEMETRY = """#!/bin/bash
export PYTHONPATH="/opt/python:$PYTHONPATH:$LAMBDA_RUNTIME_DIR"
export ORIG_HANDLER="$_HANDLER" _HANDLER=app.again
exec /var/lang/bin/python${AWS_EXECUTION_ENV##*python} /opt/python/bin/instrument "$@"
"""
INSTRUMENT = """
import os, shutil, sys
os.environ["PYTHONPATH"] = "/opt/python/auto:" + os.environ["PYTHONPATH"]
command = shutil.which(sys.argv[1])
os.execl(command, command, *sys.argv[2:])
"""
VENDORS = {
    "datadog": DATADOG,
    "otel": OPENTELEMETRY,
    "python/bin/instrument": INSTRUMENT,
    "python/auto/sitecustomize.py": "",
}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """API Gateway with a laptop behind it; set its peer to None and nobody is attached."""
    gateway = Gateway()
    yield gateway
    gateway.close()


@pytest_asyncio.fixture
async def functions(open_client: OpenClient) -> Any:
    return await open_client("lambda")


async def create_plain(
    client: Any, vendors: dict[str, str] = VENDORS, timeout: int = 30, **variables: str
) -> str:
    layers = [await publish_vendors(client, vendors)]
    return await create(client, APP, Timeout=timeout, Layers=layers, Environment={"Variables": variables})


async def create_armed(
    client: Any,
    gateway: Gateway,
    wrapper: str = "",
    vendors: dict[str, str] = VENDORS,
    timeout: int = 30,
    **variables: str,
) -> str:
    """A function as arming leaves it, with a timeout of its own."""
    (source,) = list_layers(files("plldb") / "debugger")
    package = build_package(source.name, await read_files(source))
    agent = await client.publish_layer_version(LayerName="plldb-agent", Content={"ZipFile": package.body})
    vendor = await publish_vendors(client, vendors)
    variables |= {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/plldb/wrapper",
        "PLLDB": f"1|{int(time.time()) + 3600}|ws://{gateway.address}/live|{TOKEN}|{timeout}|{wrapper}",
    }
    layers = [vendor, agent["LayerVersionArn"]]
    return await create(client, APP, Timeout=899, Layers=layers, Environment={"Variables": variables})


async def publish_vendors(client: Any, vendors: dict[str, str]) -> str:
    made = await client.publish_layer_version(LayerName="v", Content={"ZipFile": pack(vendors)})
    return str(made["LayerVersionArn"])


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """An error without what names the request."""
    message = answer["errorMessage"].partition(" Error: ")
    return answer | {"errorMessage": message[2] or message[0], "requestId": ""}


@pytest.mark.parametrize(("event", "timeout"), [("raise", 30), ("sleep", 3), ("exit", 30)])
async def test_an_armed_function_fails_as_deployed_and_goes_on(
    functions: Any, gateway: Gateway, event: str, timeout: int
) -> None:
    gateway.peer = None
    plain = await create_plain(functions, timeout=timeout)
    armed = await create_armed(functions, gateway, timeout=timeout)
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


async def test_a_streamed_answer_reaches_the_caller(functions: Any, gateway: Gateway) -> None:
    gateway.peer = None
    for name in (
        await create_plain(functions, STREAM="1"),
        await create_armed(functions, gateway, STREAM="1"),
    ):
        for event in (1, "x" * 200_000):
            assert await invoke(functions, name, event) == {"streamed": event}


@pytest.mark.parametrize("vendor", ["", "/opt/datadog", "/opt/otel"])
async def test_a_function_finds_the_world_as_it_was_deployed_also_behind_a_vendors_wrapper(
    functions: Any, gateway: Gateway, cloud: Cloud, vendor: str
) -> None:
    gateway.peer = None
    own: dict[str, Any] = {"AWS_LAMBDA_EXEC_WRAPPER": vendor} if vendor else {}
    extensions = VENDORS | {"extensions/told": EXTENSION}
    plain = await create_plain(functions, extensions, INNER="1", **own)
    armed = await create_armed(functions, gateway, vendor, extensions, INNER="1")
    expected, seen = [await invoke(functions, name, "world") for name in (plain, armed)]
    assert seen == expected
    assert expected[0][2:4] == {"": [None, "/var/runtime"], "/opt/datadog": ["1", "/var/runtime"]}.get(
        vendor, [None, "/opt/python/auto:/opt/python:/var/runtime:/var/runtime"]
    )
    assert expected[3] is (vendor == "/opt/otel")
    assert (await invoke(functions, armed, 1))[1] <= 30_000, "the deadline is the function's own"
    heard = []
    for name in (plain, armed):
        await functions.update_function_configuration(FunctionName=name, MemorySize=256)
        (sandbox,) = cloud.sandboxes(name)
        await until(lambda sandbox=sandbox: not sandbox.alive)  # type: ignore[misc]
        heard.append(re.findall(r'told: .*"eventType": ?"(\w+)"', sandbox.log))
    assert heard == [["INVOKE", "SHUTDOWN"], ["INVOKE", "INVOKE", "SHUTDOWN"]]


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
    await until(lambda: "asleep" in sandbox.log)
    (agent,) = [
        pid
        for pid in sandbox.processes()
        if b"/opt/plldb/" in await asyncio.to_thread(Path(f"/proc/{pid}/cmdline").read_bytes)
    ]
    os.kill(agent, signal.SIGKILL)
    assert "signal: killed" in (await running)["errorMessage"]
    assert (await invoke(functions, armed, 2))[0] == 2
    assert "the deployed code runs without it" in cloud.sandboxes(armed)[-1].log
