"""Measures an attached session as a developer has it, with a scripted editor. Talks to the test cloud.

    python -m scripts.benchmark.attached [--times 20] [--new 5]

The laptop, plldb itself, is 15 ms away each way, so that a round trip takes 30 ms; callers are near. Figures
are medians in milliseconds, with the quickest and the slowest. Round trips until a session is ready are the
longest chain of requests in which each begins only after the one before has ended, the WebSocket's handshake
and the answered hello among them; with handshakes of TCP and TLS they are the difference of the times at two
distances, divided by the difference of the distances.
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
from tests.support.records import Interval, find_critical_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AWAY = 0.015
FAR = (0.1, 0.3)
PAUSE = 1.5
"""Seconds between an answer and the next edit: nobody edits sooner."""
Figures = dict[str, list[float]]
WARM = "invocation → breakpoint, warm"
NEW = "invocation → breakpoint, new worker"
SAVED = "saved file → answer of the next invocation"
READY = "command → ready: round trips"
READY_ALL = "command → ready: round trips with handshakes of TCP and TLS"
CODE = "def handler(event, context):\n    value = {number}\n    return value\n"


def save(file: Path, number: int) -> None:
    """Save the code of the function, which answers this number."""
    file.write_text(CODE.format(number=number))


async def repeated(times: int, measure: Callable[[int], Awaitable[float]]) -> list[float]:
    """Measure so many times."""
    return [await measure(number) for number in range(times)]


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
) -> Figures:
    """Stops in a worker that is there, and in one that is made for the invocation."""
    port = (await session.read_until("attached"))["debug_port"]
    async with editor(port, {file: [2]}) as one:
        await until_stop(functions, name, one)  # the sandbox and the first worker are made

        async def after_an_edit(number: int) -> float:
            await asyncio.sleep(PAUSE)
            save(file, number)
            return await until_stop(functions, name, one)

        warm = await repeated(times, lambda _: until_stop(functions, name, one))
        return {WARM: warm, NEW: await repeated(new, after_an_edit)}


async def measure_edits(functions: Any, name: str, session: Any, file: Path, times: int) -> Figures:
    """From a saved file to the answer of an invocation that runs it, without a debugger."""
    await session.read_until("attached")
    await invoke(functions, name, 1)

    async def edit(number: int) -> float:
        await asyncio.sleep(PAUSE)
        save(file, 1000 + number)
        began = time.perf_counter()
        assert await invoke(functions, name, 1) == 1000 + number
        return (time.perf_counter() - began) * 1000

    return {SAVED: await repeated(times, edit)}


async def ready_after(environment: dict[str, str], folder: Path) -> Interval:
    """From the command to the event ``attached``."""
    began = time.monotonic()
    async with attached(environment, folder, "shop", "Orders", "--debug-port", "0") as session:
        await session.read_until("attached")
        until = time.monotonic()
        await session.end()
    return Interval(began, until)


async def measure_ready(cloud: Cloud, folder: Path) -> Figures:
    """Round trips from the command to the event ``attached``, for one function."""
    taken, chain = [], 0
    for away in FAR:
        cloud.exchanges.clear()
        took = await ready_after(os.environ | {"AWS_ENDPOINT_URL": cloud.far(away)}, folder)
        taken.append(took.end - took.start)
        # As the laptop sees them, which they reach later. Of the greater distance: what this machine takes
        # between two requests that do not depend on each other is to be short beside it.
        seen = [Interval(each.start - away, each.end + away) for each in cloud.exchanges]
        chain = len(find_critical_path([each for each in seen if each.end <= took.end]))
    trips = (taken[1] - taken[0]) / (2 * (FAR[1] - FAR[0]))
    return {READY: [float(chain)], READY_ALL: [trips]}


async def measure_session(cloud: Cloud, open_client: Any, times: int, new: int) -> Figures:
    """All figures."""
    name = (await open_shop(open_client))["Orders"]
    functions = await open_client("lambda")
    with tempfile.TemporaryDirectory() as at:
        folder, file = Path(at), Path(at, "index.py")
        save(file, 0)
        away = os.environ | {"AWS_ENDPOINT_URL": cloud.far(AWAY)}
        async with attached(away, folder, "shop", "Orders", "--debug-port", "0") as session:
            found = await measure_breakpoints(functions, name, session, file, times, new)
            await session.end()
        async with attached(away, folder, "shop", "Orders", "--no-debug") as session:
            found |= await measure_edits(functions, name, session, file, new)
            await session.end()
        return found | await measure_ready(cloud, folder)


async def main() -> None:
    """Start a cloud, measure and print."""
    parser = argparse.ArgumentParser(description="Measures an attached session.")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--new", type=int, default=5)
    arguments = parser.parse_args()
    async with AsyncExitStack() as stack:
        cloud, open_client = await stack.enter_async_context(open_cloud())
        figures = await measure_session(cloud, open_client, arguments.times, arguments.new)
    for what, found in figures.items():
        middle = statistics.median(found)
        print(f"{what}: {middle:.1f} ({min(found):.1f}-{max(found):.1f}, {len(found)} times)")


if __name__ == "__main__":
    asyncio.run(main())
