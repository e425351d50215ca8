"""Who may import whom, and which habits every module keeps. Read from the source, by ast."""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import plldb

pytestmark = pytest.mark.once

ROOT = Path(plldb.__file__).parent
# What lies there runs in Lambda: the handlers, and the agent. The agent shares one module with the laptop.
HANDLERS = ROOT / "bootstrap" / "cloudformation"
AGENT = ROOT / "debugger" / "agent"
# What lies there runs in a worker's process, on the project's Python.
WORKER = ROOT / "debugger" / "workers" / "cargo"
SHARED_WITH_AGENT = [ROOT / "debugger" / name for name in ("conditions.py", "wire.py")]
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


KNOWN = {module_name(each) for each in FILES}


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@functools.cache
def imported_names(path: Path, *, types_too: bool = False) -> frozenset[str]:
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

    return frozenset(walk(parse(path)))


def imported_modules(path: Path) -> set[str]:
    """The modules of plldb that a module names, for its types too."""
    names = imported_names(path, types_too=True)
    return {name if name in KNOWN else name.rpartition(".")[0] for name in names} & KNOWN


def imports(path: Path, *packages: str, types_too: bool = False) -> set[str]:
    names = imported_names(path, types_too=types_too)
    return {name for name in names if f"{name}.".startswith(tuple(f"{p}." for p in packages))}


@functools.cache
def calls(path: Path) -> tuple[tuple[str, ast.Call], ...]:
    """What is called by which name."""
    nodes = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Call)]
    return tuple((ast.unparse(node.func), node) for node in nodes)


def is_in(path: Path, room: str) -> bool:
    return ROOT / room in path.parents


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
CAPABILITIES = ("bootstrap", "debugger")


def capability_of(path: Path) -> str | None:
    """The capability that a module belongs to, in the library or on the command line."""
    return next((name for name in CAPABILITIES if is_in(path, name) or is_in(path, f"cli/{name}")), None)


def found(look: Callable[[Path], Iterable[str]]) -> dict[str, list[str]]:
    """The modules in which ``look`` finds something, and what. One test for all: there are hundreds."""
    seen = {module_name(path): sorted(look(path)) for path in FILES}
    return {name: names for name, names in seen.items() if names}


def test_the_library_does_not_know_the_command_line() -> None:
    def look(path: Path) -> Iterable[str]:
        if is_in(path, "cli") or path.name == "__main__.py":
            return ()
        return imports(path, "plldb.cli", types_too=True)

    assert not found(look)


def test_nothing_shared_imports_a_capability_and_none_imports_another() -> None:
    def look(path: Path) -> Iterable[str]:
        if module_name(path) == "plldb.cli.main":  # it adds the commands of each
            return ()
        others = [name for name in CAPABILITIES if name != capability_of(path)]
        rooms = [f"plldb.{part}{name}" for name in others for part in ("", "cli.")]
        return imports(path, *rooms, types_too=True)

    assert not found(look)


def test_what_renders_knows_nothing_of_the_rest_of_the_command_line() -> None:
    def look(path: Path) -> Iterable[str]:
        if not is_in(path, "cli/output"):
            return ()
        return imports(path, "plldb", types_too=True) - imports(path, "plldb.cli.output", types_too=True)

    assert not found(look)


def test_only_the_command_line_imports_asyncclick_and_rich() -> None:
    assert not found(lambda path: () if is_in(path, "cli") else imports(path, "asyncclick", "click", "rich"))


def test_only_the_doors_import_botocore() -> None:
    def look(path: Path) -> Iterable[str]:
        if module_name(path) in DOORS or module_name(path).startswith("plldb.aws."):
            return ()
        return imports(path, "botocore", "aiobotocore", "boto3", "aiohttp")

    assert not found(look)


def test_the_types_of_botocore_are_for_type_checkers_only() -> None:
    assert not found(lambda path: [n for n in imported_names(path) if n.startswith(("types_", "mypy_"))])


def test_the_cargo_is_never_imported() -> None:
    cargo = ("plldb.bootstrap.cloudformation", "plldb.debugger.agent", "plldb.debugger.workers.cargo")
    assert not found(lambda path: imports(path, *cargo))


def test_the_first_line_says_whether_it_is_pure() -> None:
    def look(path: Path) -> Iterable[str]:
        first = (ast.get_docstring(parse(path)) or "").partition("\n")[0]
        is_right = first.endswith(".") and (" Pure." in first) != (" Talks to " in first)
        return () if is_right else (first,)

    assert not found(look)


def test_nothing_below_the_command_line_prints_exits_or_listens_to_signals() -> None:
    def look(path: Path) -> Iterable[str]:
        if is_in(path, "cli"):
            return ()
        called = {name for name, _ in calls(path)} & {"print", "input", "exit", "quit"}
        # What the command line asks of the system's signals is with the other differences of systems.
        return called | imports(path, "sys", *([] if path == ROOT / "platforms.py" else ["signal"]))

    assert not found(look)


def test_nothing_sleeps_a_time_of_its_own() -> None:
    assert not found(
        lambda path: [
            f"line {call.lineno}"
            for name, call in calls(path)
            if name.endswith("sleep") and isinstance(call.args[0], ast.Constant)
        ]
    )


def test_there_is_no_circle_of_imports_types_included() -> None:
    below = {module_name(path): imported_modules(path) for path in FILES}
    # A package's face imports what is in it; that a module imports its own package is no circle of ours.
    try:
        TopologicalSorter(below).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(circle.args[1]))


def test_a_folder_holds_about_ten_modules() -> None:
    sizes = Counter(path.parent for path in FILES if path.name != "__init__.py")
    assert not {folder: size for folder, size in sizes.items() if size > 12}


def test_the_handlers_import_nothing_of_plldb_but_what_is_packed_with_them() -> None:
    packed = {"plldb.debugger.arming.settings"}
    for path in [*HANDLERS.rglob("*.py"), ROOT / "debugger" / "arming" / "settings.py"]:
        assert {name.rpartition(".")[0] for name in imports(path, "plldb")} <= packed
        assert not imports(path, "plldb") or path.name == "lease_reaper_handler.py"


def test_what_a_worker_runs_imports_nothing_of_plldb() -> None:
    for path in WORKER.rglob("*.py"):
        assert not imports(path, "plldb")


def test_the_agent_imports_nothing_of_plldb_but_itself_and_what_it_shares_with_laptops() -> None:
    for path in [*AGENT.rglob("*.py"), *SHARED_WITH_AGENT]:
        foreign = {
            name
            for name in imports(path, "plldb")
            if name.split(".")[2] not in ("agent", "conditions", "wire")
        }
        assert not foreign, path


COMMAND = re.compile(r"plldb (--\w+ )*(bootstrap|doctor|setup|destroy|watch|status)\b")


def test_the_library_names_no_command() -> None:
    """A hint is a fact; the command line knows the command that does it there, in that region."""

    def look(path: Path) -> Iterable[str]:
        if is_in(path, "cli"):
            return ()
        nodes = [*ast.walk(parse(path))]
        docs = {ast.get_docstring(node, clean=False) for node in nodes if isinstance(node, DOCUMENTED)}
        texts = {node.value for node in nodes if isinstance(node, ast.Constant)} - docs
        return [text for text in texts if isinstance(text, str) and COMMAND.search(text)]

    assert not found(look)


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
