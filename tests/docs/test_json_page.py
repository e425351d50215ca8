"""docs/json.md names every kind of line, every field and its type, and lines are what it says."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from plldb import bootstrap, debugger
from plldb.aws.place import Target
from plldb.cli.bootstrap import operations as bootstrap_operations
from plldb.cli.debugger import operations as debugger_operations
from plldb.cli.debugger.replay import operation as replay_operation
from plldb.cli.output.jsonlines import fields_of, problem_fields
from plldb.cli.output.renderer import Problem, Step
from tests.conftest import RunPlldb
from tests.docs.json_page import PAGE, find_faults_in_object, read_fields, read_lines
from tests.docs.pages import read_section

LINES = (
    *(*get_args(bootstrap.Event), bootstrap.BootstrapStatus),
    *(*get_args(debugger.Event), debugger.DebuggerStatus, debugger.Invoked),
)
OBJECTS = (
    *(
        Target,
        bootstrap.Deployment,
        bootstrap.Failure,
        bootstrap.ArtifactPlan,
        bootstrap.ResourceChange,
        bootstrap.StackPart,
        Step,
    ),
    *(debugger.PlannedFunction, debugger.DifferingCode, debugger.HeldFunction, debugger.FunctionHolder),
    *(debugger.AttachedSession, debugger.Caller, debugger.InvocationRecord, debugger.FunctionError),
)


def samples(hint: Any) -> list[Any]:
    """Values of a type of an event, one for each way that it can be."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return [value for each in arguments for value in samples(each)]
    if origin is Literal:
        return list(arguments)
    if origin is Mapping:
        return [{"Name": samples(arguments[1])[-1]}]
    if origin is tuple:
        return [(), tuple(samples(arguments[0]))]
    if hint is Any:
        return [None, {"a": [1, None]}]
    if hint is NoneType:
        return [None]
    if hint is datetime:
        return [datetime(2026, 11, 23, 12, tzinfo=UTC)]
    if hint is bool:
        return [True, False]
    if hint in (str, int, float):
        return [hint(1)]
    if dataclasses.is_dataclass(hint):
        return instances(hint)
    if issubclass(hint, str):
        return [hint("CREATE_COMPLETE")]
    raise NotImplementedError(hint)


def instances(cls: Any) -> list[Any]:
    """Instances in which each field has each of its samples at least once."""
    fields = {name: samples(hint) for name, hint in get_type_hints(cls).items()}
    longest = max(map(len, fields.values()))
    return [
        cls(**{name: values[number % len(values)] for name, values in fields.items()})
        for number in range(longest)
    ]


@pytest.mark.parametrize("cls", LINES, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_event_is_what_the_page_says(cls: Any) -> None:
    for event in instances(cls):
        told = json.loads(json.dumps(fields_of(event)))
        assert not find_faults_in_object(told, event.kind, event.kind)
        assert not told.keys() & read_fields("Every line").keys(), "it would be overwritten"


def test_page_has_no_kind_that_is_never_written() -> None:
    headings = set(re.findall(r"^### (\w+)$", PAGE.read_text(), re.MULTILINE))
    known = {re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower() for cls in (*LINES, *OBJECTS)}
    assert headings == known | {"finished", "failed"}


ENDS = [cls for cls in LINES if isinstance(getattr(cls, "outcome", None), property)]


@pytest.mark.parametrize("cls", ENDS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_event_with_an_outcome_is_the_result_of_a_command(cls: Any) -> None:
    of_bootstrap = partial(bootstrap_operations.result_of, dry_run=True)
    result_of = (
        of_bootstrap if cls.__module__.startswith("plldb.bootstrap.") else debugger_operations.result_of
    )
    for event in instances(cls):
        result = replay_operation.result_of(event) if cls is debugger.ReplayFinished else result_of(event)
        assert result is not None
        assert result.name == event.outcome


def test_page_names_every_result() -> None:
    rows = re.findall(r"^\| (`.+?`) \|", read_section(PAGE, "The fields of each result"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    results = {
        word
        for each in (cls.outcome.fget for cls in ENDS)
        for word in get_args(get_type_hints(each)["return"])
    }
    assert named == results


def test_a_failure_is_what_the_page_says() -> None:
    failure = instances(bootstrap.Failure)
    problem = Problem(
        operation=None,
        code="stack-failed",
        message="m",
        hint="h",
        exit_code=1,
        failures=tuple(failure),
        steps=(Step(purpose="p", command="c"),),
    )
    assert not find_faults_in_object(json.loads(json.dumps(problem_fields(problem))), "failed", "failed")


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    """The kinds of lines in order, each run of the same one once."""
    found: list[str] = []
    for line in lines:
        if found[-1:] != [line["kind"]]:
            found.append(line["kind"])
    return found


async def test_lines_of_real_runs_are_what_the_page_says(plldb_cli: RunPlldb) -> None:
    async def lines_of(*command: str) -> list[dict[str, Any]]:
        return read_lines((await plldb_cli(*command, "--output", "json")).stdout)

    assert kinds(await lines_of("doctor")) == ["finding", "started", "finding", "finished"]
    assert kinds(await lines_of("bootstrap", "setup", "--dry-run")) == ["started", "finished"]
    assert kinds(await lines_of("bootstrap", "setup")) == [
        *("started", "bucket_ready", "artifact_ready", "template_published", "action_decided"),
        *("operation_started", "stack_event", "operation_finished", "finished"),
    ]
    changes = (await lines_of("bootstrap", "setup", "--tag", "a=b", "--dry-run"))[-1]["changes"]
    assert changes
    assert (await lines_of("bootstrap", "setup"))[-1]["result"] == "unchanged"
    assert kinds(await lines_of("bootstrap", "status")) == ["finished"]
    assert kinds(await lines_of("bootstrap", "watch"))[-1] == "finished"
    assert kinds(await lines_of("restore", "--all")) == ["started", "finished"]
    assert kinds(await lines_of("status")) == ["finished"]
    assert kinds(await lines_of("bootstrap", "destroy", "--dry-run")) == ["started", "finished"]
    assert kinds(await lines_of("bootstrap", "destroy")) == [
        *("started", "removal_planned", "action_decided", "operation_started", "stack_event"),
        *("operation_finished", "bucket_emptied", "bucket_deleted", "finished"),
    ]


@pytest.mark.parametrize(
    ("command", "env", "code"),
    [
        (("bootstrap", "setup", "--region", "no_region"), {}, "settings"),
        (("bootstrap", "status", "--profile", "nobody"), {}, "settings"),
        (("bootstrap", "setup", "--tag", "nonsense"), {}, "usage"),
        (("bootstrap", "setup"), {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "credentials"),
    ],
)
async def test_a_run_that_fails_early_has_one_line_which_is_what_the_page_says(
    command: tuple[str, ...], env: dict[str, str | None], code: str, plldb_cli: RunPlldb
) -> None:
    done = await plldb_cli(*command, "--output", "json", env=env)
    (line,) = read_lines(done.stdout)
    assert (line["kind"], line["code"], line["exit_code"]) == ("failed", code, done.code)


async def test_several_regions_are_what_the_page_says(plldb_cli: RunPlldb) -> None:
    regions = ("--region", "eu-west-1", "--region", "no_region")
    done = await plldb_cli("bootstrap", "status", *regions, "--output", "json")
    lines = read_lines(done.stdout, "region")
    assert sorted(kinds(lines[:-1])) == ["region_failed", "region_finished"]
    last = lines[-1]
    assert last.keys() - {"version", "kind", "time", "region"} == {
        "operation",
        "code",
        "exit_code",
        "regions",
    }
    assert (last["kind"], last["region"], last["code"]) == ("failed", None, "regions-failed")
    assert last["exit_code"] == done.code == 2
    assert [each.keys() for each in last["regions"]] == [{"region", "exit_code", "said"}] * 2
