"""docs/states.md says what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import plldb
from plldb.bootstrap.errors import FunctionsHeldError, StackFailedError, StackNotOursError, StackStuckError
from plldb.bootstrap.stack.decide import DESTROY, SETUP, Step
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.cli.bootstrap.explain import exit_code_of
from plldb.errors import SettingsError

PAGE = Path(plldb.__file__).parent.parent / "docs" / "states.md"


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table with this head."""
    table = PAGE.read_text("utf-8").split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip(" `") for cell in line.strip("|").split("|")]


def test_the_table_has_every_status_with_the_steps_of_setup_and_destroy() -> None:
    told = [tuple(row) for row in rows("status | setup | destroy")]
    names = {step: step.name.lower().replace("_", " ") for step in Step}
    statuses: list[StackStatus | None] = [None, *StackStatus]
    assert told == [
        (str(status or "(no stack)"), names[SETUP[status]], names[DESTROY[status]]) for status in statuses
    ]


def test_every_step_is_explained() -> None:
    assert {row[0] for row in rows("step | what happens")} == {
        step.name.lower().replace("_", " ") for step in Step
    }


def test_the_exit_codes_are_those_of_the_program() -> None:
    told = {int(row[0]): row[1] for row in rows("code | meaning")}
    assert set(told) == {0, 1, 2, 3, 130}
    assert exit_code_of(SettingsError("x")) == 2
    assert exit_code_of(StackFailedError("x", stack="plldb")) == 1
    assert exit_code_of(FunctionsHeldError("x", functions=())) == 3
    assert "`FunctionsHeldError" in told[3]
    for error in (StackStuckError, StackNotOursError):
        assert exit_code_of(error("x", stack="plldb")) == 3
        assert re.search(rf"\b{error.__name__}\b", told[3])
