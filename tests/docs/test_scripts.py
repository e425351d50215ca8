"""`scripts/NAME --help` says what the script is for, and does nothing else. Talks to processes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

FOLDER = ROOT / "scripts"
SCRIPTS = sorted(path for path in FOLDER.iterdir() if path.is_file() and path.stat().st_mode & 0o100)


def run(script: Path, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script where no Python is to be found, so that it can do nothing but speak."""
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    command = [str(tmp_path / "bash"), str(script), *words]
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_asked_for_help_only_helps(script: Path, tmp_path: Path) -> None:
    done = run(script, tmp_path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    comment = [line for line in script.read_text().splitlines()[1:] if line.startswith("#")]
    assert done.stdout.splitlines()[0] == comment[0].removeprefix("# ")


@pytest.mark.parametrize("name", ["demo", "picture", "reference", "release", "site"])
def test_a_script_refuses_what_it_does_not_take(name: str, tmp_path: Path) -> None:
    done = run(FOLDER / name, tmp_path, "--chek")
    assert done.returncode == 2
    assert "does not take '--chek'" in done.stderr
