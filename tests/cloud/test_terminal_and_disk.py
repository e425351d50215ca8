"""The program loses its terminal within an invocation, or has no room on its disk."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cloud.functions import invoke
from tests.cloud.shop import ACCOUNT, LOCAL, attached, settings

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


async def test_a_terminal_that_is_closed_while_frames_are_posted_costs_one_answer_at_most(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, cloud: Cloud
) -> None:
    (folder / "index.py").write_text(COUNTED)
    before = {name: await settings(world, name) for name in names.values()}

    async def run(function: str, kind: str) -> None:
        name, struck = names[function], False
        ids: set[str] = set()

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

        async with attached(aws_env, folder, "shop", function, "--no-debug") as session:
            await session.read_until("attached")
            watching.append(see)
            event = secrets.token_hex(100_000)
            running = asyncio.create_task(invoke(world.functions, name, event))
            await session.read_until("detaching")
            watching.remove(see)
            answer = await running
            begun = (folder / "begun").read_text().splitlines() if (folder / "begun").exists() else []
            assert answer == {"laptop": event} if kind == "answer" else "errorType" in answer
            assert begun.count(name) == (kind == "answer")
            assert (await session.running.finish()).code == 0

    watching: list[Callable[[dict[str, str]], int]] = []
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup

    def refuse(_: str, data: bytes) -> int:
        frame = json.loads(data.split(b" ", 3)[3]) if data.startswith(b"plldb") else {"t": ""}
        return max((see(frame) for see in tuple(watching)), default=0)

    cloud.rules.refuse = refuse
    try:
        await asyncio.gather(run("Orders", "invocation"), run("Mails", "answer"))
    finally:
        signal.signal(signal.SIGHUP, inherited)
    assert {name: await settings(world, name) for name in names.values()} == before


@pytest.mark.parametrize("output", ["/dev/fd/1", "output"])
async def test_on_a_full_disk_invocations_are_answered_and_functions_put_back(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, output: str
) -> None:
    before = await settings(world, names["Orders"])
    (folder / "full").mkdir()
    (folder / "code").write_text(LOCAL)
    plldb = shlex.join(
        (sys.executable, "-m", "plldb", "attach", "shop", "Orders", "--no-debug", "--output", "json")
    )
    script = f"""
        mount -t tmpfs -o size=64k tmpfs full && cp code full/index.py
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
    try:
        if output == "/dev/fd/1":
            assert process.stdout
            while json.loads(await process.stdout.readline())["kind"] != "attached":
                pass
            assert await invoke(world.functions, names["Orders"], 1) == {"laptop": 1}
            process.send_signal(signal.SIGINT)
        said = (await asyncio.wait_for(process.communicate(), 60))[1].decode()
        assert "Traceback" not in said
        assert process.returncode == (0 if output == "/dev/fd/1" else 1)
        assert ("no function is left armed" in said) == (output != "/dev/fd/1")
    finally:
        if process.returncode is None:
            process.kill()
    assert await settings(world, names["Orders"]) == before
