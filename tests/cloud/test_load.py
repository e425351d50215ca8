"""Many sandboxes through one laptop: the program as it is run, its workers, the API, and the agent as it is.

``PLLDB_LOAD=100,2000,200`` runs 100 sandboxes and 2,000 invocations, 200 of them of 1 MB; ``-s`` prints the
figures.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cloud.sandboxes import DEPLOYED, Load
from tests.cloud.shop import ACCOUNT, attached

if TYPE_CHECKING:
    from tests.cloud.shop import Attached
    from tests.cloud.world import World
    from tests.support.cloud import Cloud

SANDBOXES, INVOCATIONS, LARGE = map(int, os.environ.get("PLLDB_LOAD", "8,80,8").split(","))
MEMORY = (150 + 2 * SANDBOXES) * 2**20
"""Most by which plldb's own memory may grow: 64 MB of answers that are kept, and what is under way of large
ones, at most one for each sandbox. Small ones take some KB each until their note is written.

At CI's size it cannot fail, since all bodies together are less: there `TestMemory`, of the session, holds
that nothing is kept. With the sizes above, whoever keeps all bodies needs 400 MB more."""

HANDLER = """
import os
from pathlib import Path

RAN = os.open(Path(__file__).with_name("ran"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def handler(event, context):
    os.write(RAN, f"{event['sandbox']} {event['number']}\\n".encode())
    return event
"""


@pytest.fixture
def account() -> str:
    """The one that has the stack ``shop``."""
    return ACCOUNT


def memory_of(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


async def drain(session: Attached) -> None:
    """Read what is printed, so that nothing waits for it."""
    while True:
        with suppress(TimeoutError):
            await session.read_until("nothing")


async def run_load(load: Load) -> dict[str, Any]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.cloud.sandboxes"), stdin=pipe, stdout=pipe
    )
    try:
        out, _ = await process.communicate(load.write() + b"\n")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(out)
    return result


async def test_nothing_is_lost_or_doubled_and_the_order_in_a_sandbox_is_kept(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, cloud: Cloud
) -> None:
    cloud.rules.direct = True
    (folder / "index.py").write_text(HANDLER)
    async with attached(aws_env, folder, "shop", "Orders", "--no-debug") as session:
        await session.read_until("attached")
        pid, draining = session.running.process.pid, asyncio.create_task(drain(session))
        found = await world.functions.get_function_configuration(FunctionName=names["Orders"])
        load = Load(
            function=names["Orders"],
            plldb=found["Environment"]["Variables"]["PLLDB"],
            sandboxes=SANDBOXES,
            invocations=INVOCATIONS,
            large=LARGE,
            concurrency=SANDBOXES,
        )
        before, ran = memory_of(pid), folder / "ran"
        # A new account may run 10 at a time.
        few = replace(load, concurrency=10 if SANDBOXES > 10 else 2, invocations=INVOCATIONS // 10, large=0)
        answered = 0
        for each in (load, few):
            ran.unlink(missing_ok=True)
            result = await run_load(each)
            wrong = {answer["number"]: answer["error"] for answer in result["answers"] if answer["error"]}
            # Where the API does not answer in time, not one frame is sent, and the deployed code runs.
            assert set(wrong.values()) <= {DEPLOYED}
            assert len(wrong) <= each.invocations // 10
            judge({*range(each.invocations)} - {*wrong}, ran.read_text().split("\n")[:-1])
            count = f"{each.invocations} invocations by {each.sandboxes}, {each.concurrency} at a time"
            print(f"{count}: {result['seconds']:.1f} s, {len(wrong)} {DEPLOYED}")
            answered += each.invocations - len(wrong)
        grown = memory_of(pid) - before
        print(f"memory {before / 2**20:.0f} MB, most {grown / 2**20:.0f} MB more")
        assert grown < MEMORY
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
        code, last = await session.end()
    assert (code, last["failed"], last["invocations"]) == (0, 0, answered)
    assert not [line for line in session.lines if line["kind"] == "answer_lost"]


def judge(expected: set[int], ran: list[str]) -> None:
    """Each of these invocations was run once and no other was, those of a sandbox in their order."""
    in_order = defaultdict(list)
    for sandbox, number in (map(int, line.split()) for line in ran):
        in_order[sandbox].append(number)
    counted = Counter(number for numbers in in_order.values() for number in numbers)
    assert counted == Counter(expected)
    for numbers in in_order.values():
        assert all(one < two for one, two in pairwise(numbers))
