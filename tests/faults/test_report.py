"""docs/reliability.md tells of the operations and times that there are."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from plldb.aws.pace import Pace
from tests.faults.harm import FAULTS

if TYPE_CHECKING:
    import pytest

    from tests.faults.baseline import Baseline

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def test_the_report_in_the_repository_is_about_this_program(
    baseline: Baseline, pytestconfig: pytest.Config
) -> None:
    if pytestconfig.getoption("--write-report", default=False):
        return  # it is being written
    text = PAGE.read_text(encoding="utf-8")
    again = "run scripts/test -e faults -- --write-report"
    for scenario, operations in baseline.operations.items():
        section = text.partition(f"### {scenario[0].upper()}{scenario[1:]}\n")[2].partition("\n#")[0]
        rows = {line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if " | " in line}
        assert {row.removesuffix(" (last)") for row in rows} - {"operation", "---"} == set(operations), again
        assert [fault.name for fault in FAULTS if fault.name not in section] == [], again
    for field in fields(Pace):
        assert f"| `{field.name}` | {getattr(Pace(), field.name):g} |" in text, again
