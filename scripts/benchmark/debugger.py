"""Measures an armed function against one that is not, in pairs within one run. Talks to the test cloud.

    python -m scripts.benchmark.debugger [--pairs 200] [--cold 15]

Everybody speaks TLS through the gate and trusts as many authorities as on AWS, whose reading is part of a
cold start. A figure is the median; of a difference, that of the differences of the pairs. In milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.httpsession import where

from scripts.benchmark.emulated import open_cloud
from tests.cloud import world
from tests.cloud.world import World
from tests.support.cloud import Cloud

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


DELAY = 0.015  # each way: a round trip of 30 ms
LARGE = 5_900_000


async def timed(work: Awaitable[object]) -> float:
    """Milliseconds that something took."""
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


async def pairs(
    one: Callable[[], Awaitable[float]], other: Callable[[], Awaitable[float]], count: int
) -> list[tuple[float, float]]:
    """So many pairs, each of them in turn the other way round."""
    found = []
    for number in range(count):
        if number % 2:
            second = await other()
            found.append((await one(), second))
        else:
            found.append((await one(), await other()))
    return found


def tell(name: str, found: list[tuple[float, float]]) -> None:
    """Print a pair of figures and their difference."""
    tenths = [statistics.quantiles(each, n=10) for each in zip(*found, strict=True)]
    differences = [b - a for a, b in found]
    quickest = [each[0] for each in tenths]
    print(
        f"{name}: unarmed {tenths[0][4]:.2f}, armed {tenths[1][4]:.2f}, "
        f"difference {statistics.median(differences):+.2f}; of the quickest tenth "
        f"{quickest[0]:.2f}, {quickest[1]:.2f}, {quickest[1] - quickest[0]:+.2f}",
        flush=True,
    )


def cpu_of(pid: int) -> float:
    """Milliseconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


async def invoke(client: Any, name: str, event: bytes = b"1") -> None:
    """Invoke and read the answer."""
    answer = await client.invoke(FunctionName=name, Payload=event)
    await answer["Payload"].read()
    assert "FunctionError" not in answer, answer


async def invoke_cold(client: Any, name: str) -> float:
    """Milliseconds of an invocation that needs a new sandbox."""
    told = await client.get_function_configuration(FunctionName=name)
    await client.update_function_configuration(FunctionName=name, MemorySize=768 - told["MemorySize"])
    return await timed(invoke(client, name))


async def measure_nobody(here: World, count: int, cold: int) -> None:
    """Pass-through, warm and cold, with nobody attached."""
    plain, name = [await world.create_function(here, MemorySize=256) for _ in range(2)]
    async with world.attached(here, name) as session:
        pass
    async with world.armed(here, name, session):
        for each in (plain, name):
            await invoke(here.functions, each)
        tell(
            "warm, nobody attached",
            await pairs(
                lambda: timed(invoke(here.functions, plain)),
                lambda: timed(invoke(here.functions, name)),
                count,
            ),
        )
        tell(
            "cold, nobody attached",
            await pairs(
                lambda: invoke_cold(here.functions, plain), lambda: invoke_cold(here.functions, name), cold
            ),
        )
        await here.functions.update_function_configuration(FunctionName=name, MemorySize=256)


async def measure_chain(cloud: Cloud, here: World, count: int) -> None:
    """Answers of a laptop, near and far, which is a process of its own."""
    for far in (0.0, DELAY):
        name = await world.create_function(here, MemorySize=512)
        environment = os.environ | {"AWS_ENDPOINT_URL": cloud.far(far) if far else cloud.url}
        command = (sys.executable, "-m", "tests.cloud.laptop", name, here.layer, here.url)
        pipe = asyncio.subprocess.PIPE
        laptop = await asyncio.create_subprocess_exec(*command, env=environment, stdin=pipe, stdout=pipe)
        try:
            assert laptop.stdout
            await laptop.stdout.readline()
            await invoke(here.functions, name)
            (agent,) = cloud.sandboxes(name)[-1].processes()
            for size in (1000, LARGE):
                times = count if size < LARGE else max(3, count // 20)
                event = b'"%s"' % secrets.token_hex(size // 2).encode()
                pids = (laptop.pid, agent)
                before = [cpu_of(pid) for pid in pids]
                seconds = [await timed(invoke(here.functions, name, event)) for _ in range(times)]
                used = [
                    (cpu_of(pid) - was) / times for pid, was in zip((laptop.pid, agent), before, strict=True)
                ]
                print(
                    f"answered by a laptop, a round trip of {far * 2000:.0f} ms, {size:,} bytes: "
                    f"{statistics.median(seconds):.1f}, best of {times} {min(seconds):.1f}; "
                    f"CPU of the laptop {used[0]:.1f}, of the agent {used[1]:.1f}",
                    flush=True,
                )
        finally:
            laptop.kill()
            await laptop.wait()


async def main() -> None:
    """Start a cloud, and measure."""
    parser = argparse.ArgumentParser(description="Measures the debugger's chain.")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--cold", type=int, default=15)
    parser.add_argument("--only", choices=["nobody", "chain"])
    arguments = parser.parse_args()
    async with AsyncExitStack() as stack:
        cloud, open_client = await stack.enter_async_context(open_cloud(authorities=Path(where())))
        here = await stack.enter_async_context(world.open_world(cloud.url, open_client))
        # Of many authorities the cloud's own is the one that the agent is to look for.
        changes = {"sockets.py": world.replace('b"Amazon"', 'b"plldb tests"')}
        layer = await world.publish(here.functions, await world.build_layer(changes))
        here = replace(here, layer=layer)
        if arguments.only != "chain":
            await measure_nobody(here, arguments.pairs, arguments.cold)
        if arguments.only != "nobody":
            await measure_chain(cloud, here, arguments.pairs // 2)


if __name__ == "__main__":
    asyncio.run(main())
