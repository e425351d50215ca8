"""Killed by SIGKILL after any request, the next run converges: setup to deployed, destroy to nothing."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from plldb import bootstrap
from tests.faults.baseline import COLD, DESTROY, SCENARIOS, UPDATE, Baseline, Scenario
from tests.faults.cli import command_line, plldb
from tests.faults.harm import Harm
from tests.faults.library import at_most, succeed
from tests.support.behaviours import Callback, Occurrence, every, nth, on
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.library import Command
    from tests.faults.state import Hands

AT_ONCE = 4


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_killed_after_any_request_setup_converges_and_destroy_leaves_nothing(
    ministack: str, proxy: Proxy, baseline: Baseline, tmp_path: Path, scenario: Scenario
) -> None:
    crash = Crash(proxy, tmp_path)

    async def run_cell(number: int) -> tuple[bool, list[str]]:
        hands = await scenario.prepare(ministack, baseline.accounts)
        killed = await crash.run(scenario, hands, "", nth(number))
        problems = []
        await succeed("setup", hands.account, ministack)
        if not baseline.is_right("setup", left := await hands.inventory()):
            problems.append(f"setup after request {number} left {left}")
        await succeed("destroy", hands.account, ministack)
        if not baseline.is_right("destroy", left := await hands.inventory()):
            problems.append(f"destroy after request {number} left {left}")
        return killed, problems

    numbers = range(1, baseline.operations[scenario.name].total() + 1)
    results = await at_most(AT_ONCE, [run_cell(number) for number in numbers])
    assert not [problem for _, problems in results for problem in problems]
    kills = sum(killed for killed, _ in results)
    assert kills > 0.8 * len(numbers)  # the program may need one poll less than the recorded run


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_killed_after_any_request_that_changes_something_destroy_alone_leaves_nothing(
    ministack: str, proxy: Proxy, baseline: Baseline, tmp_path: Path, scenario: Scenario
) -> None:
    crash = Crash(proxy, tmp_path)
    changes = [
        (operation, number + 1)
        for operation, count in baseline.operations[scenario.name].items()
        if not operation.startswith(("Get", "Describe", "Head", "List"))
        for number in range(count)
    ]

    async def run_cell(operation: str, number: int) -> list[str]:
        hands = await scenario.prepare(ministack, baseline.accounts)
        if not await crash.run(scenario, hands, operation, nth(number)):
            return [f"{operation} {number} was not reached"]
        await succeed("destroy", hands.account, ministack)
        left = await hands.inventory()
        return [] if left.empty else [f"destroy after {operation} {number} left {left}"]

    results = await at_most(AT_ONCE, [run_cell(*change) for change in changes])
    assert not [problem for problems in results for problem in problems]


async def test_killed_while_cloudformation_works_the_next_run_follows_that_first(
    ministack: str, proxy: Proxy, baseline: Baseline, tmp_path: Path
) -> None:
    crash = Crash(proxy, tmp_path, PacedEvents(Pacing(seconds=8)))

    async def run_cell(scenario: Scenario, operation: str, command: Command) -> None:
        hands = await scenario.prepare(ministack, baseline.accounts)
        assert await crash.run(scenario, hands, operation, every)
        ran = await succeed(command, hands.account, proxy.url)
        actions = [event.action for event in ran.events if isinstance(event, bootstrap.ActionDecided)]
        assert actions[:1] == ["attach"], f"{scenario.name}, then {command}: {actions}"
        assert baseline.is_right(command, await hands.inventory())

    begun = ((COLD, "CreateStack"), (UPDATE, "UpdateStack"), (DESTROY, "DeleteStack"))
    commands: tuple[Command, ...] = ("setup", "destroy")
    await at_most(6, [run_cell(*each, command) for each in begun for command in commands])


class Crash:
    """Kills the program when a request has taken effect and before it hears of it."""

    def __init__(self, proxy: Proxy, folder: Path, paced: PacedEvents | None = None) -> None:
        self._proxy = proxy
        self._folder = folder
        self._harm = Harm()
        proxy.use(on(self._harm), *([on(paced, "cloudformation")] if paced else []))

    async def run(self, scenario: Scenario, hands: Hands, operation: str, when: Occurrence) -> bool:
        """Run the program until it is killed; False if it came to its end before that."""
        arguments = [*command_line(scenario.command), *(["--tag", "team=d"] if scenario is UPDATE else [])]
        async with plldb(self._proxy.url, hands.account, *arguments, cwd=self._folder) as running:
            pid = running.process.pid
            kill = Callback(lambda call: os.kill(pid, signal.SIGKILL))
            self._harm.befall(hands.account, operation, kill, when)
            finished = await running.finish(seconds=120)
        self._harm.spare(hands.account)
        assert finished.code in (0, -signal.SIGKILL), str(finished)
        return finished.code != 0
