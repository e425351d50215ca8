"""What ``scripts/bench`` computes from what it has measured."""

from __future__ import annotations

from pathlib import Path

import pytest

# The sdist has the tests and not the scripts.
installed = pytest.importorskip("scripts.benchmark.installed")
measure = pytest.importorskip("scripts.benchmark.measure")
session = pytest.importorskip("scripts.benchmark.session")
startup = pytest.importorskip("scripts.benchmark.startup")
targets = pytest.importorskip("scripts.benchmark.targets")


def test_the_table_of_a_session_has_a_target_for_each_of_its_rows() -> None:
    pairs = [(1.0, 1.4), (2.0, 2.6)]
    chain = dict.fromkeys([(0.0, 1000, 1000), (0.015, 1000, 1000), (0.015, 5_900_000, 10)], pairs)
    rows = [
        *session.agent_rows(
            dict.fromkeys(["warm", "durations", "cold"], pairs), chain | {(0.015, 10, 5_900_000): pairs}
        ),
        *session.arming_rows({"arm 1": [3.1], "restore 1": [1.0], "arm 30": [8.0], "restore 30": [5.0]}),
        *session.crowd_rows(memory=201.0, rates=[299.0], used=3.0),
    ]
    verdicts = {row.what: row.met for row in rows if row.target}
    missed = {"arm 1 function", "200 invocations at once", "memory with 100 idle sandboxes, workers apart"}
    assert {what for what, met in verdicts.items() if not met} == missed
    assert rows[0].measured == "0.50 ms"


def test_a_median_beyond_its_limit_is_a_missed_target() -> None:
    assert targets.at_most("trips", [7, 8, 9], 8).met is True
    missed = targets.at_most("trips", [8, 9, 9], 8)
    assert (missed.met, missed.measured, missed.runs) == (False, "9", "8-9")
    assert targets.sure("trips", range(101), 8).runs == "40-60"


def test_a_peer_that_was_not_measured_meets_and_misses_nothing() -> None:
    [row] = targets.ratio(
        "cold", {"steps": {"plldb cold": {"seconds": [1.0]}}}, "plldb cold", "cdk cold", 0.5
    )
    assert (row.met, row.measured) == (None, "not measured")


def test_what_must_never_happen_is_judged_by_the_worst_run() -> None:
    row = targets.never_more_than("writes", [0, 0, 0, 2], 0)
    assert (row.what, row.met, row.measured, row.runs) == ("writes, worst run", False, "2", "0-2")
    assert targets.never_more_than("writes", [0, 0], 0).met is True


def test_a_ratio_is_that_of_the_medians_and_has_its_range_run_by_run() -> None:
    steps = {"ours": {"seconds": [1.0, 1.2, 5.0]}, "theirs": {"seconds": [2.0, 2.4, 5.0]}}
    [row] = targets.ratio("cold", {"steps": steps}, "ours", "theirs", 0.5)
    assert (row.met, row.measured, row.runs) == (True, "0.50 x (1.20 s, 2.40 s)", "0.50-1.00")


def test_the_ratio_of_a_start_is_that_of_most_rounds_whoever_disturbs_some() -> None:
    seconds = {
        startup.REFERENCE: [0.03, 0.03, 0.03, 0.06, 0.06],
        "--help": [0.033, 0.033, 0.066, 0.066, 0.066],
    }
    [row, _] = targets.judge({"startup": {"seconds": seconds, "heavy_imports": {"--help": []}}})
    assert (row.met, row.measured) == (True, "1.10 x (66 ms, 30 ms)")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    handler = tmp_path / installed.HANDLER
    handler.parent.mkdir(parents=True)
    handler.write_text("def handler(): ...\n")
    (tmp_path / "other.py").touch()
    return tmp_path


def test_an_edit_of_ones_own_is_no_disturbance_and_is_undone(package: Path) -> None:
    copy, handler = installed.Installed(package), package / installed.HANDLER
    with copy.restoring_handler():
        copy.edit_handler()
        once = handler.read_text()
        copy.edit_handler()
        assert handler.read_text() != once != "def handler(): ...\n"
        copy.check()
    assert handler.read_text() == "def handler(): ...\n"
    copy.check()


@pytest.mark.parametrize("name", [installed.HANDLER, "other.py", "new.py"])
def test_a_file_that_somebody_else_changes_stops_the_run_and_is_named(package: Path, name: str) -> None:
    copy = installed.Installed(package)
    (package / name).write_text("# somebody else\n")
    with pytest.raises(measure.MeasuringError, match=Path(name).name):
        copy.check()
    with pytest.raises(measure.MeasuringError), copy.restoring_handler():
        copy.edit_handler()
