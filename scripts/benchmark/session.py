"""What ``scripts/bench debugger`` runs: an attached session, measured. Talks to the test cloud.

Each row of the table has its target, the median, the range, and whether the target is met.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plldb
from scripts.benchmark import arming, attached, crowd, debugger, report
from scripts.benchmark.targets import Row, at_most, sure
from tests.support.servers import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.cloud import Cloud

PAGE = Path("docs/benchmark-debugger.md")
METHOD = Path(__file__).with_name("debugger.md")


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench debugger", description="Measures an attached session."
    )
    pairs = {"warm": (1000, "with nobody attached"), "cold": (40, "with new sandboxes")}
    for name, (count, which) in (pairs | {"pairs": (50, "with a laptop")}).items():
        parser.add_argument(f"--{name}", type=int, default=count, help=f"pairs {which} (default: {count})")
    parser.add_argument("--times", type=int, default=20, help="stops at a breakpoint (default: 20)")
    parser.add_argument("--new", type=int, default=7, help="new workers, and edits (default: 7)")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    return parser.parse_args()


def main() -> int:
    """Measure and print; 0 if everything could be measured, whether targets are met or not."""
    arguments, load = read_arguments(), os.getloadavg()[0]
    try:
        rows = asyncio.run(measure(arguments))
    except ServerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n" + report.render_text(rows, []))
    if arguments.write:
        PAGE.write_text(render_page(rows, load, arguments))
    return 0


async def measure(arguments: argparse.Namespace) -> list[Row]:
    """All rows."""
    async with debugger.open_here() as (cloud, open_client, here):
        nobody = await debugger.measure_nobody(cloud, here, arguments.warm, arguments.cold)
        chain = await debugger.measure_chain(cloud, here, arguments.pairs)
        session = await attached.measure_session(cloud, open_client, arguments.times, arguments.new)
        rest = await measure_apart(cloud)
    return [*agent_rows(nobody, chain), *session_rows(session), *rest]


async def measure_apart(cloud: Cloud) -> list[Row]:
    """What is measured against the emulator without sandboxes."""
    kept = dict(os.environ)
    try:
        seconds = await arming.measure_arming(cloud.direct)
        memory, rates, used = await crowd.measure_crowd(cloud.direct)
    finally:
        os.environ.clear()
        os.environ.update(kept)
    return [*arming_rows(seconds), *crowd_rows(memory, rates, used)]


def agent_rows(
    nobody: Mapping[str, debugger.Pairs], chain: Mapping[tuple[float, int, int], debugger.Pairs]
) -> list[Row]:
    """Of a function that is armed, with nobody attached and with a laptop that answers. Pure."""
    near, far, large = 0.0, debugger.DELAY, debugger.LARGE
    answers = [armed for _, armed in chain[far, 1000, 1000]]
    warm, durations, cold = (more(nobody[name]) for name in ("warm", "durations", "cold"))
    return [
        sure("pass-through: more than unarmed, an invocation", warm, 0.5, " ms", 2),
        sure("the same by the duration in the log", durations, 0.5, " ms", 2),
        sure("pass-through: more than unarmed, cold", cold, 60, " ms"),
        at_most("answer, 1 KB, laptop 30 ms away", answers, 45, " ms", 1),
        at_most("answer, 1 KB, on loopback: more than unarmed", more(chain[near, 1000, 1000]), 8, " ms", 1),
        at_most("5.9 MB there, 30 ms away: more than unarmed", more(chain[far, large, 10]), 400, " ms"),
        at_most("5.9 MB back, 30 ms away: more than unarmed", more(chain[far, 10, large]), 400, " ms"),
    ]


def more(pairs: debugger.Pairs) -> list[float]:
    """How much longer the second of each pair took. Pure."""
    return [armed - unarmed for unarmed, armed in pairs]


def session_rows(found: Mapping[str, Sequence[float]]) -> list[Row]:
    """Of a session with an editor. Pure."""
    trips = found[attached.READY_ALL]
    return [
        at_most(attached.WARM, found[attached.WARM], 60, " ms"),
        at_most(attached.NEW, found[attached.NEW], 1000, " ms"),
        at_most(attached.SAVED, found[attached.SAVED], 100, " ms"),
        at_most(attached.READY, found[attached.READY], 8),
        Row(what=attached.READY_ALL, measured=f"{statistics.median(trips):.1f}"),
    ]


def arming_rows(found: Mapping[str, Sequence[float]]) -> list[Row]:
    """Of functions that are armed and restored. Pure."""
    limits = {1: 3, 30: 8}
    return [
        at_most(f"{what} function{'s' * (count > 1)}", found[what], limits[count], " s", 2)
        for count in arming.COUNTS
        for what in (f"arm {count}", f"restore {count}")
    ]


def crowd_rows(memory: float, rates: Sequence[float], used: float) -> list[Row]:
    """Of one laptop that serves very many sandboxes. Pure."""
    middle = statistics.median(rates)
    return [
        Row(
            what=f"{crowd.AT_ONCE} invocations at once",
            measured=f"{middle:.0f} a second",
            target="≥ 300 a second",
            met=middle >= 300,
            runs=f"{min(rates):.0f}-{max(rates):.0f}",
        ),
        Row(what="CPU of the laptop for each of them", measured=f"{used:.1f} ms"),
        at_most(f"memory with {crowd.IDLE} idle sandboxes, workers apart", [memory], 200, " MB"),
    ]


def render_page(rows: Sequence[Row], load: float, arguments: argparse.Namespace) -> str:
    """The page of the documentation; ``load`` is that of the machine before it began."""
    values: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "version": plldb.__version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": f"{load:.1f}",
        "warm": arguments.warm,
        "cold": arguments.cold,
    }
    lines = [(row.what, row.measured, row.runs, row.target, report.verdict(row)) for row in rows]
    table = report.markdown_table(("what", "measured", "range", "target", ""), lines)
    return f"{METHOD.read_text().format(**values)}\n{table}\n"


if __name__ == "__main__":
    sys.exit(main())
