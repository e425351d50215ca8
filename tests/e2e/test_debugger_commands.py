"""attach, restore and status where there is nothing: said in two lines, with the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunPlldb


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("attach", "shop"), 1, ["plldb is not set up", "plldb bootstrap setup --region eu-west-1"]),
        (("invoke", "nowhere"), 1, ["There is no function nowhere in account"]),
        (("invoke", "a b"), 2, ["'a b' cannot be a function"]),
        (("invoke", "a", "b", "c"), 2, ["Give a function, or a stack and one of its functions"]),
        (("invoke", "a", "--event", "absent"), 2, ["'absent' cannot be read: No such file"]),
        (("restore", "nowhere"), 1, ["There is no stack and no function nowhere in region eu-west-1."]),
        (("restore", "--stack-name", "nowhere"), 1, ["There is no stack nowhere"]),
        (("status", "nowhere"), 1, ["There is no stack nowhere"]),
        (("restore", "--all"), 0, ["nothing to restore"]),
        (("status",), 0, ["no function is armed"]),
        (("attach",), 2, ["Give the name of a stack, or functions"]),
        (("attach", "shop", "--wait", "--no-debug"), 2, ["cannot be used together"]),
        (("attach", "shop", "--region", "a,b"), 2, ["one region at a time"]),
        (("attach", "shop", "--for", "0"), 2, ["--for"]),
        (("attach", "shop", "--for", "nan"), 2, ["'nan' is not a number of hours above 0, at most 168"]),
        (("attach", "shop", "--until-idle", "60s"), 2, ["--until-idle", "'60s' is not a number of seconds"]),
        (("attach", "shop", "--record", ""), 2, ["--record", "it is empty"]),
        (("invoke", "a", "--event", "{}"), 2, ["--data takes the event itself"]),
        (("invoke", "a", "--data", "{"), 2, ["--data is not JSON: line 1"]),
    ],
)
async def test_what_cannot_be_done_is_said(
    plldb_cli: RunPlldb, command: tuple[str, ...], code: int, words: list[str]
) -> None:
    done = await plldb_cli(*command)
    said = done.stdout + done.stderr
    assert done.code == code, done
    assert all(each in said for each in words), done
    assert "Traceback" not in said
