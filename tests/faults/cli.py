"""The installed program, as a process for one account. Talks to processes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import program
from tests.support.environment import Credentials, aws_settings, isolated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

# Pace's own times hold here: a request that hangs takes 15 s, and several processes share two cores.
PATIENCE = 180.0


def environment(endpoint: str, account: str) -> dict[str, str]:
    """The environment of a process that acts in that account."""
    nowhere = Path("/nonexistent")
    return isolated(os.environ, nowhere) | aws_settings(endpoint, Credentials(access_key_id=account))


def plldb(
    endpoint: str, account: str, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> AbstractAsyncContextManager[program.Running]:
    """``plldb bootstrap`` with these arguments, started."""
    return program.started(
        "bootstrap", *arguments, env={**environment(endpoint, account), **(env or {})}, cwd=cwd
    )


async def run_plldb(
    endpoint: str, account: str, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> program.Finished:
    """The same, to its end."""
    async with plldb(endpoint, account, *arguments, cwd=cwd, env=env) as running:
        return await running.finish(seconds=PATIENCE)


def command_line(command: str) -> tuple[str, ...]:
    """The arguments of a command that asks nothing."""
    return ("destroy", "--yes") if command == "destroy" else (command,)


def json_lines(finished: program.Finished) -> list[dict[str, Any]]:
    """What ``--output json`` wrote."""
    return [json.loads(line) for line in finished.stdout.splitlines()]


def judge_output(finished: program.Finished) -> list[str]:
    """What is wrong with what the program wrote, if anything."""
    errors = [line for line in finished.stderr.splitlines() if line.startswith("error: ")]
    hints = [line for line in finished.stderr.splitlines() if line.startswith("hint: ")]
    wanted = {
        "an exit code of its own": finished.code in (0, 1, 2, 3),
        "no traceback": "Traceback" not in finished.stdout + finished.stderr,
        "no error without cause": finished.code != 0 or not errors,
        "one error and the way out": finished.code == 0 or (len(errors), len(hints)) == (1, 1),
    }
    return [f"lacks {what}: {finished}" for what, there in wanted.items() if not there]
