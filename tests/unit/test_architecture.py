"""Who may import whom, and which habits every module keeps. Read from the source, by ast."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import plldb

ROOT = Path(plldb.__file__).parent
# What lies there runs in Lambda: the handlers, and the agent. The agent shares one module with the laptop.
HANDLERS = ROOT / "bootstrap" / "cloudformation"
AGENT = ROOT / "debugger" / "agent"
SHARED_WITH_AGENT = ROOT / "debugger" / "wire.py"
FILES = [path for path in sorted(ROOT.rglob("*.py")) if not {HANDLERS, AGENT} & set(path.parents)]
# The only rooms with a door to AWS.
DOORS = {
    "plldb.aws.session",
    "plldb.aws.errors",
    "plldb.aws.connections",
    "plldb.aws.models",
    "plldb.aws.websockets",
    "plldb.bootstrap.artifacts.bucket",
    "plldb.bootstrap.stack.client",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def runtime_imports(path: Path) -> set[str]:
    """Modules that are imported when the program runs, wherever the import stands."""

    def walk(node: ast.AST) -> Iterator[str]:
        if is_for_types_only(node):
            return
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    return set(walk(ast.parse(path.read_text("utf-8"))))


def imports(path: Path, *packages: str) -> set[str]:
    return {name for name in runtime_imports(path) if f"{name}.".startswith(tuple(f"{p}." for p in packages))}


def is_in(path: Path, room: str) -> bool:
    return ROOT / room in path.parents


@pytest.mark.parametrize("path", FILES, ids=module_name)
class TestEveryModule:
    def test_imports_point_from_the_cli_to_bootstrap_to_the_ground(self, path: Path) -> None:
        if is_in(path, "cli") or path.name == "__main__.py":
            return
        assert not imports(path, "plldb.cli")
        if is_in(path, "bootstrap"):
            assert not imports(path, "plldb.debugger")
        elif is_in(path, "debugger"):
            # Where the API, the tables and the layer are: the one thing that a debugger has to know.
            assert imports(path, "plldb.bootstrap") <= {"plldb.bootstrap.events.Deployment"}
        else:
            assert not imports(path, "plldb.bootstrap", "plldb.debugger")

    def test_only_the_command_line_imports_asyncclick_and_rich(self, path: Path) -> None:
        if not is_in(path, "cli"):
            assert not imports(path, "asyncclick", "click", "rich")

    def test_only_the_doors_import_botocore(self, path: Path) -> None:
        if module_name(path) not in DOORS:
            assert not imports(path, "botocore", "aiobotocore", "boto3", "aiohttp")

    def test_the_types_of_botocore_are_for_type_checkers_only(self, path: Path) -> None:
        assert not {name for name in runtime_imports(path) if name.startswith(("types_", "mypy_"))}

    def test_the_cargo_is_never_imported(self, path: Path) -> None:
        assert not imports(path, "plldb.bootstrap.cloudformation", "plldb.debugger.agent")

    def test_the_first_line_says_whether_it_is_pure(self, path: Path) -> None:
        first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").splitlines()[0]
        assert first.endswith(".")
        assert (" Pure." in first) != (" Talks to " in first), first

    def test_nothing_below_the_command_line_prints_exits_or_listens_to_signals(self, path: Path) -> None:
        if not is_in(path, "cli"):
            assert not imports(path, "signal", "sys")
            calls = [
                node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
            ]
            assert not {ast.unparse(call.func) for call in calls} & {"print", "input", "exit", "quit"}


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_nothing_sleeps_a_time_of_its_own(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("sleep"):
            assert not isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}"


def test_the_handlers_import_nothing_of_plldb() -> None:
    for path in HANDLERS.rglob("*.py"):
        assert not imports(path, "plldb")


def test_the_agent_imports_nothing_of_plldb_but_itself_and_the_codec() -> None:
    for path in [*AGENT.rglob("*.py"), SHARED_WITH_AGENT]:
        foreign = {
            name
            for name in imports(path, "plldb")
            if f"{name}." != "plldb.debugger.wire." and not name.startswith("plldb.debugger.agent.")
        }
        assert not foreign, path


def test_the_files_are_found() -> None:
    names = {module_name(path) for path in FILES}
    assert {
        "plldb",
        "plldb.aws.session",
        "plldb.bootstrap",
        "plldb.bootstrap.stack.timeline",
        "plldb.cli.main",
    } <= names
    assert names >= DOORS
