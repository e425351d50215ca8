"""What ``scripts/bench`` computes from what it has measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# The sdist has the tests and not the scripts.
chain = pytest.importorskip("scripts.benchmark.chain")
installed = pytest.importorskip("scripts.benchmark.installed")
measure = pytest.importorskip("scripts.benchmark.measure")
startup = pytest.importorskip("scripts.benchmark.startup")
targets = pytest.importorskip("scripts.benchmark.targets")

TEMPLATE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      GlobalSecondaryIndexes: [{IndexName: ByName}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      Version: 2012-10-17
      Account: !Ref AWS::AccountId
      Table: !Sub "arn:${AWS::Partition}:table/Table/${!Literal}"
  Function:
    Type: AWS::Lambda::Function
    Properties: {Role: !GetAtt Role.Arn}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Function
      SourceArn: !Sub "arn:${Api}/${Stage.Name}"
  Api: {Type: AWS::ApiGatewayV2::Api}
  Stage: {Type: AWS::ApiGatewayV2::Stage, DependsOn: Api}
"""


def test_a_resource_waits_for_what_ref_getatt_sub_and_depends_on_name() -> None:
    graph = chain.read_graph(TEMPLATE)
    assert {name: set(each.waits_for) for name, each in graph.items()} == {
        "Table": set(),
        "Role": set(),
        "Function": {"Role"},
        "Permission": {"Function", "Api", "Stage"},
        "Api": set(),
        "Stage": {"Api"},
    }


def test_the_chain_that_is_ready_last_is_found() -> None:
    spans = chain.schedule(chain.read_graph(TEMPLATE))
    assert chain.tell_chain(chain.find_chain(spans)) == "Table 45 s"
    assert (
        chain.tell_chain(chain.find_chain(spans, at_least=2))
        == "Role 17 s -> Function 5 s -> Permission 2 s = 24 s"
    )


def test_a_role_that_waits_for_a_table_is_noticed() -> None:
    slow = TEMPLATE.replace("!Ref AWS::AccountId", "!GetAtt Table.Arn")
    assert chain.find_before(chain.read_graph(TEMPLATE), chain.ROLE) == set()
    assert chain.find_before(chain.read_graph(slow), chain.ROLE) == {chain.TABLE}


def test_the_drawing_has_a_bar_from_beginning_to_end() -> None:
    drawing = chain.draw(chain.schedule(chain.read_graph(TEMPLATE)))
    assert f"Function    {' ' * 17}##### 22 s" in drawing.splitlines()


def test_a_median_beyond_its_limit_is_a_missed_target() -> None:
    assert targets.at_most("trips", [7, 8, 9], 8).met is True
    missed = targets.at_most("trips", [8, 9, 9], 8)
    assert (missed.met, missed.measured, missed.runs) == (False, "9", "8-9")


def test_a_peer_that_was_not_measured_meets_and_misses_nothing() -> None:
    [row] = targets.ratio(
        "cold", {"steps": {"plldb cold": {"seconds": [1.0]}}}, "plldb cold", "cdk cold", 0.5
    )
    assert (row.met, row.measured) == (None, "not measured")


def test_import_times_are_read_and_summed() -> None:
    output = (
        "import time:       120 |        500 |   botocore.session\nimport time: 80 | 80 | plldb.aws\nother"
    )
    modules = startup.read_import_times(output)
    assert startup.sum_import_times(modules) == {"aiobotocore, botocore, aiohttp": 0.1, "plldb": 0.1}


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


def test_a_row_that_allows_for_noise_says_so() -> None:
    ages = [{"history": 10, "requests_per_second": 1.0, "cpu_seconds": 1.0}] * 2
    cost = {"first_us": 3.0, "last_us": 3.5}
    rows = targets.judge({"history": ages, "timeline": cost})
    assert {row.target for row in rows} == {"≤ 1.25 x (constant, but for noise)"}
    assert [row.met for row in rows] == [True, True, True]
    assert targets.judge({"history": ages, "timeline": {**cost, "last_us": 3.8}})[-1].met is False


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


def test_what_python_compiles_is_no_change(package: Path) -> None:
    copy = installed.Installed(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "other.pyc").touch()
    copy.check()


def test_the_same_thing_runs_once_at_a_time_and_leaves_no_lock(tmp_path: Path) -> None:
    lock = (
        sys.executable,
        str(Path(measure.__file__).parents[1] / "_lock.py"),
        str(tmp_path / "lock"),
        "this",
    )
    inner = (*lock, sys.executable, "-c", "print('inner')")
    program = f"import subprocess; done = subprocess.run({inner!r}, capture_output=True, text=True); " + (
        "print(done.returncode, done.stdout, done.stderr)"
    )
    outer = subprocess.run((*lock, sys.executable, "-c", program), check=True, capture_output=True, text=True)
    assert outer.stdout.startswith("1  error: this runs in this checkout already (process ")
    again = subprocess.run(inner, check=True, capture_output=True, text=True)
    assert again.stdout == "inner\n"
