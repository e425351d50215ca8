"""Who may import whom, and which habits every module keeps. Read from the source, by ast."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import plldb

ROOT = Path(plldb.__file__).parent
# What lies there runs in Lambda: the handlers, and the agent. The agent shares one module with the laptop.
HANDLERS = ROOT / "bootstrap" / "cloudformation"
AGENT = ROOT / "debugger" / "agent"
# What lies there runs in a worker's process, on the project's Python.
WORKER = ROOT / "debugger" / "workers" / "cargo"
SHARED_WITH_AGENT = ROOT / "debugger" / "wire.py"
FILES = [path for path in sorted(ROOT.rglob("*.py")) if not {HANDLERS, AGENT, WORKER} & set(path.parents)]
# The only rooms with a door to AWS.
DOORS = {
    "plldb.bootstrap.artifacts.bucket",
    "plldb.bootstrap.stack.client",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported_names(path: Path, *, types_too: bool = False) -> set[str]:
    """What a module imports when the program runs, wherever the import stands; or for its types as well."""

    def walk(node: ast.AST) -> Iterator[str]:
        if is_for_types_only(node) and not types_too:
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


def imported_modules(path: Path) -> set[str]:
    """The modules of plldb that a module names, for its types too."""
    known = {module_name(each) for each in FILES}
    names = imported_names(path, types_too=True)
    return {name if name in known else name.rpartition(".")[0] for name in names} & known


def imports(path: Path, *packages: str, types_too: bool = False) -> set[str]:
    names = imported_names(path, types_too=types_too)
    return {name for name in names if f"{name}.".startswith(tuple(f"{p}." for p in packages))}


def is_in(path: Path, room: str) -> bool:
    return ROOT / room in path.parents


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
CAPABILITIES = ("bootstrap", "debugger")


def capability_of(path: Path) -> str | None:
    """The capability that a module belongs to, in the library or on the command line."""
    return next((name for name in CAPABILITIES if is_in(path, name) or is_in(path, f"cli/{name}")), None)


@pytest.mark.parametrize("path", FILES, ids=module_name)
class TestEveryModule:
    def test_the_library_does_not_know_the_command_line(self, path: Path) -> None:
        if not is_in(path, "cli") and path.name != "__main__.py":
            assert not imports(path, "plldb.cli", types_too=True)

    def test_nothing_shared_imports_a_capability_and_none_imports_another(self, path: Path) -> None:
        if module_name(path) == "plldb.cli.main":  # it adds the commands of each
            return
        own = capability_of(path)
        for name in CAPABILITIES:
            if name != own:
                packages = (f"plldb.{name}", f"plldb.cli.{name}")
                foreign = imports(path, *packages, types_too=True)
                # Where the API, the tables and the layer are: the one thing that a debugger has to know.
                assert foreign <= {"plldb.bootstrap.events.setup.Deployment"}, foreign

    def test_what_renders_knows_nothing_of_the_rest_of_the_command_line(self, path: Path) -> None:
        if is_in(path, "cli/output"):
            assert imports(path, "plldb", types_too=True) == imports(path, "plldb.cli.output", types_too=True)

    def test_only_the_command_line_imports_asyncclick_and_rich(self, path: Path) -> None:
        if not is_in(path, "cli"):
            assert not imports(path, "asyncclick", "click", "rich")

    def test_only_the_doors_import_botocore(self, path: Path) -> None:
        if module_name(path) not in DOORS and not module_name(path).startswith("plldb.aws."):
            assert not imports(path, "botocore", "aiobotocore", "boto3", "aiohttp")

    def test_the_types_of_botocore_are_for_type_checkers_only(self, path: Path) -> None:
        assert not {name for name in imported_names(path) if name.startswith(("types_", "mypy_"))}

    def test_the_cargo_is_never_imported(self, path: Path) -> None:
        assert not imports(path, "plldb.bootstrap.cloudformation", "plldb.debugger.agent")
        assert not imports(path, "plldb.debugger.workers.cargo")

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


def test_there_is_no_circle_of_imports_types_included() -> None:
    below = {module_name(path): imported_modules(path) for path in FILES}
    # A package's face imports what is in it; that a module imports its own package is no circle of ours.
    try:
        TopologicalSorter(below).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(circle.args[1]))


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=lambda path: path.name)
def test_a_folder_holds_about_ten_modules(folder: Path) -> None:
    modules = [path for path in FILES if path.parent == folder and path.name != "__init__.py"]
    assert len(modules) <= 12


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_nothing_sleeps_a_time_of_its_own(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("sleep"):
            assert not isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}"


def test_the_handlers_import_nothing_of_plldb_but_what_is_packed_with_them() -> None:
    packed = {"plldb.debugger.arming.settings"}
    for path in [*HANDLERS.rglob("*.py"), ROOT / "debugger" / "arming" / "settings.py"]:
        assert {name.rpartition(".")[0] for name in imports(path, "plldb")} <= packed
        assert not imports(path, "plldb") or path.name == "lease_reaper_handler.py"


def test_what_a_worker_runs_imports_nothing_of_plldb() -> None:
    for path in WORKER.rglob("*.py"):
        assert not imports(path, "plldb")


def test_the_agent_imports_nothing_of_plldb_but_itself_and_the_codec() -> None:
    for path in [*AGENT.rglob("*.py"), SHARED_WITH_AGENT]:
        foreign = {
            name
            for name in imports(path, "plldb")
            if f"{name}." != "plldb.debugger.wire." and not name.startswith("plldb.debugger.agent.")
        }
        assert not foreign, path


COMMAND = re.compile(r"plldb (--\w+ )*(bootstrap|doctor|setup|destroy|watch|status)\b")


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_the_library_names_no_command(path: Path) -> None:
    """A hint is a fact; the command line knows the command that does it there, in that region."""
    if not is_in(path, "cli"):
        tree = ast.parse(path.read_text("utf-8"))
        nodes = [*ast.walk(tree)]
        docs = {ast.get_docstring(node, clean=False) for node in nodes if isinstance(node, DOCUMENTED)}
        texts = {node.value for node in nodes if isinstance(node, ast.Constant)} - docs
        assert not [text for text in texts if isinstance(text, str) and COMMAND.search(text)]


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
