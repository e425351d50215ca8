"""The program loses its terminal within an invocation, or has no room on its disk."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import secrets
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cloud.functions import create, invoke
from tests.cloud.shop import ACCOUNT, LOCAL, attached, settings
from tests.cloud.world import create_function

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cloud.world import World
    from tests.support.cloud import Cloud

COUNTED = """
import os
def handler(event, context):
    with open(os.path.join(os.path.dirname(__file__), "begun"), "a") as file:
        print(context.function_name, file=file)
    return {"laptop": event}
"""


@pytest.fixture
def account() -> str:
    """One account for all that has the stack ``shop``."""
    return ACCOUNT


POINTS = {
    # Moments of an invocation, the type of the frame whose passing of the API is that moment, and who may
    # then answer, with how often the laptop has begun it.
    "before delivery": ("", {("deployed", 0), ("Plldb.Detached", 0)}),
    "frames partly posted": ("invocation", {("Plldb.Detached", 0), ("Plldb.Disconnected", 0)}),
    "delivered": ("invocation", {("laptop", 1), ("Plldb.Detached", 0)}),
    "answer partly posted": ("answer", {("laptop", 1)}),
}


async def test_a_terminal_that_is_closed_at_any_moment_of_an_invocation_costs_one_answer_at_most(
    world: World, aws_env: dict[str, str], folder: Path, cloud: Cloud
) -> None:
    (folder / "app.py").write_text(COUNTED)
    (folder / "begun").touch()

    async def run(point: str) -> None:
        name, (kind, allowed) = await create_function(world), POINTS[point]
        before, struck, ids = await settings(world, name), False, set[str]()

        def see(frame: dict[str, str]) -> int:
            nonlocal struck
            if frame.get("fn") == name:
                ids.add(frame["id"])
            if frame.get("id") not in ids or frame["t"] != kind:
                return 0
            if struck:
                return 429  # of several pieces one has arrived
            struck = True
            session.running.process.send_signal(signal.SIGHUP)
            return 0

        async with attached(aws_env, folder, name, "--no-debug") as session:
            await session.read_until("attached")
            assert await invoke(world.functions, name, 1) == {"laptop": 1}
            if kind:
                watching.append(see)
                event = secrets.token_hex(100_000) if "partly" in point else 2
                running = asyncio.create_task(invoke(world.functions, name, event))
                await session.read_until("detaching")
                watching.remove(see)
                answer = await running
            else:
                session.running.process.send_signal(signal.SIGHUP)
                await session.read_until("detaching")
                answer = await invoke(world.functions, name, 2)
            begun = (folder / "begun").read_text().splitlines().count(name) - 1
            who = answer.get("errorType") or next(iter(answer))
            assert (who, begun) in allowed, (point, answer, begun)
            assert (await session.running.finish()).code == 0
        assert await settings(world, name) == before
        assert next(iter(await invoke(world.functions, name, 3))) == "deployed"

    watching: list[Callable[[dict[str, str]], int]] = []
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup

    def refuse(_: str, data: bytes) -> int:
        frame = json.loads(data.split(b" ", 3)[3]) if data.startswith(b"plldb") else {"t": ""}
        return max((see(frame) for see in tuple(watching)), default=0)

    cloud.rules.refuse = refuse
    try:
        await asyncio.gather(*map(run, POINTS))
    finally:
        signal.signal(signal.SIGHUP, inherited)


@pytest.mark.parametrize("output", ["/dev/fd/1", "output"])
async def test_on_a_full_disk_invocations_are_answered_and_functions_put_back(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, output: str
) -> None:
    before = await settings(world, names["Orders"])
    # Its code can only be copied from Lambda, into the user's cache.
    elsewhere = await create(world.functions, LOCAL, Handler="wsgi_handler.handler")
    (folder / "full").mkdir()
    (folder / "code").write_text(LOCAL)
    plldb = shlex.join(
        (
            *(sys.executable, "-m", "plldb", "attach", "shop", "Orders", elsewhere),
            *("--no-debug", "--record", "records", "--output", "json"),
        )
    )
    script = f"""
        mount -t tmpfs -o size=64k tmpfs full && cp code full/index.py && mkdir full/records
        cat /dev/zero > full/filling 2> /dev/null
        export HOME=$PWD/full TMPDIR=$PWD/full
        (echo x > full/more) 2> /dev/null && exit 99
        cd full && exec {plldb} > {output}
    """
    as_root = [] if os.getuid() == 0 else ["-Ur"]
    process = await asyncio.create_subprocess_exec(
        *("unshare", *as_root, "-m", "sh", "-c", script),
        env=aws_env,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told: list[dict[str, object]] = []
    try:
        if output == "/dev/fd/1":
            assert process.stdout
            while json.loads(line := await process.stdout.readline())["kind"] != "attached":
                told.append(json.loads(line))
            assert await invoke(world.functions, names["Orders"], 1) == {"laptop": 1}
            process.send_signal(signal.SIGINT)
        out, errors = await asyncio.wait_for(process.communicate(), 60)
        told, said = told + [json.loads(line) for line in out.splitlines()], errors.decode()
        assert "Traceback" not in said
        assert process.returncode == (0 if output == "/dev/fd/1" else 1)
        assert ("no function is left armed" in said) == (output != "/dev/fd/1")
        if output == "/dev/fd/1":
            kinds = {line["kind"]: line for line in told}
            assert kinds["function_refused"]["reason"] == "source"
            assert kinds["recording_failed"]["message"] == os.strerror(errno.ENOSPC)
    finally:
        if process.returncode is None:
            process.kill()
    assert await settings(world, names["Orders"]) == before
