"""Cut off after any change or killed by SIGKILL, the next run converges: to deployed, or to nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plldb import bootstrap
from tests.faults.baseline import COLD, DESTROY, SCENARIOS, UPDATE, Baseline, Scenario, Spot, changes
from tests.faults.cli import command_line, plldb
from tests.faults.harm import Harm
from tests.faults.library import CALM, at_most, hasten_once_attached, run, succeed
from tests.support.behaviours import Callback, DropConnection, Occurrence, every, nth, on
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.library import Command
    from tests.faults.state import Hands
    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.wire import Response

AT_ONCE = 6


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_cut_off_after_any_change_setup_converges_and_destroy_leaves_nothing(
    ministack: str, proxy: Proxy, baseline: Baseline, scenario: Scenario
) -> None:
    cut = CutOff(proxy)

    async def run_cell(command: Command, spot: Spot) -> list[str]:
        hands = await scenario.prepare(ministack, baseline.accounts)
        if not await cut.run(scenario, hands.account, spot):
            return [f"{spot.operation} {spot.occurrence} was not reached"]
        await succeed(command, hands.account, ministack)
        if not baseline.is_right(command, left := await hands.inventory()):
            return [f"{command} after {spot.operation} {spot.occurrence} left {left}"]
        if command == "setup":
            baseline.accounts.append(hands.account)
        return []

    commands: tuple[Command, ...] = ("setup", "destroy")
    cells = [run_cell(command, spot) for command in commands for spot in list_changes(scenario, baseline)]
    results = await at_most(AT_ONCE, cells)
    assert not [problem for problems in results for problem in problems]


def list_changes(scenario: Scenario, baseline: Baseline) -> list[Spot]:
    """Every request that changes something; after one that reads, all is as it was before."""
    return [
        Spot(operation=operation, occurrence=number + 1, last=False)
        for operation, count in baseline.operations[scenario.name].items()
        if changes(operation)
        for number in range(count)
    ]


class CutOff:
    """What AWS sees of a run that is killed: a request takes effect, and none of its others arrives."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._harm = Harm()
        self._gone: set[str] = set()
        proxy.use(on(self._drop), on(self._harm))

    async def run(self, scenario: Scenario, account: str, spot: Spot) -> bool:
        """Run until it is cut off; False if it came to its end before that."""
        pace = replace(CALM, attempts=1)
        running = asyncio.ensure_future(
            run(scenario.command, account, self._proxy.url, pace=pace, **scenario.options)
        )

        def cut(call: Call) -> None:
            self._gone.add(account)
            running.cancel()
            raise DropConnection

        self._harm.befall(account, spot.operation, Callback(cut), nth(spot.occurrence))
        await asyncio.wait({running})
        self._harm.spare(account)
        is_cut = account in self._gone
        self._gone.discard(account)
        return is_cut

    async def _drop(self, call: Call, forward: Forward) -> Response:
        if call.account in self._gone:
            raise DropConnection
        return await forward(call)


async def test_killed_while_cloudformation_works_the_next_run_follows_that_first(
    ministack: str, baseline: Baseline, tmp_path: Path
) -> None:
    async def run_cell(scenario: Scenario, operation: str, command: Command) -> None:
        hands = await scenario.prepare(ministack, baseline.accounts)
        paced = PacedEvents(Pacing(seconds=60))
        async with Proxy(ministack) as proxy:
            assert await Crash(proxy, tmp_path, paced).run(scenario, hands, operation, every)
            ran = await succeed(command, hands.account, proxy.url, tell=hasten_once_attached(paced))
        actions = [event.action for event in ran.events if isinstance(event, bootstrap.ActionDecided)]
        assert actions[:1] == ["attach"], f"{scenario.name}, then {command}: {actions}"
        assert baseline.is_right(command, await hands.inventory())

    begun = ((COLD, "CreateStack"), (UPDATE, "UpdateStack"), (DESTROY, "DeleteStack"))
    commands: tuple[Command, ...] = ("setup", "destroy")
    await at_most(6, [run_cell(*each, command) for each in begun for command in commands])


class Crash:
    """Kills the program when a request has taken effect and before it hears of it."""

    def __init__(self, proxy: Proxy, folder: Path, paced: PacedEvents) -> None:
        self._proxy = proxy
        self._folder = folder
        self._harm = Harm()
        proxy.use(on(self._harm), on(paced, "cloudformation"))

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
