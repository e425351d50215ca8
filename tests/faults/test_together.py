"""Several at once: setups, a setup and a destroy, two installed versions. One stack, no damage, no lies."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import plldb
from plldb.tasks import gather_all
from tests.faults.baseline import COLD, DESTROY, SCENARIOS, UPDATE, Baseline, Scenario, Spot
from tests.faults.cli import PATIENCE, command_line, json_lines, judge_output, run_plldb
from tests.faults.harm import Harm
from tests.faults.library import Command, Ran, at_most, run, succeed
from tests.faults.state import Hands
from tests.support.behaviours import Callback, Delay, first, nth, on
from tests.support.environment import invent_account
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.program import Finished
    from tests.support.records import Record
    from tests.support.wire import Response

OTHER = "99.0.0"
# Reads and repairs of the bucket's settings: what happens there is what happens a moment before.
SETTINGS = (
    "Versioning",
    "Encryption",
    "OwnershipControls",
    "Policy",
    "LifecycleConfiguration",
    "AccessBlock",
)


async def test_five_setups_at_once_make_one_stack_and_each_tells_the_truth(
    ministack: str, proxy: Proxy, baseline: Baseline, tmp_path: Path
) -> None:
    hands = Hands(ministack, invent_account())
    proxy.use(on(Delay(0.1)), on(PacedEvents(Pacing(seconds=5)), "cloudformation"))
    runs = [run_plldb(proxy.url, hands.account, "setup", "--output", "json", cwd=tmp_path) for _ in range(5)]
    finished = await asyncio.gather(*runs)
    assert [ran.code for ran in finished] == [0] * 5, "\n".join(map(str, finished))
    assert not [problem for ran in finished for problem in judge_output(ran)]
    ends = [json_lines(ran)[-1] for ran in finished]
    assert {end["kind"] for end in ends} == {"finished"}
    assert len({end["deployment"]["stack_id"] for end in ends}) == 1
    assert baseline.is_right("setup", await hands.inventory())
    accepted = accepted_requests(proxy.records, "CreateStack")
    assert accepted == 1
    versions = (await hands.inventory()).versions
    assert versions == len([key for key in baseline.deployed.keys if key.endswith(".zip")])
    await succeed("destroy", hands.account, ministack)
    assert (await hands.inventory()).empty


def accepted_requests(records: Sequence[Record], operation: str) -> int:
    return sum(record.operation == operation and record.status == 200 for record in records)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_the_opposite_command_run_in_the_middle_does_no_damage_and_nobody_lies(
    ministack: str, proxy: Proxy, baseline: Baseline, scenario: Scenario
) -> None:
    spots = [spot for spot in baseline.spots(scenario) if not spot.operation.endswith(SETTINGS)]
    harm = Harm()
    proxy.use(on(harm))

    async def run_cell(spot: Spot) -> list[str]:
        hands = await scenario.prepare(ministack, baseline.accounts)
        against: Command = "destroy" if scenario.command == "setup" else "setup"
        meanwhile = Meanwhile(against, hands.account, ministack)
        harm.befall(hands.account, spot.operation, meanwhile, nth(spot.occurrence))
        ran = await run(scenario.command, hands.account, proxy.url, **scenario.options)
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
        await succeed("destroy", hands.account, ministack)
        if not baseline.is_right("destroy", left := await hands.inventory()):
            problems.append(f"destroy then left {left}")
        return [f"{spot}: {problem}" for problem in problems]

    results = await at_most(4, [run_cell(spot) for spot in spots])
    assert not [problem for problems in results for problem in problems]


def is_dead_end(ran: Ran) -> bool:
    return ran.error is not None and not ran.error.hint


class Meanwhile:
    """A behaviour: before the request arrives, a whole command is run beside."""

    def __init__(self, command: Command, account: str, endpoint: str) -> None:
        self._arguments = (command, account, endpoint)
        self.end: asyncio.Future[tuple[Ran, float]] = asyncio.get_running_loop().create_future()

    async def __call__(self, call: Call, forward: Forward) -> Response:
        ran = await run(*self._arguments)
        self.end.set_result((ran, time.monotonic()))
        return await forward(call)


async def test_the_opposite_command_begun_while_cloudformation_works_waits_and_nobody_lies(
    ministack: str, proxy: Proxy, baseline: Baseline, tmp_path: Path
) -> None:
    harm = Harm()
    proxy.use(on(harm), on(PacedEvents(Pacing(seconds=12)), "cloudformation"))

    async def run_cell(scenario: Scenario, operation: str, against: Command) -> None:
        hands = await scenario.prepare(ministack, baseline.accounts)
        begun = asyncio.Event()
        harm.befall(hands.account, operation, Callback(lambda call: begun.set()), first(1))

        async def run_second() -> Finished:
            await asyncio.wait_for(begun.wait(), PATIENCE)
            arguments = (*command_line(against), "--output", "json")
            return await run_plldb(proxy.url, hands.account, *arguments, cwd=tmp_path)

        ran, second = await gather_all(
            run_plldb(proxy.url, hands.account, *command_line(scenario.command), cwd=tmp_path), run_second()
        )
        told = f"{scenario.name}: {ran.code}: {ran.stderr}; beside it {second.code}: {second.stderr}"
        assert not judge_output(ran) + judge_output(second)
        actions = [line["action"] for line in json_lines(second) if line["kind"] == "action_decided"]
        assert actions[:1] == ["attach"], told
        found = await hands.inventory()
        if scenario.command == "setup":
            # The destroy begins when the setup's operation is over, so that it has the last word.
            assert second.code == 0, told
            assert ran.code == 0 or "somebody" in ran.stderr, told
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
    for folder, version in [
        (here, plldb.__version__),
        (there, OTHER),
        (here, plldb.__version__),
        (there, OTHER),
    ]:
        ran = await run_plldb(proxy.url, hands.account, "setup", "--output", "json", cwd=folder)
        assert ran.code == 0, str(ran)
        end = json_lines(ran)[-1]
        assert (end["deployment"]["plldb_version"], end["result"]) == (version, "deployed")
        status = await run_plldb(proxy.url, hands.account, "status", "--output", "json", cwd=here)
        seen = json_lines(status)[-1]
        assert (seen["deployed_version"], seen["installed_version"]) == (version, plldb.__version__)
        assert (await hands.inventory()).stacks == ("plldb",)
    assert accepted_requests(proxy.records, "CreateStack") == 1
    assert accepted_requests(proxy.records, "UpdateStack") == 3
    removed = await run_plldb(proxy.url, hands.account, *command_line("destroy"), cwd=here)
    assert removed.code == 0, str(removed)
    assert (await hands.inventory()).empty


async def test_two_installed_versions_at_once_leave_one_stack_of_one_of_them(
    ministack: str, proxy: Proxy, tmp_path: Path
) -> None:
    hands = Hands(ministack, invent_account())
    here, there = tmp_path / "here", install_other(tmp_path / "there")
    here.mkdir()
    proxy.use(on(Delay(0.05)), on(PacedEvents(Pacing(seconds=3)), "cloudformation"))
    both = await asyncio.gather(
        *[
            run_plldb(proxy.url, hands.account, "setup", "--output", "json", cwd=folder)
            for folder in (here, there)
        ]
    )
    assert [ran.code for ran in both] == [0, 0], "\n".join(map(str, both))
    versions = [json_lines(ran)[-1]["deployment"]["plldb_version"] for ran in both]
    assert versions == [plldb.__version__, OTHER]
    last = await run_plldb(ministack, hands.account, "status", "--output", "json", cwd=here)
    assert json_lines(last)[-1]["deployed_version"] in versions
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
