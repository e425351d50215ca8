"""Several at once: setups, a setup and a destroy, two installed versions. One stack, no damage, no lies."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import plldb
from plldb import bootstrap
from plldb.tasks import gather_all
from tests.faults.baseline import COLD, DESTROY, SCENARIOS, UPDATE, Baseline, Scenario, Spot
from tests.faults.cli import PATIENCE, json_lines, run_plldb
from tests.faults.harm import Harm
from tests.faults.library import (
    CALM,
    Command,
    Ran,
    at_most,
    hasten_once_attached,
    place_of,
    run,
    succeed,
)
from tests.faults.state import Hands
from tests.support.behaviours import Callback, Delay, first, nth, on
from tests.support.environment import invent_account
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.records import Record
    from tests.support.wire import Response

OTHER = "99.0.0"
# One request of each kind, named as `Spot` is: what happens before its neighbours takes the same path.
MOMENTS = {
    "cold setup": (
        "DescribeStacks",
        "CreateBucket",
        "PutObject",
        "PutObject (last)",
        "CreateStack",
        "DescribeStackEvents",
        "DescribeStacks (last)",
    ),
    "updating setup": (
        "DescribeStacks",
        "DescribeTable",
        "PutObject",
        "UpdateStack",
        "DescribeStackEvents (last)",
        "DescribeStacks (last)",
    ),
    "destroy": (
        "DescribeStacks",
        "Scan",
        "DeleteStack",
        "DescribeStackEvents (last)",
        "DeleteObjects",
        "DeleteBucket",
        "DescribeStacks (last)",
    ),
}


async def test_five_setups_at_once_make_one_stack_and_each_tells_the_truth(
    ministack: str, proxy: Proxy, baseline: Baseline
) -> None:
    hands = Hands(ministack, invent_account())
    proxy.use(on(Delay(0.1)), on(PacedEvents(Pacing(seconds=2)), "cloudformation"))
    finished = await asyncio.gather(*[succeed("setup", hands.account, proxy.url) for _ in range(5)])
    ends = [ran.events[-1] for ran in finished]
    stacks = {end.deployment.stack_id for end in ends if isinstance(end, bootstrap.SetupFinished)}
    assert len(stacks) == 1
    assert [type(end) for end in ends] == [bootstrap.SetupFinished] * 5
    assert baseline.is_right("setup", found := await hands.inventory())
    assert accepted_requests(proxy.records, "CreateStack") == 1
    assert found.versions == len([key for key in baseline.deployed.keys if key.endswith(".zip")])
    await succeed("destroy", hands.account, ministack)
    assert (await hands.inventory()).empty


def accepted_requests(records: Sequence[Record], operation: str) -> int:
    return sum(record.operation == operation and record.status == 200 for record in records)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_the_opposite_command_run_in_the_middle_does_no_damage_and_nobody_lies(
    ministack: str, proxy: Proxy, baseline: Baseline, scenario: Scenario
) -> None:
    spots = [spot for spot in baseline.spots(scenario) if str(spot) in MOMENTS[scenario.name]]
    assert len(spots) == len(MOMENTS[scenario.name])
    harm = Harm()
    proxy.use(on(harm))

    async def run_cell(spot: Spot) -> list[str]:
        hands = await scenario.prepare(ministack, baseline.accounts)
        against: Command = "destroy" if scenario.command == "setup" else "setup"
        meanwhile = Meanwhile(against, hands.account, ministack)
        harm.befall(hands.account, spot.operation, meanwhile, nth(spot.occurrence))
        ran = await run(scenario.command, hands.account, proxy.url, **scenario.options)
        if meanwhile.end is None:
            return [f"{spot} was not reached"]
        # The held request may have been given up because of another one's answer.
        beside, ended = await meanwhile.end
        found = await hands.inventory()
        problems = [f"{each.error} gives no way out" for each in (beside, ran) if is_dead_end(each)]
        looks = [
            record.start
            for record in proxy.records
            if (record.account, record.operation) == (hands.account, "DescribeStacks")
        ]
        # Who has looked at the stack for the last time before that cannot know.
        if ran.error is None and max(looks) > ended and not baseline.is_right(scenario.command, found):
            problems.append(f"{scenario.command} said that it was done, but there is {found}")
        await succeed("setup", hands.account, ministack)
        if not baseline.is_right("setup", left := await hands.inventory()):
            problems.append(f"setup then left {left}")
        baseline.accounts.append(hands.account)
        return [f"{spot}: {problem}" for problem in problems]

    results = await at_most(4, [run_cell(spot) for spot in spots])
    assert not [problem for problems in results for problem in problems]


def is_dead_end(ran: Ran) -> bool:
    return ran.error is not None and not ran.error.hint


class Meanwhile:
    """A behaviour: before the request arrives, a whole command is run beside."""

    def __init__(self, command: Command, account: str, endpoint: str) -> None:
        self._arguments = (command, account, endpoint)
        self.end: asyncio.Task[tuple[Ran, float]] | None = None

    async def __call__(self, call: Call, forward: Forward) -> Response:
        self.end = asyncio.create_task(self._run())
        await self.end
        return await forward(call)

    async def _run(self) -> tuple[Ran, float]:
        return await run(*self._arguments), time.monotonic()


async def test_the_opposite_command_begun_while_cloudformation_works_waits_and_nobody_lies(
    ministack: str, baseline: Baseline
) -> None:
    async def run_cell(scenario: Scenario, operation: str, against: Command) -> None:
        hands = await scenario.prepare(ministack, baseline.accounts)
        begun = asyncio.Event()
        say_begun = on(Callback(lambda call: begun.set()), operation, when=first(1))
        paced = PacedEvents(Pacing(seconds=60))

        async def run_second(endpoint: str) -> Ran:
            await asyncio.wait_for(begun.wait(), PATIENCE)
            return await run(against, hands.account, endpoint, tell=hasten_once_attached(paced))

        async with Proxy(ministack, say_begun, on(paced, "cloudformation")) as proxy:
            ran, second = await gather_all(
                run(scenario.command, hands.account, proxy.url, **scenario.options), run_second(proxy.url)
            )
        told = f"{scenario.name}: {ran.error!r}; beside it {second.error!r}"
        assert not is_dead_end(ran), told
        assert not is_dead_end(second), told
        actions = [event.action for event in second.events if isinstance(event, bootstrap.ActionDecided)]
        assert actions[:1] == ["attach"], told
        found = await hands.inventory()
        if scenario.command == "setup":
            # The destroy begins when the setup's operation is over, so that it has the last word.
            assert second.error is None, told
            assert ran.error is None or "somebody" in str(ran.error), told
            assert found.empty, told
        else:
            assert found.empty or baseline.is_right("setup", found), told
        await succeed("setup", hands.account, ministack)
        assert baseline.is_right("setup", await hands.inventory())
        await succeed("destroy", hands.account, ministack)
        assert (await hands.inventory()).empty

    cells = [
        run_cell(COLD, "CreateStack", "destroy"),
        run_cell(UPDATE, "UpdateStack", "destroy"),
        run_cell(DESTROY, "DeleteStack", "setup"),
    ]
    await at_most(3, cells)


async def test_two_installed_versions_in_turn_share_one_stack_and_say_which_they_are(
    ministack: str, proxy: Proxy, tmp_path: Path
) -> None:
    hands = Hands(ministack, invent_account())
    here, there = tmp_path / "here", install_other(tmp_path / "there")
    here.mkdir()
    for folder, version in [(there, OTHER), (here, plldb.__version__), (there, OTHER)]:
        ran = await run_plldb(proxy.url, hands.account, "setup", "--output", "json", cwd=folder)
        assert ran.code == 0, str(ran)
        end = json_lines(ran)[-1]
        assert (end["deployment"]["plldb_version"], end["result"]) == (version, "deployed")
        seen = await bootstrap.status(place_of(hands.account, ministack), pace=CALM)
        assert (seen.deployed_version, seen.installed_version) == (version, plldb.__version__)
        assert (await hands.inventory()).stacks == ("plldb",)
    assert accepted_requests(proxy.records, "CreateStack") == 1
    assert accepted_requests(proxy.records, "UpdateStack") == 2
    await succeed("destroy", hands.account, ministack)
    assert (await hands.inventory()).empty


async def test_two_installed_versions_at_once_leave_one_stack_of_one_of_them(
    ministack: str, proxy: Proxy, tmp_path: Path
) -> None:
    hands = Hands(ministack, invent_account())
    here, there = tmp_path / "here", install_other(tmp_path / "there")
    here.mkdir()
    proxy.use(on(Delay(0.05)), on(PacedEvents(Pacing(seconds=1.5)), "cloudformation"))
    both = await asyncio.gather(
        *[
            run_plldb(proxy.url, hands.account, "setup", "--output", "json", cwd=folder)
            for folder in (here, there)
        ]
    )
    assert [ran.code for ran in both] == [0, 0], "\n".join(map(str, both))
    versions = [json_lines(ran)[-1]["deployment"]["plldb_version"] for ran in both]
    assert versions == [plldb.__version__, OTHER]
    last = await bootstrap.status(place_of(hands.account, ministack), pace=CALM)
    assert last.deployed_version in versions
    assert (await hands.inventory()).stacks == ("plldb",)
    await succeed("destroy", hands.account, ministack)
    assert (await hands.inventory()).empty


def install_other(folder: Path) -> Path:
    """A copy of the package that has another version; who runs in this folder runs it."""
    package = Path(plldb.__file__).parent
    shutil.copytree(package, folder / "plldb", ignore=shutil.ignore_patterns("__pycache__"))
    init = folder / "plldb" / "__init__.py"
    init.write_text(init.read_text().replace(plldb.__version__, OTHER))
    return folder
