"""The program as a person sees it: on a terminal, with a live line, a keyboard and a window to resize."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest

from plldb import bootstrap
from tests.e2e.holdings import BRISK, collect, list_rest, read_stack
from tests.support import program
from tests.support.behaviours import on
from tests.support.environment import REGION
from tests.support.events import PacedEvents, Pacing
from tests.support.screens import on_screen, on_terminal
from tests.support.template import RESOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import OpenClient
    from tests.support.proxy import Proxy

CTRL_C = "\x03"
LIVE = rf"\d+/{RESOURCES}  \S+  waiting for"
EVENT = re.compile(r"^\d\d:\d\d:\d\d (\S+) .* (\w+_(?:PROGRESS|COMPLETE))", re.MULTILINE)


@pytest.fixture
def paced() -> PacedEvents:
    """Events of operations, some of them while one looks on, and the rest as soon as it is hastened."""
    return PacedEvents(Pacing(seconds=60))


@pytest.fixture
def slow_env(aws_env: dict[str, str], proxy: Proxy, paced: PacedEvents) -> dict[str, str]:
    """AWS with operations that take their time."""
    proxy.use(on(paced, "cloudformation"))
    return aws_env | {"AWS_ENDPOINT_URL": proxy.url}


@pytest.mark.parametrize("columns", [80, 200])
async def test_a_setup_is_a_log_of_events_above_one_live_line(
    slow_env: dict[str, str], paced: PacedEvents, tmp_path: Path, columns: int
) -> None:
    async with on_terminal("bootstrap", env=slow_env, cwd=tmp_path, columns=columns) as screen:
        await screen.read_until(LIVE)
        rows = on_screen(screen.text).splitlines()
        assert re.search(LIVE, rows[-1])
        assert len([row for row in rows if re.search(LIVE, row)]) == 1
        assert max(map(len, rows)) <= columns
        paced.hasten()
        assert await screen.finish() == 0
    shown = on_screen(screen.text)
    assert not re.search(LIVE, shown)
    events = EVENT.findall(shown)
    # A beginning and an end of each, and of the stack.
    assert len(events) == len(set(events)) == 2 * (RESOURCES + 1)
    assert (events[0], events[-1]) == (("plldb", "CREATE_IN_PROGRESS"), ("plldb", "CREATE_COMPLETE"))
    assert "\n✔ plldb      deployed\n" in shown


async def test_a_terminal_that_is_said_to_be_none_gets_lines_and_nothing_else(
    aws_env: dict[str, str], tmp_path: Path
) -> None:
    env = aws_env | {"TTY_COMPATIBLE": "0"}
    async with on_terminal("bootstrap", env=env, cwd=tmp_path) as screen:
        assert await screen.finish() == 0
    text = screen.text.replace("\r\n", "\n")  # a terminal itself writes the first
    assert not re.search(r"[\x1b\r]", text)
    assert "signed in  with the keys in environment variables" in text
    # Once more where the end of the operation is told.
    assert len(re.findall(r" CREATE_(?:IN_PROGRESS|COMPLETE)\b", text)) == 2 * (RESOURCES + 1) + 1


async def test_a_window_that_is_resized_again_and_again_does_no_harm(
    slow_env: dict[str, str], paced: PacedEvents, tmp_path: Path
) -> None:
    async with on_terminal("bootstrap", env=slow_env, cwd=tmp_path, columns=100) as screen:
        for columns in (40, 200, 1, 80):
            await screen.read_more(rf"\d+/{RESOURCES}")
            screen.resize(columns)
        paced.hasten()
        assert await screen.finish() == 0
    assert "WebSocketUrl:" in screen.text


async def test_ctrl_c_leaves_the_ways_on_below_the_log_and_a_destroy_waits_for_the_creation(
    slow_env: dict[str, str], paced: PacedEvents, open_client: OpenClient, tmp_path: Path
) -> None:
    async with on_terminal("bootstrap", env=slow_env, cwd=tmp_path) as screen:
        await screen.read_until(LIVE)
        screen.type(CTRL_C)
        assert await screen.finish() == 130
    *log, error, hint, watch, again, undo = on_screen(screen.text).rstrip().splitlines()
    assert not re.search(LIVE, "\n".join(log))
    assert error == "error: interrupted: plldb bootstrap setup has stopped"
    assert hint.startswith("hint: CloudFormation goes on")
    assert (watch, again, undo) == (
        f"  watch it:                   plldb bootstrap watch --region {REGION}",
        f"  go on with it:              plldb bootstrap setup --region {REGION}",
        f"  undo it (delete all of it): plldb bootstrap destroy --region {REGION}",
    )
    # Whose creation a destroy meets then, and what it does about it.
    waiting = f"waiting for the create of plldb that an earlier run of plldb began, {RESOURCES} resources"
    async with program.started("bootstrap", "destroy", "--yes", env=slow_env, cwd=tmp_path) as destroy:
        before = await destroy.read_until(waiting)
        paced.hasten()
        undone = await destroy.finish()
    assert undone.code == 0, undone
    assert "delete of plldb has begun" not in before
    assert "delete of plldb has begun" in undone.stdout
    assert "not ours" not in before + undone.stdout
    assert not await list_rest(open_client)


async def test_destroy_asks_and_does_as_it_is_told(
    aws_env: dict[str, str], open_client: OpenClient, tmp_path: Path
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    for answer, code, said in (
        ("n\n", 1, "nothing was deleted"),
        (CTRL_C, 130, "error: interrupted: plldb bootstrap destroy has stopped"),
        ("y\n", 0, "removed, nothing is left"),
    ):
        assert (await read_stack(open_client))["StackStatus"] == "CREATE_COMPLETE"
        async with on_terminal("bootstrap", "destroy", env=aws_env, cwd=tmp_path) as screen:
            await screen.read_until(r"for good\? \[y/N\]")
            screen.type(answer)
            assert await screen.finish() == code
        assert said in on_screen(screen.text)
    assert not await list_rest(open_client)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_question_for_an_mfa_code_can_be_interrupted(
    aws_env: dict[str, str], account: str, tmp_path: Path, number: signal.Signals
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"[profile keys]\naws_access_key_id = {account}\naws_secret_access_key = x\n"
        f"[profile mfa]\nrole_arn = arn:aws:iam::{account}:role/dev\nsource_profile = keys\n"
        f"mfa_serial = arn:aws:iam::{account}:mfa/dev\n"
    )
    env = aws_env | {"AWS_CONFIG_FILE": str(config)}
    asked = ("bootstrap", "status", "--profile", "mfa")
    async with on_terminal(*asked, env=env, cwd=tmp_path, columns=80) as screen:
        await screen.read_until("Enter MFA code")
        screen.process.send_signal(number)
        assert await screen.finish() == 130
    assert "interrupted" in screen.text
    assert "Traceback" not in screen.text
