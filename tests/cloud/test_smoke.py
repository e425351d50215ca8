"""The checklist for a real account, tried on the test cloud."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cloud.shop import ACCOUNT
from tests.support.answers import access_denied
from tests.support.behaviours import Answer, on
from tests.support.environment import REGION
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from tests.cloud.world import World
    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

SCRIPT = Path(__file__).parents[2] / "scripts" / "_aws_smoke.py"


async def check(environment: dict[str, str], folder: Path) -> tuple[int | None, str]:
    """The exit code, and what is said; botocore's own variable names a region where nothing is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), "--yes"),
        stdout=asyncio.subprocess.PIPE,
        env=environment | {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": "eu-central-1"},
        cwd=folder,
    )
    out = (await process.communicate())[0].decode()
    return process.returncode, out


async def test_all_checks_are_passed_and_nothing_is_left_behind(
    aws_env: dict[str, str], open_client: OpenClient, tmp_path: Path
) -> None:
    code, out = await check(aws_env, tmp_path)
    assert code == 0, out
    assert out.count("\nok ") == 23, out
    assert out.endswith("Nothing is left behind.\n")
    cloudformation = await open_client("cloudformation")
    assert (await cloudformation.describe_stacks())["Stacks"] == []


@pytest.mark.parametrize("account", [ACCOUNT])
async def test_a_check_that_fails_leaves_what_was_set_up_before(
    world: World, cloud: Cloud, aws_env: dict[str, str], open_client: OpenClient, tmp_path: Path
) -> None:
    async with Proxy(cloud.direct, on(Answer(access_denied), "CreateStack")) as proxy:
        code, out = await check(aws_env | {"AWS_ENDPOINT_URL_CLOUDFORMATION": proxy.url}, tmp_path)
    assert code == 1
    assert "\nfailed   2  a function is deployed: ClientError: " in out
    assert out.endswith("Nothing is left behind.\n")
    stacks = (await (await open_client("cloudformation")).describe_stacks())["Stacks"]
    assert "plldb" in [stack["StackName"] for stack in stacks]
