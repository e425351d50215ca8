"""Every operation that setup, an updating setup and destroy use, and every fault.

All cells run in this process, each in an account of its own and several at a time. For each: plldb
recovers, or fails with one clear error; and the same command again, without the fault, ends right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from plldb.bootstrap.errors import BucketError
from plldb.errors import AccessDeniedError
from plldb.tasks import gather_all
from tests.faults.baseline import COLD, DESTROY, SCENARIOS, UPDATE, Baseline, Scenario, Spot, changes
from tests.faults.harm import FAULTS, Fault, Harm
from tests.faults.library import CALM, Ran, at_most, run, succeed
from tests.support.answers import iam_action
from tests.support.behaviours import Hang, on
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plldb.errors import PlldbError
    from tests.faults.state import Hands
    from tests.support.operations import Call
    from tests.support.records import Record

AT_ONCE = 6
# One request that hangs costs this once. Ten times what MiniStack needs with all cells at work.
IMPATIENT = replace(CALM, read_timeout=5.0, connect_timeout=5.0)
# No request of a cell may take longer; a run has some thirty and in each some of them wait.
LONGEST = IMPATIENT.attempts * (IMPATIENT.connect_timeout + IMPATIENT.read_timeout + IMPATIENT.longest_wait)
BOUND = 3 * LONGEST


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_each_operation_recovers_or_fails_with_one_clear_error_and_the_next_run_ends_right(
    ministack: str, proxy: Proxy, baseline: Baseline, scenario: Scenario
) -> None:
    harm = Harm()
    proxy.use(on(harm))
    cells = list_cells(scenario, baseline)
    # Those that hang need no time of the processor.
    waiting = [cell for cell in cells if isinstance(cell.fault.harm, Hang)]
    busy = [cell for cell in cells if cell not in waiting]
    ground = Ground(ministack=ministack, proxy=proxy, baseline=baseline, harm=harm)
    sides = [at_most(AT_ONCE, [try_cell(ground, cell) for cell in side]) for side in (waiting, busy)]
    problems = [found for side in await gather_all(*sides) for found in side]
    assert not [problem for found in problems for problem in found]


# The calls of which each is never answered.
SILENT = (
    (COLD, ("GetCallerIdentity", "PutObject", "CreateStack")),
    (UPDATE, ("DescribeStacks", "GetTemplate", "UpdateStack")),
    (DESTROY, ("ListObjectVersions", "DeleteStack", "DeleteObjects")),
)


async def test_a_server_that_never_answers_ends_in_an_error_within_the_bound(
    ministack: str, proxy: Proxy, baseline: Baseline
) -> None:
    pace = replace(CALM, read_timeout=3.0, attempts=3)
    harm = Harm()
    proxy.use(on(harm))

    async def run_cell(scenario: Scenario, operation: str) -> None:
        hands = await scenario.prepare(ministack, baseline.accounts)
        harm.befall(hands.account, operation, Hang(forward=True))
        ran = await run(
            scenario.command, hands.account, proxy.url, pace=pace, seconds=BOUND, **scenario.options
        )
        assert ran.error is not None
        assert ran.error.code == "unreachable"
        assert operation in str(ran.error)
        assert ran.error.hint
        assert len(harm.done[hands.account]) >= pace.attempts
        await succeed(scenario.command, hands.account, ministack, **scenario.options)
        assert baseline.is_right(scenario.command, await hands.inventory())

    cells = [run_cell(scenario, operation) for scenario, operations in SILENT for operation in operations]
    await at_most(len(cells), cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all cells share."""

    ministack: str
    proxy: Proxy
    baseline: Baseline
    harm: Harm


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run with one fault, at one operation or at several."""

    scenario: Scenario
    fault: Fault
    spots: tuple[Spot, ...]

    def __str__(self) -> str:
        where = ", ".join(map(str, self.spots)) if self.fault.apart else "all operations"
        return f"{self.scenario.name}, {self.fault.name}, {where}"


def list_cells(scenario: Scenario, baseline: Baseline) -> list[Cell]:
    """Every fault at every operation."""
    spots = baseline.spots(scenario)
    early = [spot for spot in spots if not spot.last]
    cells = []
    for fault in FAULTS:
        together = [tuple(early[number :: fault.runs]) for number in range(fault.runs)]
        alone = [
            spot for spot in (spots if fault.last else early) if changes(spot.operation) or not fault.changes
        ]
        apart = [(spot,) for spot in alone]
        cells += [
            Cell(scenario=scenario, fault=fault, spots=some) for some in (apart if fault.apart else together)
        ]
    return cells


async def try_cell(ground: Ground, cell: Cell) -> list[str]:
    """Run a cell, in an account of its own; what is wrong."""
    scenario, fault, harm = cell.scenario, cell.fault, ground.harm
    hands = await scenario.prepare(ground.ministack, ground.baseline.accounts)
    for spot in cell.spots:
        harm.befall(hands.account, spot.operation, fault.harm, fault.lasts(spot.occurrence))
    pace = IMPATIENT if isinstance(fault.harm, Hang) else CALM
    done = harm.done[hands.account]
    before = len(ground.proxy.records)
    try:
        ran = await run(
            scenario.command, hands.account, ground.proxy.url, pace=pace, seconds=BOUND, **scenario.options
        )
    except TimeoutError:
        return [f"{cell}: still running after {BOUND} s"]
    except Exception as bug:  # noqa: BLE001 - one cell must not end the others
        return [f"{cell}: traceback: {type(bug).__name__}: {bug}"]
    finally:
        # The account may serve another cell of the same test next.
        harm.spare(hands.account)
    problems = judge(cell, ran, done)
    if ran.error and is_untouched(hands.account, ground.proxy.records[before:]):
        # A run from where the scenario begins, which is what every other cell is, too.
        if scenario.deployed:
            ground.baseline.accounts.append(hands.account)
    elif fault.repeated or ran.error is None:
        problems += await run_again(ground, cell, hands, ran)
    return [f"{cell}: {problem}" for problem in problems]


def is_untouched(account: str, records: Sequence[Record]) -> bool:
    """Whether no request of that account can have changed anything."""
    return not any(
        changes(each.operation) and each.status not in (400, 403)
        for each in records
        if each.account == account
    )


def judge(cell: Cell, ran: Ran, done: list[Call]) -> list[str]:
    """What is wrong with how the run went, if anything."""
    reached = {call.operation for call in done}
    missed = [spot.operation for spot in cell.spots if not spot.last and spot.operation not in reached]
    problems = [f"the fault did not happen to {operation}" for operation in missed]
    if ran.error is None:
        return problems
    if cell.fault.error is None:
        return [*problems, f"did not recover: {ran.error}"]
    if not done:
        return [*problems, f"failed before the fault happened: {ran.error}"]
    return problems + judge_error(ran.error, cell.fault.error, done[-1])


async def run_again(ground: Ground, cell: Cell, hands: Hands, ran: Ran) -> list[str]:
    """Run the command without the fault; what is wrong with what it found, or with what it left."""
    scenario, baseline = cell.scenario, ground.baseline
    command = scenario.command
    left = await hands.inventory()
    problems = []
    if ran.error is None and not baseline.is_right(command, left):
        problems.append(f"said that it was done, but left {left}")
    if scenario is COLD and left.versions > baseline.deployed.versions:
        problems.append("stored a package twice")
    again = await run(command, hands.account, ground.ministack, **scenario.options)
    found = await hands.inventory()
    if again.error is not None:
        problems.append(f"the next run failed: {again.error}")
    elif not baseline.is_right(command, found):
        problems.append(f"the next run left {found}")
    elif ran.error is None and again.changed:
        problems.append("the next run found something to do")
    elif command == "setup":
        baseline.accounts.append(hands.account)
    return problems


def judge_error(error: PlldbError, expected: type[PlldbError], call: Call) -> list[str]:
    """What is wrong with the error that this denied call ended in, if anything."""
    text = f"{error.message} {error.hint}"
    action = iam_action(call)
    # S3 denies each key by itself: there is no error of the operation then, but the action is told.
    by_key = expected is AccessDeniedError and call.operation == "DeleteObjects"
    wanted = {
        "one line": "\n" not in error.message,
        "a way out": bool(error.hint),
        "the right kind": isinstance(error, BucketError if by_key else expected),
        "the operation": call.operation in text or action in text,
        "the IAM action": expected is not AccessDeniedError or action in text,
    }
    return [
        f"the error lacks {what}: {error!r} {error.hint!r}" for what, there in wanted.items() if not there
    ]
