from __future__ import annotations

import os
import shutil

import asyncclick
import pytest

from tests.unit.cli.scripts import asked


def test_folders_and_variables_are_read_and_no_value_of_a_variable_is_proposed_again() -> None:
    found = asked(
        *("attach", "shop", "--code", "src", "--code", "Orders=a/b=c", "--code", "Nested/Bills=../bills"),
        *("--env", "DB_HOST=localhost", "--env", "PATH", "--env", "EMPTY=", "--env", "URL=a=b"),
    )
    assert (found.values["code"], found.values["folders"]) == (
        "src",
        {"Orders": "a/b=c", "Nested/Bills": "../bills"},
    )
    assert found.values["env"] == {
        "DB_HOST": "localhost",
        "PATH": os.environ["PATH"],
        "EMPTY": "",
        "URL": "a=b",
    }
    again = " ".join(found.words)
    assert "--code src --code Orders=a/b=c --code Nested/Bills=../bills" in again
    assert "--env DB_HOST --env PATH --env EMPTY --env URL" in again
    assert os.environ["PATH"] not in again
    plain = asked("attach", "shop")
    assert (plain.values["code"], plain.values["folders"], plain.values["env"]) == (".", {}, {})
    assert asked("attach", "shop", "--code", "./a=b").values["code"] == "./a=b"
    for named, python in (("sh", shutil.which("sh")), ("./sh", "./sh"), ("no-such", "no-such")):
        assert asked("attach", "shop", "--python", named).values["python"] == python


@pytest.mark.parametrize("command", ["attach", "restore"])
def test_stacks_are_words_or_options_and_are_proposed_again_as_they_were_given(command: str) -> None:
    found = asked(command, "shop", "Orders", "--stack-name", "a", "--stack-name", "b")
    assert (found.values["stacks"], found.values["names"]) == (("a", "b"), ("shop", "Orders"))
    assert found.words == ("shop", "Orders", "--stack-name", "a", "--stack-name", "b")
    assert asked("status", "a", "b").words == ("a", "b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--code", "a", "--code", "b"), "the folder of the project is given twice"),
        (("--code", "F=a", "--code", "F=b"), "the folder of F is given twice"),
        (("--code", "F="), "the folder of F is empty"),
        (("--code", ""), "it is empty"),
        (("--where", "headers.x-debug"), "'headers.x-debug' has no '=': a condition is PATH=PATTERN, for"),
        (("--env", "1A=b"), "a variable is given as NAME=VALUE"),
        (("--record", __file__), "' is no folder: name one, or a new one, which is then made."),
        (("--env", "=b"), "a variable is given as NAME=VALUE"),
        (("--env", "NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE has no value"),
        (("--env", "AWS_LAMBDA_RUNTIME_API=x"), "AWS_LAMBDA_RUNTIME_API is set by Lambda itself"),
        (("--env", "_HANDLER=x"), "_HANDLER is set by Lambda itself"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(options: tuple[str, ...], message: str) -> None:
    with pytest.raises(asyncclick.UsageError) as raised:
        asked("attach", "shop", *options)
    assert message in raised.value.format_message()


@pytest.mark.parametrize(("command", "proposed"), [("attach", "status"), ("restore", "restore shop")])
def test_what_a_second_ctrl_c_proposes_acts_where_the_command_acted(command: str, proposed: str) -> None:
    told = asked(command, "shop", "--region", "us-west-2", "--profile", "work").interrupted
    (line,) = [part for part in told.split("'") if part.startswith("plldb ")]
    assert {*line.split()} >= {*proposed.split(), "--region", "us-west-2", "--profile", "work"}
