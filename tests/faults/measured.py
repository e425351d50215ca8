"""Runs setup, destroy or watch as a process of its own and tells what it took. Talks to AWS.

``held`` is the most memory that was in use at an event, in bytes. The memory of the process says less: while
clients are made it is so large that 20 MB kept afterwards do not show.

Arguments: the command, and its options as JSON, ``pace`` among them. Writes one JSON object. Run it with -m.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
import tracemalloc
from collections import Counter
from typing import Any

from plldb import bootstrap

# Linux counts ru_maxrss in kB, macOS in bytes.
UNIT = 1 if sys.platform == "darwin" else 1024


def read_peak() -> int:
    """The most memory that the process has had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


async def main() -> None:
    """Run it."""
    options: dict[str, Any] = json.loads(sys.argv[2])
    pace = bootstrap.Pace(**options.pop("pace", {}))
    if "tags" in options:
        options["options"] = bootstrap.SetupOptions(tags=options.pop("tags"))
    begin = time.monotonic()
    kinds: Counter[str] = Counter()
    ids: list[str] = []
    peaks: list[int] = []
    held: list[int] = []
    tracemalloc.start()
    async for event in getattr(bootstrap, sys.argv[1])(pace=pace, **options):
        kinds[type(event).__name__] += 1
        peaks.append(read_peak())
        held.append(tracemalloc.get_traced_memory()[0])
        if isinstance(event, bootstrap.StackEvent):
            ids.append(event.event_id)
    seconds = time.monotonic() - begin
    print(
        json.dumps(
            {
                "seconds": round(seconds, 2),
                "held": max(held),
                "peak": read_peak(),
                "growth": peaks[-1] - peaks[len(peaks) // 4],
                "kinds": kinds,
                "ids": ids,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
