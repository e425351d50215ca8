"""What the sandboxes of the test cloud promise, and other tests rely on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from tests.cloud.functions import RUNTIME, create, invoke, pack, until
from tests.support.cloud import start_cloud
from tests.support.environment import REGION

if TYPE_CHECKING:
    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

# Evaluates its event; `rest` says how long its thread stood still at most since it was asked last, and
# `go_on` returns when that thread has gone on for a while.
APP = """
import os, subprocess, sys, threading, time
beats = []
def beat():
    while True:
        beats.append(time.monotonic())
        time.sleep(0.01)
threading.Thread(target=beat, daemon=True).start()
def rest():
    longest = max(after - before for before, after in zip(beats, beats[1:]))
    del beats[:-1]
    return longest
def go_on():
    seen = len(beats)
    while len(beats) < seen + 10:
        time.sleep(0.01)
    return True
def handler(event, context):
    return eval(event)
"""
WRAPPER = """#!/bin/bash
echo "wrapped: $*"
export DESCRIPTOR=$(readlink /proc/$$/fd/$_LAMBDA_TELEMETRY_LOG_FD)
exec "$@"
"""
EXTENSION = """#!/bin/bash
at="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
events='{"events":["INVOKE","SHUTDOWN"]}'
id=$(curl -s -D - -o /dev/null -H 'Lambda-Extension-Name: told' -d "$events" "$at/register" \\
    | tr -d '\\r' | sed -n 's/^Lambda-Extension-Identifier: //Ip')
while :; do
    event=$(curl -s -H "Lambda-Extension-Identifier: $id" "$at/event/next")
    echo "told: $event"
    case $event in *SHUTDOWN*) exit ;; esac
done
"""


@pytest_asyncio.fixture
async def functions(open_client: OpenClient) -> Any:
    return await open_client("lambda")


async def test_a_function_finds_the_layout_of_the_managed_runtime(functions: Any, cloud: Cloud) -> None:
    content = {"ZipFile": pack({"plldb/wrapper": WRAPPER})}
    layer = await functions.publish_layer_version(LayerName="w", Content=content)
    wrapper = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/plldb/wrapper"}}
    name = await create(functions, APP, Layers=[layer["LayerVersionArn"]], Environment=wrapper)
    variables = ("_HANDLER", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_EXECUTION_ENV")
    found = await invoke(functions, name, f"[os.environ[name] for name in {variables}]")
    assert found == ["app.handler", "/var/task", "$LATEST", f"AWS_Lambda_{RUNTIME}"]
    command = [f"/var/lang/bin/{RUNTIME}", "/var/runtime/bootstrap.py"]
    assert await invoke(functions, name, "sys.orig_argv") == command
    assert (await invoke(functions, name, "os.environ['DESCRIPTOR']")).startswith("pipe:")
    assert await invoke(functions, name, "sorted(os.listdir('/var/task') + os.listdir('/opt'))") == [
        "app.py",
        "plldb",
    ]
    assert f"wrapped: {' '.join(command)}" in cloud.sandboxes(name)[0].log


async def test_what_a_function_logs_by_the_descriptor_is_in_its_log(functions: Any) -> None:
    name = await create(functions, APP)
    log = "__import__('logging').warning('by the descriptor') or print('by standard output')"
    answer = await functions.invoke(FunctionName=name, Payload=json.dumps(log), LogType="Tail")
    log = __import__("base64").b64decode(answer["LogResult"]).decode()
    assert "by the descriptor" in log
    assert "by standard output" in log


async def test_each_version_has_sandboxes_of_its_own(functions: Any, cloud: Cloud) -> None:
    name = await create(functions, APP, Publish=True)
    version = "os.environ['AWS_LAMBDA_FUNCTION_VERSION']"
    assert await invoke(functions, name, version) == "$LATEST"
    assert await invoke(functions, name, version, Qualifier="1") == "1"
    assert len(cloud.sandboxes(name)) == 2


async def test_between_invocations_every_process_stands_still(functions: Any, cloud: Cloud) -> None:
    name = await create(functions, APP)
    children = "['setsid', 'sh', '-c', 'sleep 1000 & sleep 1000 & echo there; wait']"
    daemon = f"subprocess.Popen({children}, stdout=-1).stdout.readline().decode()"
    assert await invoke(functions, name, daemon) == "there\n"
    # While an invocation runs, so does everybody.
    assert await invoke(functions, name, "go_on()") is True
    (sandbox,) = cloud.sandboxes(name)
    assert len(sandbox.processes()) == 4
    await until(lambda: set(sandbox.states().values()) == {"T"})
    await asyncio.sleep(0.5)
    assert await invoke(functions, name, "go_on() and rest() > 0.4") is True


async def test_an_extension_hears_of_the_end_of_a_sandbox_that_was_frozen(
    functions: Any, cloud: Cloud
) -> None:
    content = {"ZipFile": pack({"extensions/told": EXTENSION})}
    layer = await functions.publish_layer_version(LayerName="e", Content=content)
    name = await create(functions, APP, Layers=[layer["LayerVersionArn"]])
    assert await invoke(functions, name, "1") == 1
    await functions.update_function_configuration(FunctionName=name, MemorySize=256)
    (sandbox,) = cloud.sandboxes(name)
    await until(lambda: not sandbox.alive)
    assert '"eventType":"SHUTDOWN"' in sandbox.log.replace(" ", "")


async def test_timeouts_and_crashes_are_those_of_lambda(functions: Any, cloud: Cloud) -> None:
    name = await create(functions, APP, Timeout=1)
    answer = await invoke(functions, name, "time.sleep(30)")
    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]
    await functions.update_function_configuration(FunctionName=name, Timeout=60)
    assert (await invoke(functions, name, "os._exit(3)"))["errorType"] == "Runtime.ExitError"
    assert await invoke(functions, name, "1 + 1") == 2
    # An invocation outlives a change of its function, and is the last one of its sandbox.
    running = asyncio.create_task(invoke(functions, name, "print('began', flush=True) or time.sleep(1) or 3"))
    await until(lambda: any("began" in sandbox.log for sandbox in cloud.sandboxes(name)))
    await functions.update_function_configuration(FunctionName=name, MemorySize=256)
    assert await running == 3
    await until(lambda: not any(sandbox.alive for sandbox in cloud.sandboxes(name)))


async def test_no_process_outlives_a_ministack_that_is_killed(aws_env: dict[str, str]) -> None:
    from aiobotocore.session import get_session

    async with start_cloud() as other:
        session: Any = get_session()
        client = session.create_client(
            "lambda", REGION, endpoint_url=other.url, aws_access_key_id="1" * 12, aws_secret_access_key="x"
        )
        async with client as functions:
            name = await create(functions, APP)
            assert (
                await invoke(functions, name, "subprocess.Popen(['setsid', 'sleep', '1000']).pid > 0") is True
            )
        (sandbox,) = other.sandboxes(name)
        leader = int((sandbox.folder / "pid").read_text())
        there = (leader, *sandbox.processes())
        status = Path(f"/proc/{leader}/status").read_text()
        parent = next(line for line in status.splitlines() if line.startswith("PPid:")).split()[1]
        os.kill(int(parent), signal.SIGKILL)
        await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in there))
