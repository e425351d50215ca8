"""Measures an attached session as a developer has it, with a scripted editor. Talks to the test cloud.

    python -m scripts.benchmark.attached [--times 20] [--new 5]

The laptop, plldb itself, is 15 ms away each way, so that a round trip takes 30 ms; callers are near. Figures
are medians in milliseconds, with the quickest and the slowest. The round trips until a session is ready are
the difference of its times at two distances, divided by the difference of the distances: what is computed
drops out, and handshakes of TLS count.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.benchmark.emulated import open_cloud
from tests.cloud.functions import invoke
from tests.cloud.shop import attached, open_shop
from tests.support.cloud import Cloud
from tests.support.dap import Editor, editor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AWAY = 0.015
FAR = (0.1, 0.3)
PAUSE = 1.5
"""Seconds between an answer and the next edit: nobody edits sooner."""
CODE = "def handler(event, context):\n    value = {number}\n    return value\n"


def save(file: Path, number: int) -> None:
    """Save the code of the function, which answers this number."""
    file.write_text(CODE.format(number=number))


async def repeated(what: str, times: int, measure: Callable[[int], Awaitable[float]]) -> None:
    """Measure so many times, and print the figures."""
    found = sorted([await measure(number) for number in range(times)])
    middle = statistics.median(found)
    print(f"{what}: {middle:.0f} ms ({found[0]:.0f}-{found[-1]:.0f}, {times} times)", flush=True)


async def until_stop(functions: Any, name: str, one: Editor) -> float:
    """Milliseconds from Invoke to the stop at a breakpoint; then it goes on and is answered."""
    began = time.perf_counter()
    caller = asyncio.create_task(invoke(functions, name, 1))
    stop = await one.stop()
    took = (time.perf_counter() - began) * 1000
    await stop.go_on()
    await caller
    return took


async def measure_breakpoints(
    functions: Any, name: str, session: Any, file: Path, times: int, new: int
) -> None:
    """Stops in a worker that is there, and in one that is made for the invocation."""
    port = (await session.read_until("attached"))["debug_port"]
    async with editor(port, {file: [2]}) as one:
        await until_stop(functions, name, one)  # the sandbox and the first worker are made

        async def after_an_edit(number: int) -> float:
            await asyncio.sleep(PAUSE)
            save(file, number)
            return await until_stop(functions, name, one)

        await repeated("invocation to breakpoint, warm", times, lambda _: until_stop(functions, name, one))
        await repeated("invocation to breakpoint, new worker", new, after_an_edit)


async def measure_edits(functions: Any, name: str, session: Any, file: Path, times: int) -> None:
    """From a saved file to the answer of an invocation that runs it, without a debugger."""
    await session.read_until("attached")
    await invoke(functions, name, 1)

    async def edit(number: int) -> float:
        await asyncio.sleep(PAUSE)
        save(file, 1000 + number)
        began = time.perf_counter()
        assert await invoke(functions, name, 1) == 1000 + number
        return (time.perf_counter() - began) * 1000

    await repeated("saved file to the answer of the next invocation, no debugger", times, edit)


async def ready_within(environment: dict[str, str], folder: Path) -> float:
    """Seconds from the command to the event ``attached``."""
    began = time.perf_counter()
    async with attached(environment, folder, "shop", "Orders", "--debug-port", "0") as session:
        await session.read_until("attached")
        took = time.perf_counter() - began
        await session.end()
    return took


async def measure_ready(cloud: Cloud, folder: Path) -> None:
    """Round trips from the command to the event ``attached``, for one function."""
    near, far = [
        await ready_within(os.environ | {"AWS_ENDPOINT_URL": url}, folder) for url in map(cloud.far, FAR)
    ]
    trips = (far - near) / (2 * (FAR[1] - FAR[0]))
    here = await ready_within(dict(os.environ), folder)
    print(f"command to ready, one function: {trips:.1f} round trips, {here:.2f} s without any", flush=True)


async def main() -> None:
    """Start a cloud, and measure."""
    parser = argparse.ArgumentParser(description="Measures an attached session.")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--new", type=int, default=5)
    arguments = parser.parse_args()
    async with AsyncExitStack() as stack:
        cloud, open_client = await stack.enter_async_context(open_cloud())
        name = (await open_shop(open_client))["Orders"]
        functions = await open_client("lambda")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = folder / "index.py"
        save(file, 0)
        away = os.environ | {"AWS_ENDPOINT_URL": cloud.far(AWAY)}
        async with attached(away, folder, "shop", "Orders", "--debug-port", "0") as session:
            await measure_breakpoints(functions, name, session, file, arguments.times, arguments.new)
            await session.end()
        async with attached(away, folder, "shop", "Orders", "--no-debug") as session:
            await measure_edits(functions, name, session, file, arguments.new)
            await session.end()
        await measure_ready(cloud, folder)


if __name__ == "__main__":
    asyncio.run(main())
