"""docs/reliability.md names for each failure of a debugged function the tests, which are there."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reliability.md"
_NAMED = re.compile(r"\[[^\]]+\]\((?P<file>[^)]+)\): (?P<cases>`[^`]+`(?:, `[^`]+`)*)")


def test_every_case_that_a_row_names_is_in_the_file_that_it_names() -> None:
    tables = [table for table in PAGE.read_text().split("\n\n") if table.startswith("| ")]
    rows = [line for each in tables if "| tests |" in each for line in each.splitlines()[2:]]
    assert len(rows) > 40
    for row in rows:
        named = list(_NAMED.finditer(row.rpartition(" | ")[2] or row))
        assert named, row
        for each in named:
            tests = (PAGE.parent / each["file"]).read_text()
            missing = [case for case in re.findall("`([^`]+)`", each["cases"]) if case not in tests]
            assert not missing, row
