"""What the test cloud promises, and other tests rely on."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest_asyncio

if TYPE_CHECKING:
    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

APP = """
import os, sys, threading, time
beats = []
def beat():
    while True:
        beats.append(time.monotonic())
        time.sleep(0.02)
threading.Thread(target=beat, daemon=True).start()
def handler(event, context):
    gaps = [after - before for before, after in zip(beats, beats[1:])]
    return eval(event)
"""
WRAPPER = """#!/bin/bash
echo "wrapped: $*"
export DESCRIPTOR=$(readlink /proc/$$/fd/$_LAMBDA_TELEMETRY_LOG_FD)
exec "$@"
"""


def pack(**files: str) -> bytes:
    """A zip of executable files; a path is written with __ for each slash and without its .py."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name.replace("__", "/"))
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, text)
    return packed.getvalue()


async def create(client: Any, **settings: Any) -> None:
    """A function named app."""
    await client.create_function(
        FunctionName="app",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="app.handler",
        Code={"ZipFile": pack(**{"app.py": APP})},
        **settings,
    )


async def evaluate(client: Any, expression: str, **how: Any) -> Any:
    """The value of an expression in the function's handler."""
    answer = await client.invoke(FunctionName="app", Payload=json.dumps(expression), **how)
    body = json.loads(await answer["Payload"].read())
    assert "FunctionError" not in answer, body
    return body


@pytest_asyncio.fixture
async def functions(open_client: OpenClient) -> Any:
    return await open_client("lambda")


async def test_a_function_finds_the_layout_of_the_managed_runtime(functions: Any, cloud: Cloud) -> None:
    layer = await functions.publish_layer_version(
        LayerName="w", Content={"ZipFile": pack(plldb__wrapper=WRAPPER)}
    )
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/plldb/wrapper"}
    await create(functions, Layers=[layer["LayerVersionArn"]], Environment={"Variables": wrapper})
    names = ("_HANDLER", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_EXECUTION_ENV")
    assert await evaluate(functions, f"[os.environ[name] for name in {names}]") == [
        "app.handler",
        "/var/task",
        "$LATEST",
        "AWS_Lambda_python3.11",
    ]
    assert await evaluate(functions, "sys.orig_argv") == [
        "/var/lang/bin/python3.11",
        "/var/runtime/bootstrap.py",
    ]
    assert (await evaluate(functions, "os.environ['DESCRIPTOR']")).startswith("pipe:")
    assert "wrapped: /var/lang/bin/python3.11 /var/runtime/bootstrap.py" in cloud.sandboxes("app")[-1].log
