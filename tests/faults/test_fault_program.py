"""Each fault once for the installed program, in turn for its commands, and each error for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.baseline import COLD, DESTROY, UPDATE, Baseline, Scenario
from tests.faults.cli import command_line, judge_output, run_plldb
from tests.faults.harm import FAULTS, Fault, Harm
from tests.faults.library import at_most, succeed
from tests.support.behaviours import on
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path


OPERATIONS = (
    (COLD, ("CreateStack", "PutObject", "DescribeStackEvents")),
    (UPDATE, ("UpdateStack", "ListObjectVersions", "DescribeStacks")),
    (DESTROY, ("DeleteStack", "DeleteObjects", "DescribeStackEvents")),
)


async def test_the_program_recovers_or_says_in_two_lines_what_is_wrong_and_the_next_run_ends_right(
    ministack: str, proxy: Proxy, baseline: Baseline, tmp_path: Path
) -> None:
    harm = Harm()
    proxy.use(on(harm))

    async def run_cell(scenario: Scenario, fault: Fault, operation: str) -> list[str]:
        hands = await scenario.prepare(ministack, baseline.accounts)
        harm.befall(hands.account, operation, fault.harm, fault.lasts(1))
        arguments = (*command_line(scenario.command), *(["--tag", "team=c"] if scenario is UPDATE else []))
        ran = await run_plldb(proxy.url, hands.account, *arguments, cwd=tmp_path)
        problems = judge_output(ran)
        if ran.code != (0 if fault.error is None else 1):
            problems.append(f"exit code {ran.code}: {ran}")
        if not harm.done[hands.account]:
            problems.append("the fault did not happen")
        harm.spare(hands.account)
        await succeed(scenario.command, hands.account, ministack)
        if not baseline.is_right(scenario.command, left := await hands.inventory()):
            problems.append(f"the next run left {left}")
        return [f"{scenario.name}, {operation}, {fault.name}: {problem}" for problem in problems]

    cells = [
        run_cell(scenario, fault, operations[index % len(operations)])
        for number, (scenario, operations) in enumerate(OPERATIONS)
        for index, fault in enumerate(FAULTS)
        # How a run goes on is the library's, for which test_fault_matrix tries all at all operations.
        if fault.error is not None or index % len(OPERATIONS) == number
    ]
    assert not [problem for problems in await at_most(4, cells) for problem in problems]
