"""Each state of things has its own words. Pure."""

from dataclasses import replace
from typing import Literal

import pytest

from plldb import bootstrap as ev
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.cli.bootstrap.plans import question
from plldb.cli.output.layout import Line
from plldb.errors import Hint
from tests.unit.cli import scripts
from tests.unit.cli.scripts import BUCKET, T0, Shown, a_run

PLAN = ev.SetupPlanned(
    bucket=BUCKET,
    bucket_change="none",
    repairs=(),
    artifacts=(),
    action="nothing",
    reason="all is as it should be",
    changes=(),
)
NOTES = scripts.removal(foreign=("notes.txt",))
SETUP = "plldb bootstrap setup --region eu-west-1 --profile work"
ENDPOINT = "http://127.0.0.1:4566"


def said(*events: Shown) -> str:
    words = a_run("--profile", "work").words
    items = [item for event in events for item in words(event, T0)]
    return "\n".join(f"{item.mark} {item.name}: {item.text}" for item in items if isinstance(item, Line))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (scripts.started(endpoint_url=ENDPOINT), f"none endpoint: {ENDPOINT}"),
        (scripts.started(), "none plldb: 0.2.0, setup of stack plldb"),
        (scripts.started(credentials="sso", profile="work"), "none signed in: with SSO, profile work"),
        (scripts.started(credentials="env", profile="work"), "signed in: with the keys in environment varia"),
        (scripts.status(target=scripts.target(credentials="new-way")), "none signed in: with new-way"),
        (scripts.started(dry_run=True), "none plldb: 0.2.0, dry run of setup of stack plldb"),
        (
            ev.BucketReady(bucket="b", created=False, repaired=("versioning", "TLS only")),
            "done bucket: b, repaired: versioning, TLS only",
        ),
        (ev.BucketReady(bucket="b", created=False, repaired=()), "same bucket: b in place"),
        (scripts.setup_finished(changed=False), "nothing to change, the deployment is up to date"),
        (PLAN, "same stack: nothing to do: all is as it should be"),
        (replace(PLAN, bucket_change="create"), f"busy bucket: would create {BUCKET}"),
        (scripts.removal(bucket=None), "same bucket: there is no artifact bucket"),
        (scripts.removal(stack_status=None), "same stack: there is no stack plldb"),
        (scripts.removal(keep_bucket=True), "with 12 object versions will be kept"),
        (scripts.removal(more=True), "with more than 12 object versions will be deleted"),
        (
            scripts.removal(foreign=("notes.txt",)),
            "will be kept, because of what plldb did not put there: notes.txt",
        ),
        (ev.BucketKept(bucket="b", reason="asked", found=()), "same bucket: b kept, as asked"),
        (ev.DestroyFinished(changed=False, bucket_kept=False), "nothing was there, nothing to do"),
        (ev.DestroyFinished(changed=True, bucket_kept=True), "removed; the bucket stays"),
        (ev.WatchFinished(stack_name="plldb", status=None), "there is no stack plldb"),
        (scripts.status(stack_status=None, healthy=False, deployed_version=None), "fail plldb: not deployed"),
        (scripts.status(stack_status=None, healthy=False, deployed_version=None), "installed, none deployed"),
        (
            scripts.status(made_by_plldb=False, healthy=False),
            "not deployed: another tool made the stack of that name",
        ),
        (scripts.status(made_by_plldb=False, healthy=False), "none next: use another account or region"),
        (
            scripts.status(stack_status=None, healthy=False),
            f"none next: `{SETUP}` deploys it",
        ),
        (
            scripts.status(stack_status=None, bucket_exists=False, healthy=False),
            f"none bucket: {BUCKET} does not exist",
        ),
        (
            scripts.status(made_by_plldb=False, bucket_exists=False, healthy=False),
            f"none bucket: {BUCKET} does not exist",
        ),
        (
            scripts.status(stack_status=StackStatus.ROLLBACK_COMPLETE, healthy=False),
            "fail plldb: not healthy: the stack is incomplete",
        ),
        (
            scripts.status(stack_status=StackStatus.ROLLBACK_COMPLETE, failures=(scripts.failure(),)),
            "fail cause: PLDDBSessions (AWS::DynamoDB::Table) CREATE_FAILED",
        ),
        (scripts.status(missing=(scripts.PART,), healthy=False), "deployed, but parts of it are missing"),
        (
            scripts.status(missing=(scripts.PART,), healthy=False),
            "the table PLLDBSessions (PLDDBSessions) is gone",
        ),
        (scripts.status(missing=(scripts.PART,), healthy=False), f"none next: `{SETUP}` repairs it"),
        (scripts.status(unexamined=("not allowed",)), "same unknown: not examined: not allowed"),
        (
            replace(PLAN, missing=(scripts.PART,)),
            "warn missing: the table PLLDBSessions (PLDDBSessions) is gone",
        ),
        (
            scripts.status(stack_status=StackStatus.ROLLBACK_COMPLETE, healthy=False),
            "none version: 0.2.0 installed; the stack was made by 0.2.0",
        ),
        (
            scripts.status(stack_status=StackStatus.ROLLBACK_COMPLETE, healthy=False),
            f"none next: `{SETUP}` repairs it",
        ),
        (
            scripts.status(stack_status=StackStatus.UPDATE_IN_PROGRESS, healthy=False),
            "busy plldb: the stack is being changed right now",
        ),
        (
            scripts.status(stack_status=StackStatus.UPDATE_IN_PROGRESS, healthy=False),
            "none next: `plldb bootstrap watch --region eu-west-1 --profile work` follows the change",
        ),
        (
            scripts.status(deployed_version="0.1.9"),
            f"none next: `{SETUP}` deploys the installed version",
        ),
        (scripts.status(status_reason="because"), "because"),
        (scripts.status(target=scripts.target(endpoint_url=ENDPOINT)), f"none endpoint: {ENDPOINT}"),
        (scripts.status(stack_status=StackStatus.UPDATE_IN_PROGRESS), "UPDATE_IN_PROGRESS: work goes on"),
        (
            ev.PreviousFailure(stack_name="plldb", status=StackStatus.ROLLBACK_COMPLETE, failures=()),
            "warn stack: plldb is in ROLLBACK_COMPLETE because an earlier operation failed:",
        ),
    ],
)
def test_an_event_has_these_words(event: Shown, words: str) -> None:
    assert words in said(event)


def test_artifacts_are_told_in_one_line_once_the_next_stage_begins() -> None:
    unchanged = [scripts.artifact(name, uploaded=False) for name in ("a", "b")]
    assert said(*unchanged) == ""
    told = said(*unchanged, ev.BucketDeleted(bucket="b"))
    assert told.startswith("same artifacts: all 2 in place, nothing uploaded\n")


@pytest.mark.parametrize(
    ("problems", "warnings", "unknown", "words"),
    [
        (0, 0, 0, "done plldb: ready"),
        (0, 1, 0, "done plldb: ready, 1 warning"),
        (0, 0, 2, "warn plldb: no problem found, 2 not examined"),
        (0, 1, 1, "warn plldb: no problem found, 1 warning, 1 not examined"),
        (2, 0, 0, "fail plldb: 2 problems, 0 warnings"),
        (1, 1, 1, "fail plldb: 1 problem, 1 warning, 1 not examined"),
    ],
)
def test_the_doctor_calls_ready_only_what_has_been_examined(
    problems: int, warnings: int, unknown: int, words: str
) -> None:
    findings = [ev.Finding(check="x", verdict="unknown", message="not allowed", remedy=None)] * unknown
    told = said(*findings, ev.DoctorFinished(problems=problems, warnings=warnings))
    assert words in told.splitlines()
    ready = "none next: `plldb attach STACK --profile work` debugs your stack STACK"
    assert (ready in told.splitlines()) == (words.startswith("done"))


@pytest.mark.parametrize("verdict", ["ok", "warning"])
def test_the_doctor_proposes_a_setup_where_something_is_missing(verdict: Literal["ok", "warning"]) -> None:
    bare = ev.Finding(check="bucket", verdict=verdict, message="none", remedy=Hint("set-up", "Make it."))
    told = said(bare, ev.DoctorFinished(problems=0, warnings=0)).splitlines()
    ready = "none next: `plldb bootstrap setup --profile work` deploys, or updates what is deployed"
    assert told[-1] == ready
    assert [line.partition(" ")[0] for line in told].count("none") == (3 if verdict == "warning" else 1)


def test_the_same_way_out_of_findings_one_after_the_other_is_said_once() -> None:
    remedy = Hint("allow-action", "Attach the policy.")
    found = ev.Finding(check="rights", verdict="problem", message="a is not allowed", remedy=remedy)
    told = said(found, replace(found, message="b is not allowed"), replace(found, remedy=None), found)
    marks = [line.partition(" ")[0] for line in told.splitlines()]
    assert marks == ["fail", "none", "fail", "fail", "fail", "none"]


def test_a_failure_without_a_reason_says_so() -> None:
    bare = replace(scripts.failure(reason=""), seconds=None, template_line=None)
    failed = ev.PreviousFailure(stack_name="plldb", status=StackStatus.CREATE_FAILED, failures=(bare,))
    assert said(failed).splitlines()[-2:] == [
        "fail cause: PLDDBSessions (AWS::DynamoDB::Table) CREATE_FAILED",
        "none : CloudFormation gives no reason",
    ]


def test_noise_of_cloudformation_is_left_out() -> None:
    event = scripts.stack_event(status="CREATE_IN_PROGRESS", reason="Resource creation Initiated")
    (row,) = a_run().words(event, T0)
    assert not isinstance(row, Line)
    assert row.reason == ""


@pytest.mark.parametrize(
    ("plan", "asked"),
    [
        (scripts.removal(), f"Delete the stack plldb and the bucket {BUCKET} for good?"),
        (NOTES, f"Delete the stack plldb and what plldb put into the bucket {BUCKET} for good?"),
        (scripts.removal(keep_bucket=True), "Delete the stack plldb for good?"),
        (scripts.removal(stack_status=None, bucket=None), None),
    ],
)
def test_the_question_names_what_will_be_deleted_and_nothing_else(
    plan: ev.RemovalPlanned, asked: str | None
) -> None:
    assert question(plan) == asked
