"""docs/reliability.md names for each failure of a debugged function the tests, which are there."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reliability.md"
_NAMED = re.compile(r"\[[^\]]+\]\((?P<file>[^)]+)\): (?P<cases>`[^`]+`(?:, `[^`]+`)*)")


def test_every_case_that_a_row_names_is_in_the_file_that_it_names() -> None:
    section = PAGE.read_text().partition("## A debugged function")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for row in rows:
        named = list(_NAMED.finditer(row.rpartition(" | ")[2] or row))
        assert named, row
        for each in named:
            tests = (PAGE.parent / each["file"]).read_text()
            missing = [case for case in re.findall("`([^`]+)`", each["cases"]) if case not in tests]
            assert not missing, row
