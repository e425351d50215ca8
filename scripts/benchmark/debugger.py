"""Measures an armed function against one that is not, in pairs within one run. Talks to the test cloud.

    python -m scripts.benchmark.debugger [--warm 1000] [--cold 40] [--pairs 100]

Everybody speaks TLS through the gate and trusts as many authorities as on AWS, whose reading is part of a
cold start. A figure is the median; of a difference, that of the differences of the pairs. In milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import secrets
import statistics
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.httpsession import where

from scripts.benchmark.emulated import open_cloud
from tests.cloud import world
from tests.cloud.functions import create
from tests.cloud.world import World
from tests.support.cloud import Cloud

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


DELAY = 0.015  # each way: a round trip of 30 ms
LARGE = 5_900_000
ANSWERS = """
import base64, os
def handler(event, context):
    return base64.b64encode(os.urandom(event[1])).decode()[:event[1]]
"""


async def timed(client: Any, name: str, sent: bytes = b"1") -> float:
    """Milliseconds of an invocation."""
    began = time.perf_counter()
    await invoke(client, name, sent)
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
    tenths = [statistics.quantiles(each, n=10, method="inclusive") for each in zip(*found, strict=True)]
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


async def invoke(client: Any, name: str, sent: bytes = b"1") -> None:
    """Invoke and read the answer."""
    answer = await client.invoke(FunctionName=name, Payload=sent)
    await answer["Payload"].read()
    assert "FunctionError" not in answer, answer


async def invoke_cold(client: Any, name: str) -> float:
    """Milliseconds of an invocation that needs a new sandbox."""
    told = await client.get_function_configuration(FunctionName=name)
    await client.update_function_configuration(FunctionName=name, MemorySize=768 - told["MemorySize"])
    return await timed(client, name)


def durations_of(cloud: Cloud, name: str) -> list[float]:
    """Milliseconds of each invocation from its delivery until the sandbox asks again."""
    return [float(each) for each in re.findall(r"\tDuration: ([\d.]+) ms", cloud.sandboxes(name)[-1].log)]


Pairs = list[tuple[float, float]]


async def measure_nobody(cloud: Cloud, here: World, count: int, cold: int) -> dict[str, Pairs]:
    """Pass-through with nobody attached: ``count`` pairs warm, ``cold`` with new sandboxes."""
    plain, name = [await world.create_function(here, MemorySize=256) for _ in range(2)]
    async with world.attached(here, name) as session:
        pass
    async with world.armed(here, name, session):
        for each in (plain, name):
            await invoke(here.functions, each)
        one, other = [partial(timed, here.functions, each) for each in (plain, name)]
        warm = await pairs(one, other, count)
        tell("warm, nobody attached", warm)
        both = [durations_of(cloud, each)[-count:] for each in (plain, name)]
        durations = list(zip(*both, strict=True))
        tell("the same by the durations that Lambda's emulator reports", durations)
        new = await pairs(
            lambda: invoke_cold(here.functions, plain), lambda: invoke_cold(here.functions, name), cold
        )
        tell("cold, nobody attached", new)
        await here.functions.update_function_configuration(FunctionName=name, MemorySize=256)
    return {"warm": warm, "durations": durations, "cold": new}


@asynccontextmanager
async def laptop(cloud: Cloud, here: World, name: str, delay: float) -> AsyncIterator[int]:
    """A laptop that answers for a function, and is so many seconds away, each way; its process id."""
    environment = os.environ | {"AWS_ENDPOINT_URL": cloud.far(delay) if delay else cloud.url}
    command = (sys.executable, "-m", "tests.cloud.laptop", name, here.layer, here.url)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout
        await process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        await process.wait()


def event(size: int, answer: int) -> bytes:
    """An event of so many bytes that asks for so many: base64, as anything that is not text travels."""
    return b'["send", %d, "%s"]' % (answer, secrets.token_urlsafe(size)[:size].encode())


async def measure_chain(cloud: Cloud, here: World, count: int) -> dict[tuple[float, int, int], Pairs]:
    """Answers of a laptop, near and far, a process of its own, against those of the function alone.

    They are by distance in seconds, and by bytes there and back.
    """
    measured = {}
    sizes = ((1000, 1000, count), (LARGE, 10, max(3, count // 20)), (10, LARGE, max(3, count // 20)))
    for far in (0.0, DELAY):
        plain, name = [await create(here.functions, ANSWERS, Timeout=17, MemorySize=512) for _ in range(2)]
        async with laptop(cloud, here, name, far) as pid:
            for each in (plain, name):
                await invoke(here.functions, each, event(10, 10))
            pids = (pid, cloud.sandboxes(name)[-1].processes()[0])
            for there, back, times in sizes:
                sent = event(there, back)
                await invoke(here.functions, name, sent)  # connections are made, and kept
                before = [cpu_of(each) for each in pids]
                one, other = [partial(timed, here.functions, each, sent) for each in (plain, name)]
                found = measured[far, there, back] = await pairs(one, other, times)
                used = [(cpu_of(each) - was) / times for each, was in zip(pids, before, strict=True)]
                tell(
                    f"answered by a laptop, a round trip of {far * 2000:.0f} ms, {there:,} bytes there, "
                    f"{back:,} back (CPU of the laptop {used[0]:.1f}, of the agent {used[1]:.1f})",
                    found,
                )
    return measured


@asynccontextmanager
async def open_here() -> AsyncIterator[tuple[Cloud, Callable[..., Any], World]]:
    """A cloud whose sandboxes trust as many authorities as on AWS, and plldb's stack in it."""
    async with AsyncExitStack() as stack:
        cloud, open_client = await stack.enter_async_context(open_cloud(authorities=Path(where())))
        here = await stack.enter_async_context(world.open_world(cloud.url, open_client))
        # Of many authorities the cloud's own is the one that the agent is to look for.
        changes = {"sockets.py": world.replace('b"Amazon"', 'b"plldb tests"')}
        layer = await world.publish(here.functions, await world.build_layer(changes))
        yield cloud, open_client, replace(here, layer=layer)


async def main() -> None:
    """Start a cloud, and measure."""
    parser = argparse.ArgumentParser(description="Measures the debugger's chain.")
    parser.add_argument("--warm", type=int, default=1000)
    parser.add_argument("--cold", type=int, default=40)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--only", choices=["nobody", "chain"])
    arguments = parser.parse_args()
    async with open_here() as (cloud, _, here):
        if arguments.only != "chain":
            await measure_nobody(cloud, here, arguments.warm, arguments.cold)
        if arguments.only != "nobody":
            await measure_chain(cloud, here, arguments.pairs)


if __name__ == "__main__":
    asyncio.run(main())
