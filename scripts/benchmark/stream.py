"""How soon an event that AWS shows is on the screen, and the exit after the last one. Talks to processes."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.benchmark.contenders import program
from tests.support.behaviours import Delay, on
from tests.support.events import PacedEvents, Pacing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from scripts.benchmark.measure import Command, Place
    from tests.support.records import Record

SPREAD_SECONDS = 20.0
DELAY_SECONDS = 0.05

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ROW = re.compile(r"^\d\d:\d\d:\d\d")
_SETUP = ("bootstrap", "setup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came out: the time of each line with an event, and of the exit (`time.monotonic`)."""

    shown: list[tuple[str, float]]
    exit: float


async def measure_stream(place: Place, *, terminal: bool) -> dict[str, float]:
    """Set up in an empty account with the events spread over time; figures of what a person sees."""
    paced = PacedEvents(Pacing(seconds=SPREAD_SECONDS))
    place.proxy.use(on(Delay(DELAY_SECONDS)), on(paced, "cloudformation"))
    place.proxy.forget()
    seen = await (_watch_terminal(place) if terminal else _watch_pipe(place))
    turns = sorted(paced.visible.values())
    if terminal:
        # A row has no id: the events are shown in the order in which they became visible.
        if len(seen.shown) != len(turns):
            raise RuntimeError(f"{len(turns)} events came, {len(seen.shown)} rows were shown")
        delays = [when - turn for (_, when), turn in zip(seen.shown, turns, strict=True)]
    else:
        delays = [when - paced.visible[event_id] for event_id, when in seen.shown]
    return {
        "events": len(delays),
        "median": round(statistics.median(delays), 3),
        "p95": round(statistics.quantiles(delays, n=20, method="inclusive")[18], 3),
        "worst": round(max(delays), 3),
        "requests_per_second": round(_rate(place.proxy.records, seen.exit), 2),
        "exit_after_last": round(seen.exit - turns[-1], 3),
    }


def _rate(records: Sequence[Record], end: float) -> float:
    """Requests a second from the creation of the stack to the exit."""
    created = next(record.end for record in records if record.operation == "CreateStack")
    return sum(record.start >= created for record in records) / (end - created)


async def _watch_pipe(place: Place) -> Seen:
    command = (program("plldb"), *_SETUP, "--output", "json")
    process = await asyncio.create_subprocess_exec(
        *command, env=place.environment, cwd=place.folder, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    shown = []
    async for line in process.stdout:
        event = json.loads(line)
        if event["kind"] == "stack_event":
            shown.append((event["event_id"], time.monotonic()))
    return Seen(shown=shown, exit=await _ended(process))


async def _watch_terminal(place: Place) -> Seen:
    ours, theirs = pty.openpty()
    command: Command = (program("plldb"), *_SETUP)
    environment = place.environment | {"TERM": "xterm-256color", "COLUMNS": "160", "LINES": "50"}
    try:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=place.folder, stdin=theirs, stdout=theirs, stderr=theirs
        )
    finally:
        os.close(theirs)
    try:
        shown = []
        async for line, when in _lines_of(ours):
            if _ROW.match(line):
                shown.append((line, when))
    finally:
        os.close(ours)
    return Seen(shown=shown, exit=await _ended(process))


async def _lines_of(terminal: int) -> AsyncIterator[tuple[str, float]]:
    """Lines as they are complete; what the live line draws over is cut away with its control codes."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    def read() -> None:
        try:
            pieces.put_nowait(os.read(terminal, 65536))
        except OSError:  # the program has closed its end
            pieces.put_nowait(b"")

    loop.add_reader(terminal, read)
    try:
        rest = ""
        while piece := await pieces.get():
            now = time.monotonic()
            *lines, rest = (rest + piece.decode(errors="replace")).split("\n")
            for line in lines:
                yield _ANSI.sub("", line).rstrip("\r").rpartition("\r")[2], now
    finally:
        loop.remove_reader(terminal)


async def _ended(process: asyncio.subprocess.Process) -> float:
    code = await process.wait()
    if code:
        raise RuntimeError(f"plldb ended with exit code {code} while its stream was measured")
    return time.monotonic()
