"""The checklist for a real account, tried on the test cloud."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import OpenClient

SCRIPT = Path(__file__).parents[2] / "scripts" / "_aws_smoke.py"


async def test_all_checks_are_passed_and_nothing_is_left_behind(
    aws_env: dict[str, str], open_client: OpenClient, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), "--yes"),
        stdout=asyncio.subprocess.PIPE,
        env=aws_env,
        cwd=tmp_path,
    )
    out = (await process.communicate())[0].decode()
    assert process.returncode == 0, out
    assert out.count("\nok ") == 23, out
    assert out.endswith("Nothing is left behind.\n")
    cloudformation = await open_client("cloudformation")
    assert (await cloudformation.describe_stacks())["Stacks"] == []
