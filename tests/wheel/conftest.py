"""What is shipped, and an environment that has nothing else. Talks to processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import servers

if TYPE_CHECKING:
    pass

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The two files that are published."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Wheel and sdist, the wheel built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(folder), str(ROOT))
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel=wheel, sdist=sdist)


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the wheel and what it asks for, nothing else."""
    return make_environment(tmp_path_factory.mktemp("installed"), str(built.wheel))


@pytest.fixture(scope="session")
def zipped(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has what plldb asks for, but not plldb."""
    python = make_environment(tmp_path_factory.mktemp("zipped"), str(built.wheel))
    run(*servers.find_uv(), "pip", "uninstall", "--python", str(python), "plldb")
    return python


def make_environment(folder: Path, *requirements: str) -> Path:
    """An environment of its own; gives its interpreter."""
    run(*servers.find_uv(), "venv", "--python", sys.executable, str(folder / "venv"))
    python = folder / "venv" / "bin" / "python"
    run(*servers.find_uv(), "pip", "install", "--python", str(python), *requirements)
    return python


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a command to its end; its output is the message if it fails."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=cwd
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout
