"""docs/reference.md is what the code says, and every public name has something to say."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from types import UnionType
from typing import Any, Literal, get_origin

import pytest

from tests.docs.pages import ROOT, read_anchors

PUBLIC = [
    (module, name)
    for module in ("plldb", "plldb.bootstrap", "plldb.debugger", "plldb.errors")
    for name in importlib.import_module(module).__all__
]


def test_reference_has_not_drifted_from_the_code() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "_reference.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_every_public_name_has_a_docstring_and_a_section(module: str, name: str) -> None:
    value: Any = getattr(importlib.import_module(module), name)
    if inspect.isclass(value) or inspect.isfunction(value):
        # A dataclass without a docstring of its own gets its signature as one.
        assert value.__doc__
        assert not value.__doc__.startswith(f"{name}(")
    else:
        assert isinstance(value, str | UnionType) or get_origin(value) is Literal
    # A section of its own, or in the list of those that json.md tells of; test_links follows that.
    page = ROOT / "docs" / "reference.md"
    assert name.lower() in read_anchors(page) or f"[`{name}`](json.md#" in page.read_text()


def test_the_changelog_has_the_version() -> None:
    import plldb

    assert f"\n## [{plldb.__version__}] - " in (ROOT / "CHANGELOG.md").read_text()


def test_pre_commit_uses_the_versions_of_the_check() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    pinned = {each for each in groups["check"] if isinstance(each, str)}
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    for tool in ("ruff", "cfn-lint"):
        (requirement,) = {each for each in pinned if each.startswith(tool)}
        assert requirement in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("setup", ("setup of stack plldb", "CREATE_COMPLETE")),
        ("attach", ("attach to stack shop", "stopped at a breakpoint")),
    ],
)
def test_a_picture_is_of_this_version_and_loads_nothing(name: str, shown: tuple[str, str]) -> None:
    import plldb

    svg = (ROOT / "docs" / f"{name}.svg").read_text().replace("&#160;", " ")
    assert f"{plldb.__version__}, {shown[0]}" in svg
    assert shown[1] in svg
    assert svg.count("http") == svg.count("http://www.w3.org/") + len(re.findall("https?://127.0.0.1:", svg))
