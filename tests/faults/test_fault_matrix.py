"""Every operation that setup, an updating setup and destroy use, and every fault.

Most cells run in this process, each in an account of its own and several at a time. For each: plldb
recovers, or fails with one clear error; and the same command again, without the fault, ends right.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plldb.bootstrap.errors import BucketError
from plldb.errors import AccessDeniedError
from tests.faults.baseline import COLD, DESTROY, SCENARIOS, UPDATE, Baseline, Scenario, Spot
from tests.faults.harm import FAULTS, Fault, Harm
from tests.faults.library import CALM, Ran, at_most, run, succeed
from tests.support.answers import iam_action
from tests.support.behaviours import Hang, on
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from plldb.errors import PlldbError
    from tests.support.operations import Call

AT_ONCE = 6
# One request that hangs costs this once. Ten times what MiniStack needs with all cells at work.
IMPATIENT = replace(CALM, read_timeout=5.0, connect_timeout=5.0)
# No request of a cell may take longer; a run has some thirty and nothing but one of them waits.
LONGEST = IMPATIENT.attempts * (IMPATIENT.connect_timeout + IMPATIENT.read_timeout + IMPATIENT.longest_wait)
BOUND = 2 * LONGEST


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_each_operation_recovers_or_fails_with_one_clear_error_and_the_next_run_ends_right(
    ministack: str, proxy: Proxy, baseline: Baseline, scenario: Scenario, fault: Fault
) -> None:
    spots = [spot for spot in baseline.spots(scenario) if fault.everywhere or not spot.last]
    cells = [Cell(ministack, proxy, baseline, scenario, spot, fault) for spot in spots]
    proxy.use(*[on(cell.harm) for cell in cells])
    await at_most(AT_ONCE, [cell.run() for cell in cells])
    assert not {str(cell.spot): cell.problems for cell in cells if cell.problems}


@pytest.mark.parametrize(
    ("scenario", "operations"),
    [
        (COLD, ("GetCallerIdentity", "PutObject", "CreateStack")),
        (UPDATE, ("DescribeStacks", "GetTemplate", "UpdateStack")),
        (DESTROY, ("ListObjectVersions", "DeleteStack", "DeleteObjects")),
    ],
    ids=["cold setup", "updating setup", "destroy"],
)
async def test_a_server_that_never_answers_ends_in_an_error_within_the_bound(
    ministack: str,
    proxy: Proxy,
    baseline: Baseline,
    scenario: Scenario,
    operations: tuple[str, ...],
) -> None:
    pace = replace(CALM, read_timeout=3.0)
    harm = Harm()
    proxy.use(on(harm))

    async def run_cell(operation: str) -> None:
        hands = await scenario.prepare(ministack, baseline.accounts)
        harm.befall(hands.account, operation, Hang(forward=True))
        ran = await run(
            scenario.command, hands.account, proxy.url, pace=pace, seconds=BOUND, **scenario.options
        )
        assert ran.error is not None
        assert ran.error.code == "unreachable"
        assert operation in str(ran.error)
        assert ran.error.hint
        assert harm.done[hands.account] >= pace.attempts
        await succeed(scenario.command, hands.account, ministack, **scenario.options)
        assert baseline.is_right(scenario.command, await hands.inventory())

    await at_most(len(operations), [run_cell(operation) for operation in operations])


class Cell:
    """One operation, one fault, one account."""

    def __init__(
        self, ministack: str, proxy: Proxy, baseline: Baseline, scenario: Scenario, spot: Spot, fault: Fault
    ) -> None:
        self.spot = spot
        self.harm = Harm()
        self.problems: list[str] = []
        self._ministack = ministack
        self._proxy = proxy
        self._baseline = baseline
        self._scenario = scenario
        self._fault = fault

    async def run(self) -> None:
        """Run the cell; what is wrong is in ``problems``."""
        scenario = self._scenario
        self._hands = await scenario.prepare(self._ministack, self._baseline.accounts)
        account = self._hands.account
        self.harm.befall(
            account, self.spot.operation, self._fault.harm, self._fault.lasts(self.spot.occurrence)
        )
        pace = IMPATIENT if isinstance(self._fault.harm, Hang) else CALM
        try:
            ran = await run(
                scenario.command, account, self._proxy.url, pace=pace, seconds=BOUND, **scenario.options
            )
        except TimeoutError:
            self.problems.append(f"still running after {BOUND} s")
            return
        except Exception as bug:  # noqa: BLE001 - one cell must not end the others
            self.problems.append(f"traceback: {type(bug).__name__}: {bug}")
            return
        finally:
            # The account may serve another cell of the same test next.
            self.harm.spare(account)
        self._judge(ran, reached=self.harm.done[account] > 0)
        await self._run_again(ran)

    def _judge(self, ran: Ran, *, reached: bool) -> None:
        if not reached and not self.spot.last:
            self.problems.append("the fault did not happen")
        if ran.error is None:
            return
        if self._fault.error is None:
            self.problems.append(f"did not recover: {ran.error}")
        elif self.harm.last is None:
            self.problems.append(f"failed before the fault happened: {ran.error}")
        else:
            self.problems += judge_error(ran.error, self._fault.error, self.harm.last)

    async def _run_again(self, ran: Ran) -> None:
        command, options = self._scenario.command, self._scenario.options
        left = await self._hands.inventory()
        if ran.error is None and not self._baseline.is_right(command, left):
            self.problems.append(f"said that it was done, but left {left}")
        if self._scenario is COLD and left.versions > self._baseline.deployed.versions:
            self.problems.append("stored a package twice")
        again = await run(command, self._hands.account, self._ministack, **options)
        if again.error is not None:
            self.problems.append(f"the next run failed: {again.error}")
        elif not await self._is_right():
            self.problems.append(f"the next run left {await self._hands.inventory()}")
        elif ran.error is None and again.changed:
            self.problems.append("the next run found something to do")
        elif command == "setup":
            self._baseline.accounts.append(self._hands.account)

    async def _is_right(self) -> bool:
        return self._baseline.is_right(self._scenario.command, await self._hands.inventory())


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
