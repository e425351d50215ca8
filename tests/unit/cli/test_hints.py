"""Every command that is proposed acts where the command acted, and says so if it deletes data. Pure."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from plldb.bootstrap.errors import StackFailedError, StackStuckError
from plldb.cli.bootstrap.explain import explain
from plldb.cli.command import Stopped
from plldb.cli.hints import Where, hint_steps, where_of
from plldb.cli.output.layout import Line
from plldb.cli.output.renderer import Step
from plldb.errors import CredentialsError, Hint, HintKind, PlldbError
from tests.unit.cli import scripts
from tests.unit.cli.scripts import T0, a_run, asked, target

pytestmark = pytest.mark.once

PLACE = {"--region", "--profile"}
COMMANDS = ("setup", "destroy", "watch")
HINTS = [Hint(kind, "Do it.", about="PLLDBSessions") for kind in get_args(HintKind)]
TYPED = ("--region", "us-west-2", "--profile", "work")
HERE = Where(regions=("us-west-2",), profile="work")
COMMAND = re.compile(r"(?:plldb (?:bootstrap|doctor)|aws [a-z]+) [^`]*")
DELETES = re.compile(r"bootstrap destroy|delete-(table|log-group|stack)")


def proposed() -> list[Step]:
    """What is proposed for every hint, error and end, with the operation running and without."""
    errors: list[PlldbError | Stopped] = [
        *(PlldbError("it failed", hint=hint) for hint in HINTS),
        StackFailedError("it failed", stack="plldb", status="ROLLBACK_COMPLETE"),
        StackStuckError("it failed", stack="plldb", status="DELETE_FAILED", hint=HINTS[0]),
        CredentialsError("expired"),
        Stopped(code="interrupted", reason="interrupted", exit_code=130),
    ]
    steps = [step for hint in HINTS for step in hint_steps(hint, asked("doctor"), "", HERE)]
    for script in ([scripts.started()], scripts.successful_setup()[:12]):
        for name in COMMANDS:
            for error in errors:
                run = a_run(name, *TYPED)
                for event in script:
                    run.progress.add(event, T0.timestamp())
                steps += explain(asked("bootstrap", name, *TYPED), error, [run]).steps
    return steps


def test_every_command_that_is_proposed_carries_region_and_profile() -> None:
    for step in proposed():
        assert set(step.command.split()) >= PLACE, step
    run = a_run(*TYPED, region="us-west-2")
    items = [item for event in scripts.EXAMPLES for item in run.words(event, T0)]
    said = [item.text for item in items if isinstance(item, Line)]
    commands = [found.split() for text in said for found in COMMAND.findall(text)]
    assert commands
    assert all(set(command) >= PLACE for command in commands), commands


def test_a_command_that_deletes_data_says_so() -> None:
    deleting = [step for step in proposed() if DELETES.search(step.command)]
    assert {step.command.split()[2] for step in deleting} >= {"destroy", "delete-table", "delete-log-group"}
    for step in deleting:
        again = "bootstrap destroy" in step.command and ("again" in step.purpose or "go on" in step.purpose)
        assert "delete" in step.purpose or again, step


def test_a_region_of_the_shell_is_named_in_what_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    settings = asked("doctor").settings
    assert where_of(settings, None, None) == Where(regions=("eu-west-1",), profile="work")
    assert where_of(settings, "us-west-2", None).regions == ("us-west-2",)
    assert where_of(settings, None, target(region="us-east-1")).regions == ("us-east-1",)
    assert where_of(asked("doctor", "--profile", "other").settings, None, None).profile == "other"


def test_a_profile_that_the_keys_of_the_shell_overrule_is_not_proposed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With --profile botocore would take the keys of the profile.
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    assert where_of(asked("doctor").settings, None, None).profile is None
