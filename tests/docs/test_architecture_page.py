"""docs/architecture.md names every module, in an order in which each imports only those before it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, read_section

PAGE = ROOT / "docs" / "architecture.md"
# What plldb never imports, and a folder that is told of within its parent's section.
WITHOUT_SECTION = (
    "plldb/bootstrap/cloudformation",
    "plldb/debugger/agent",
    "plldb/debugger/workers/cargo",
    "plldb/debugger/workers/project",
)
FOLDERS = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "plldb").rglob("*.py")}
ROOMS = sorted(
    folder for folder in FOLDERS if not f"{folder}/".startswith(tuple(f"{each}/" for each in WITHOUT_SECTION))
)


def read_modules(room: str) -> list[list[str]]:
    """The modules of a room, row by row of its table, or group by group between two arrows."""
    section = read_section(PAGE, room)
    cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE) or section.split("→")
    return [re.findall(r"`(\w+)\.py`", cell) for cell in cells]


def imports_of(path: Path, package: str) -> set[str]:
    """The modules of its own room that a module imports when it is loaded."""
    body = ast.parse(path.read_text()).body
    found = {node.module for node in body if isinstance(node, ast.ImportFrom) and node.module}
    return {name.removeprefix(f"{package}.") for name in found if name.startswith(f"{package}.")}


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_is_named_once(room: str) -> None:
    there = sorted(path.stem for path in (ROOT / room).glob("*.py") if not path.stem.startswith("__"))
    assert sorted(name for line in read_modules(room) for name in line) == there


@pytest.mark.parametrize("room", ROOMS)
def test_each_module_imports_only_what_is_named_before_it(room: str) -> None:
    package = room.replace("/", ".")
    known: set[str] = set()
    for line in read_modules(room):
        known |= set(line)
        for name in line:
            found = imports_of(ROOT / room / f"{name}.py", package)
            assert {each for each in found if (ROOT / room / f"{each}.py").exists()} <= known, name


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2].partition("]")[0]
    wanted = re.findall(r'"([\w-]+)', project)
    assert re.findall(r"^\| ([a-z0-9]+) \|", read_section(PAGE, "Dependencies"), re.MULTILINE)[1:] == wanted
