"""What grows with the number of packages and with the age of a stack. Talks to processes and sockets."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.benchmark.contenders import program
from scripts.benchmark.measure import Place, Run
from tests.support import wire
from tests.support.behaviours import Delay, on
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PROBES = Path(__file__).with_name("probes")
COUNTS = (4, 40, 400)
PACKAGE_BYTES = 1_000_000
HISTORIES = (10, 1_000, 10_000)
HISTORY_SECONDS = 6.0
HISTORY_DELAY = 0.05

_STORED = wire.Response(
    status=200, reason="OK", headers=(("x-amz-version-id", "1"), ("ETag", '"e"')), body=b""
)


async def run_probe(place: Place, name: str, *arguments: int) -> dict[str, float]:
    """Run one of the probes and read what it prints."""
    run = await place.run((sys.executable, str(PROBES / f"{name}.py"), *map(str, arguments)))
    figures: dict[str, float] = json.loads(run.output.splitlines()[-1])
    return {key: round(value, 2) for key, value in figures.items()}


async def measure_packages(folder: Path, delay: float) -> list[dict[str, float]]:
    """Publish more and more packages to a server that takes everything."""
    async with _sink() as url, Proxy(url, on(Delay(delay))) as proxy:
        place = Place(proxy=proxy, folder=folder, account="123456789012")
        return [await run_probe(place, "publish", count, PACKAGE_BYTES) for count in COUNTS]


@asynccontextmanager
async def _sink() -> AsyncIterator[str]:
    """A server that answers every request as S3 answers PutObject, and keeps nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await wire.read_request(reader)) is not None:
                writer.write(wire.encode_response(_STORED, request.method, close=False))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=wire.STREAM_LIMIT)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def measure_history(
    make_place: Callable[[], Place], edit: Callable[[], None]
) -> list[dict[str, float]]:
    """Update stacks that have a longer and longer past; the same few events are new each time."""
    return [await _update_with_history(make_place(), edit, history) for history in HISTORIES]


async def _update_with_history(place: Place, edit: Callable[[], None], history: int) -> dict[str, float]:
    setup = (program("plldb"), "bootstrap", "setup", "--output", "json")
    place.proxy.use()
    await place.run(setup)
    edit()
    pacing = Pacing(seconds=HISTORY_SECONDS, history=history)
    place.proxy.use(on(Delay(HISTORY_DELAY)), on(PacedEvents(pacing), "cloudformation"))
    run = await place.run(setup)
    return {
        "history": history,
        "new_events": sum(json.loads(line)["kind"] == "stack_event" for line in run.output.splitlines()),
        "event_requests": run.count("DescribeStackEvents"),
        "requests_per_second": round(_rate(run), 2),
        "seconds": round(run.seconds, 2),
        "cpu_seconds": round(run.cpu_seconds, 3),
    }


def _rate(run: Run) -> float:
    """DescribeStackEvents a second while the update is followed."""
    began = next(record.end for record in run.records if record.operation == "UpdateStack")
    looks = [each for each in run.records if each.operation == "DescribeStackEvents" and each.start >= began]
    return len(looks) / (max(each.end for each in looks) - began)
