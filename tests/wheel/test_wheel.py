"""What is shipped works where there is nothing else."""

from __future__ import annotations

import tarfile
import zipfile
from typing import TYPE_CHECKING

from tests.support import program
from tests.wheel.conftest import ROOT, Built, run

if TYPE_CHECKING:
    from pathlib import Path

CARGO = "plldb/bootstrap/cloudformation"
NEEDED = {
    f"{CARGO}/template.yaml",
    f"{CARGO}/lambda_functions/lease_reaper_handler.py",
    "plldb/debugger/agent/wrapper",
    "plldb/bootstrap/policies/attach.json",
    "plldb/bootstrap/policies/invoke.json",
    "plldb/py.typed",
    *(
        f"{CARGO}/lambda_functions/ws_api_{name}_handler.py"
        for name in ("connect", "disconnect", "authorize", "default")
    ),
}


def source_files() -> set[str]:
    found = (path.relative_to(ROOT) for path in (ROOT / "plldb").rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


def test_the_wheel_has_the_package_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == source_files()
    assert names >= NEEDED


def test_the_sdist_has_the_package_its_tests_and_its_papers(built: Built) -> None:
    with tarfile.open(built.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    papers = {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "tox.ini", "PKG-INFO"}
    assert names >= source_files() | papers | {"tests/conftest.py", "tests/support/proxy.py"}
    assert not [name for name in names if "__pycache__" in name or name.startswith((".tox", ".cache"))]


def test_the_installed_command_tells_its_version(built: Built, installed: Path, tmp_path: Path) -> None:
    version = built.wheel.name.split("-")[1]
    assert version in run(str(installed.with_name("plldb")), "--version", cwd=tmp_path)
    origin = run(str(installed), "-c", "import plldb; print(plldb.__file__)", cwd=tmp_path)
    assert origin.startswith(str(installed.parents[1]))


async def test_the_installed_wheel_sets_up_and_destroys(
    installed: Path, aws_env: dict[str, str], tmp_path: Path
) -> None:
    await set_up_and_destroy(installed, aws_env, tmp_path)


async def test_a_zipped_wheel_sets_up_and_destroys(
    built: Built, zipped: Path, aws_env: dict[str, str], tmp_path: Path
) -> None:
    await set_up_and_destroy(zipped, aws_env | {"PYTHONPATH": str(built.wheel)}, tmp_path)


async def set_up_and_destroy(python: Path, env: dict[str, str], folder: Path) -> None:
    for arguments in (("setup",), ("destroy", "--yes")):
        done = await program.run("bootstrap", *arguments, env=env, cwd=folder, python=str(python))
        assert done.code == 0, done
        assert "Traceback" not in done.stderr
