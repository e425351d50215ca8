"""The programs in the documentation run, and a strict type checker likes them."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import EXAMPLES, PAGES, Block, read_blocks
from tests.support.environment import invent_account
from tests.support.template import RESOURCES

BLOCKS = [block for page in PAGES for block in read_blocks(page, "python")]
BUCKET = "plldb-core-infrastructure"


async def run(*command: str | Path, env: dict[str, str], code: int = 0) -> str:
    """What a program prints; it must end with ``code``. No warning may come out of it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", *command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**env, "PYTHONUTF8": "1"},
    )
    async with asyncio.timeout(120):
        stdout, stderr = (output.decode() for output in await process.communicate())
    assert process.returncode == code, stdout + stderr
    assert "Traceback" not in stderr
    return stdout + stderr


def test_the_page_names_every_example() -> None:
    page = (EXAMPLES.parent / "embedding.md").read_text()
    assert set(re.findall(r"examples/(\w+\.py)", page)) == {path.name for path in EXAMPLES.glob("*.py")}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
async def test_block_runs(block: Block, aws_env: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "block.py"
    program.write_text(block.text)
    assert await run(program, env=aws_env) or "except" in block.text


async def test_progress_bar_fills(aws_env: dict[str, str]) -> None:
    said = await run(EXAMPLES / "progress_bar.py", env=aws_env)
    assert f"{RESOURCES}/{RESOURCES}" in said
    assert "Ready: wss://" in said


async def test_two_accounts_are_set_up_at_once(aws_env: dict[str, str], tmp_path: Path) -> None:
    accounts = sorted([invent_account(), invent_account()])
    config = tmp_path / "config"
    config.write_text(
        "\n".join(
            f"[profile {name}]\nregion = eu-west-1\n"
            f"aws_access_key_id = {account}\naws_secret_access_key = x\n"
            for name, account in zip(("one", "two"), accounts, strict=True)
        )
    )
    env = {key: value for key, value in aws_env.items() if not key.startswith("AWS_ACCESS")}
    env |= {"AWS_CONFIG_FILE": str(config)}
    said = await run(EXAMPLES / "two_accounts.py", "one", "two", env=env)
    wanted = [f"{account} eu-west-1 {BUCKET}-eu-west-1-{account}" for account in accounts]
    assert said.splitlines() == wanted


async def test_several_regions_tell_what_became_of_each(aws_env: dict[str, str]) -> None:
    said = await run(
        EXAMPLES / "several_regions.py", "eu-west-1", "us-east-1", "no_region", env=aws_env, code=1
    )
    assert said.splitlines()[:2] == ["eu-west-1: deployed", "us-east-1: deployed"]
    assert said.splitlines()[2].startswith("no_region: ")


async def test_own_session_acts_as_the_assumed_role(aws_env: dict[str, str]) -> None:
    account = invent_account()
    role = f"arn:aws:iam::{account}:role/deployer"
    said = await run(EXAMPLES / "own_session.py", role, env=aws_env)
    assert said == f"arn:aws:sts::{account}:assumed-role/deployer/plldb sees no stack\n"


async def test_cancelled_setup_goes_on_without_the_program(aws_env: dict[str, str]) -> None:
    said = await run(EXAMPLES / "cancel.py", env=aws_env)
    assert said == "left after 3 events\nthe stack is in CREATE_COMPLETE\n"


async def test_structured_log_has_one_object_for_each_event(aws_env: dict[str, str]) -> None:
    lines = [
        json.loads(line) for line in (await run(EXAMPLES / "structured_logging.py", env=aws_env)).splitlines()
    ]
    assert [lines[0]["message"], lines[-1]["message"]] == ["started", "setup_finished"]
    assert {line["level"] for line in lines} == {"INFO"}
    assert any(line.get("logical_id") == "PLDDBSessions" for line in lines)


async def test_structured_log_tells_a_failure(aws_env: dict[str, str]) -> None:
    env = {key: value for key, value in aws_env.items() if "REGION" not in key}
    (line,) = (await run(EXAMPLES / "structured_logging.py", env=env, code=1)).splitlines()
    assert json.loads(line) | {"message": "", "hint": ""} == {
        "level": "ERROR",
        "message": "",
        "code": "settings",
        "hint": "",
    }


@pytest.mark.parametrize("emulator", ["moto", "MiniStack"])
async def test_pytest_fixture_gives_a_stack(emulator: str, aws_env: dict[str, str], tmp_path: Path) -> None:
    env = {key: value for key, value in aws_env.items() if not key.startswith(("PYTEST_", "COV"))}
    if emulator == "moto":
        del env["AWS_ENDPOINT_URL"]
    # Without this project's settings: a reader has others.
    settings = tmp_path / "pytest.ini"
    settings.write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    options = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", settings, "--rootdir", tmp_path)
    assert "1 passed" in await run(*options, EXAMPLES / "pytest_fixture.py", env=env)


def test_examples_and_blocks_are_fully_typed(tmp_path: Path) -> None:
    blocks = []
    for number, block in enumerate(BLOCKS):
        blocks.append(tmp_path / f"block{number}.py")
        blocks[-1].write_text(block.text)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--scripts-are-modules", "--no-incremental"),
            *("--config-file", "", "--python-version", "3.11"),
            *map(str, (*sorted(EXAMPLES.glob("*.py")), *blocks)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
