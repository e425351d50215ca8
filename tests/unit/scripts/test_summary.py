"""The closing line of a test run, which CI's verdict hangs on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

# The sdist has the tests and not the scripts.
summary = pytest.importorskip("scripts._summary")

JUNIT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><skipped/></testcase>
<testcase name="d"><error/></testcase><testcase name="e"/>
</testsuite></testsuites>"""
FINE = '<testsuites><testsuite><testcase name="a"/></testsuite></testsuites>'


def sum_up(
    folder: Path,
    environments: dict[str, object] | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[int, str]:
    results = folder / "results.json"
    if environments is not None:
        results.write_text(json.dumps({"testenvs": environments}))
    monkeypatch.setattr(sys, "argv", ["summary", str(results), str(folder)])
    return summary.main(), capsys.readouterr().out


def ran(success: bool) -> dict[str, object]:
    return {"result": {"success": success}}


@pytest.mark.parametrize(
    ("environments", "junits", "expected"),
    [
        ({"py311": ran(True)}, {"py311": FINE}, (0, "1 passed, 0 failed\n")),
        ({"py311": ran(False)}, {"py311": JUNIT}, (1, "2 passed, 2 failed, 1 skipped\n")),
        # Without tests of its own it counts as one; so does one that fails behind its tests.
        ({"check": ran(True), "scan": ran(False)}, {}, (1, "1 passed, 1 failed\n")),
        ({"check": ran(False)}, {"check": FINE}, (1, "1 passed, 1 failed\n")),
        # Not asked for, or without its interpreter.
        (
            {"e2e": {}, "py314": {"result": {"success": False, "skipped": True}}, "x": ran(True)},
            {},
            (0, "1 passed, 0 failed\n"),
        ),
        ({}, {}, (1, "0 passed, 1 failed\n")),
        (None, {}, (1, "0 passed, 1 failed\n")),
    ],
)
def test_every_environment_counts_and_a_failure_is_never_lost(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environments: dict[str, object] | None,
    junits: dict[str, str],
    expected: tuple[int, str],
) -> None:
    for name, text in junits.items():
        (tmp_path / f"{name}.xml").write_text(text)
    assert sum_up(tmp_path, environments, monkeypatch, capsys) == expected
