"""How long it takes until plldb has said something without AWS. Talks to processes."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from scripts.benchmark.contenders import program
from scripts.benchmark.measure import Command, base_environment, run_all

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = "python -c 'import asyncclick'"
HEAVY = ("botocore", "aiobotocore", "aiohttp", "rich")

_IMPORT = re.compile(r"import time:\s+\d+ \|\s+\d+ \|\s+(\S+)")


def cases() -> dict[str, tuple[Command, dict[str, str], int]]:
    """What is run: command, more environment, exit code to expect."""
    tool = program("plldb")
    completing = {"_PLLDB_COMPLETE": "bash_complete", "COMP_WORDS": "plldb bootstrap ", "COMP_CWORD": "2"}
    return {
        REFERENCE: ((sys.executable, "-c", "import asyncclick"), {}, 0),
        "--help": ((tool, "--help"), {}, 0),
        "--version": ((tool, "--version"), {}, 0),
        "completion": ((tool,), completing, 0),
        "a usage error": ((tool, "bootstrap", "setup", "--nonsense"), {}, 2),
    }


def measure_startup(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each case, the cases in turn."""
    environment = base_environment(folder)
    seconds: dict[str, list[float]] = {name: [] for name in cases()}
    for _ in range(rounds):
        for name, (command, more, code) in cases().items():
            run = run_all([command], environment | more, folder, expect=code)
            seconds[name].append(round(run.seconds, 4))
    return seconds


def find_heavy_imports(folder: Path) -> dict[str, list[str]]:
    """Which of the heavy packages each case imports."""
    environment = base_environment(folder)
    found: dict[str, list[str]] = {}
    for name, (command, more, code) in cases().items():
        if name != REFERENCE:
            traced = (sys.executable, "-X", "importtime", *command)
            modules = read_imports(run_all([traced], environment | more, folder, expect=code).output)
            found[name] = [heavy for heavy in HEAVY if heavy in modules]
    return found


def read_imports(output: str) -> set[str]:
    """The modules that the output of ``-X importtime`` names."""
    return set(_IMPORT.findall(output))
