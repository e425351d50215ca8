"""What ``scripts/bench`` runs: every measurement in turn, then the table. Talks to MiniStack."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import sysconfig
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.benchmark import contenders, emulator, report, startup, stream, targets
from scripts.benchmark.installed import Installed
from scripts.benchmark.measure import MeasuringError, Place, Series, base_environment, name_writes
from tests.support.behaviours import Delay, on
from tests.support.environment import invent_account
from tests.support.proxy import Proxy
from tests.support.servers import MINISTACK, ServerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.benchmark.contenders import Contender
    from scripts.benchmark.measure import Command, Run

# Where plldb is installed: imported from here, it would be the checkout's.
PACKAGE = Path(sysconfig.get_path("purelib"), "plldb")
CARGO = PACKAGE / "bootstrap/cloudformation"
STARTUP_ROUNDS_EACH = 5
Figures = dict[str, list[float]]

PARTS = ("steps", "startup", "stream")


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures plldb, and its peers.")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds a request (default: 0.1)")
    parser.add_argument("--runs", type=int, default=5, help="rounds; figures are medians (default: 5)")
    parser.add_argument("--peers", action="store_true", help="also cdk, sam and aws, installed into .cache")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write docs/benchmark.md, and all figures to .cache/benchmark.json",
    )
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="this part alone; may be given more than once"
    )
    arguments = parser.parse_args()
    if arguments.write and arguments.only:
        parser.error("--write wants all parts")
    return arguments


def main() -> int:
    """Measure and print; 0 if everything could be measured, whether targets are met or not."""
    arguments = read_arguments()
    tell(f"Python {sys.version}, {Path(sys.executable).resolve()}")
    try:
        results = asyncio.run(measure(arguments))
    except (MeasuringError, ServerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rows = targets.judge(results)
    print("\n" + report.render_text(rows, results["missing"]))
    if arguments.write:
        Path("docs/benchmark.md").write_text(report.render_page(results, rows))
        Path(".cache/benchmark.json").write_text(report.render_json(results, rows))
    return 0


async def measure(arguments: argparse.Namespace) -> targets.Results:
    """All figures."""
    wanted = arguments.only or PARTS
    results: targets.Results = {"conditions": describe_conditions(arguments), "missing": []}
    with tempfile.TemporaryDirectory(prefix="plldb-bench-") as name:
        folder = Path(name)
        async with emulator.ministack_for_peers() as server, Proxy(server.url) as proxy:
            bench = Bench(proxy, folder, arguments.delay)
            if "steps" in wanted:
                tools = find_tools(arguments, folder, results)
                fit = await warm_up(bench, tools, results["missing"])
                results["steps"] = await measure_steps(bench, fit, arguments.runs)
            if "stream" in wanted:
                results["stream"] = await measure_streams(bench, max(1, arguments.runs // 2))
            bench.installed.check()
        if "startup" in wanted:
            tell("start-up")
            results["startup"] = {
                "seconds": startup.measure_startup(folder, arguments.runs * STARTUP_ROUNDS_EACH),
                "heavy_imports": startup.find_heavy_imports(folder),
            }
    return results


class Bench:
    """The proxy before the emulator, and accounts that nobody has used."""

    def __init__(self, proxy: Proxy, folder: Path, delay: float) -> None:
        self.proxy = proxy
        self.folder = folder
        self.delay = delay
        self.installed = Installed(PACKAGE)

    def slow(self) -> None:
        """Delay every request, and do nothing else to it."""
        self.proxy.use(on(Delay(self.delay)))

    def new_place(self) -> Place:
        """A new account."""
        return Place(proxy=self.proxy, folder=self.folder, account=invent_account())

    async def run(self, place: Place, *commands: Command) -> Run:
        """Run commands; what they cost counts only if nobody has changed the installed copy meanwhile."""
        run = await place.run(*commands)
        self.installed.check()
        return run


def find_tools(arguments: argparse.Namespace, folder: Path, results: targets.Results) -> list[Contender]:
    """plldb, and the peers that can be had; what cannot is noted."""
    tools = [contenders.plldb(version("plldb"))]
    if not arguments.peers:
        results["missing"].append("the peers: ask for them with --peers")
        return tools
    environment = base_environment(folder)
    template = contenders.write_peers_template(folder, CARGO)
    makers: dict[str, Callable[[], Contender]] = {
        "cdk": lambda: contenders.cdk(environment),
        "sam": lambda: contenders.sam(environment, template),
        "aws": lambda: contenders.aws(environment, template),
    }
    for name, make in makers.items():
        tell(f"{name}: installing, if it is not there")
        try:
            tools.append(make())
        except contenders.NotInstalledError as error:
            results["missing"].append(str(error))
    results["conditions"]["versions"] |= {tool.name: tool.version for tool in tools}
    return tools


async def warm_up(bench: Bench, tools: list[Contender], missing: list[str]) -> list[Contender]:
    """Run everybody twice, which is not counted; return those that could be run, and note the others."""
    bench.slow()
    fit = []
    for tool in tools:
        tell(f"{tool.name}: warming up")
        place = bench.new_place()
        try:
            await place.run(*tool.cold(place.account))
            await place.run(*tool.again(place.account))
            fit.append(tool)
        except MeasuringError as error:
            if tool.name == "plldb":
                raise
            missing.append(str(error))
    return fit


async def measure_steps(
    bench: Bench, tools: list[Contender], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Cold, nothing to change, one handler changed, destroy."""
    series: dict[str, Series] = defaultdict(Series)
    bench.slow()
    for number in range(1, rounds + 1):
        tell(f"round {number} of {rounds}")
        await measure_round(bench, tools if number % 2 else tools[::-1], series)
    return {name: each.summarise() for name, each in series.items()}


async def measure_round(bench: Bench, tools: list[Contender], series: dict[str, Series]) -> None:
    """One round: everybody in turn."""
    places = {tool.name: bench.new_place() for tool in tools}
    for tool in tools:
        place = places[tool.name]
        series[f"{tool.name} cold"].runs.append(await bench.run(place, *tool.cold(place.account)))
    floor = (sys.executable, str(Path(__file__).with_name("floor.py")))
    for _ in range(2):
        for tool in tools:
            place = places[tool.name]
            run = await bench.run(place, *tool.again(place.account))
            series[f"{tool.name} nothing"].runs.append(run)
            if tool.name == "plldb":
                if written := name_writes(run.records):
                    tell(f"with nothing to change plldb has sent {', '.join(written)}")
                series["floor"].runs.append(await bench.run(place, floor))
    place = places["plldb"]
    setup, plldb = tools_setup(tools, place), contenders.program("plldb")
    with bench.installed.restoring_handler():
        bench.installed.edit_handler()
        series["plldb changed"].runs.append(await bench.run(place, setup))
    series["plldb destroy"].runs.append(await bench.run(place, (plldb, "bootstrap", "destroy", "--yes")))


def tools_setup(tools: list[Contender], place: Place) -> tuple[str, ...]:
    """The command of plldb."""
    ours = next(tool for tool in tools if tool.name == "plldb")
    return ours.again(place.account)[0]


async def measure_streams(bench: Bench, runs: int) -> dict[str, Figures]:
    """Events spread over time, seen through a pipe and on a terminal."""
    found: dict[str, dict[str, list[float]]] = {
        "JSON, pipe": defaultdict(list),
        "text, terminal": defaultdict(list),
    }
    for number in range(runs):
        for terminal, figures in enumerate(found.values()):
            tell(f"stream {number + 1} of {runs}, {'terminal' if terminal else 'pipe'}")
            seen = await stream.measure_stream(bench.new_place(), terminal=bool(terminal))
            for key, value in seen.items():
                figures[key].append(value)
    return found


def describe_conditions(arguments: argparse.Namespace) -> dict[str, object]:
    """Under which all this was measured; nothing that names the machine."""
    names = ("plldb", "aiobotocore", "botocore", "asyncclick")
    versions = {name: version(name) for name in names} | {"MiniStack": MINISTACK.partition("==")[2]}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "delay": arguments.delay,
        "rounds": arguments.runs,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "versions": versions,
    }


def tell(text: str) -> None:
    """What is being done, for whoever waits."""
    print(f"- {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
