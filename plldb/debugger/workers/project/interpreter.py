"""Which Python runs the functions of a project. Talks to the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from plldb.debugger.errors import SourceError
from plldb.errors import Hint
from plldb.platforms import interpreters

TOOLS = {
    "poetry.lock": ("poetry", "env", "info", "--path"),
    "Pipfile": ("pipenv", "--venv"),
}
"""Tools that keep environments elsewhere: a file by which a project is theirs, and how to ask."""
ASK_FOR = 20.0
"""Seconds that such a tool may take."""
_ASKING = threading.Lock()


def find_python(
    named: Path | None,
    folder: Path,
    root: Path,
    machine: Mapping[str, str] = os.environ,
    system: str = os.name,
) -> Path:
    """Return the interpreter: the one that was named, else that of the project's environment.

    An active environment comes first; then, beside the code or above it up to the root of its repository,
    what uv is told to use, ``.venv``, and what PDM, Poetry and Pipenv tell; then conda's; at last the Python
    on the path. An active one that plldb itself is installed in may be plldb's alone: it precedes conda's.

    Raises:
        SourceError: there is none.
    """
    if named is not None:
        if not named.is_file():
            raise SourceError(f"There is no Python at {named}.")
        return named.absolute()  # links stay: a virtual environment is one
    for environment in _environments(folder, root, machine):
        for python in (environment, *(environment / each for each in interpreters(system))):
            if python.is_file():
                return python
    path = machine.get("PATH")
    if on_path := shutil.which("python3", path=path) or shutil.which("python", path=path):
        return Path(on_path)
    raise SourceError(
        f"No Python was found for {folder}.",
        hint=Hint("fix-argument", "Activate the project's environment, or name its interpreter."),
    )


def find_local_packages(folder: Path, root: Path, runtime: str) -> tuple[Path, ...]:
    """Return where PDM has installed packages where there is no environment: ``__pypackages__/3.x/lib``."""
    for parent in _parents(folder, root):
        found = sorted(parent.glob("__pypackages__/*/lib"))
        of_runtime = [each for each in found if f"python{each.parent.name}" == runtime]
        if found:
            return tuple(of_runtime or found[-1:])
    return ()


def _environments(folder: Path, root: Path, machine: Mapping[str, str]) -> Iterator[Path]:
    """Yield folders of environments, and interpreters themselves."""
    active = machine.get("VIRTUAL_ENV", "")
    ours = bool(active) and Path(active).resolve() == Path(sysconfig.get_path("data")).resolve()
    if active and not ours:
        yield Path(active)
    for parent in _parents(folder, root):
        if (named := machine.get("UV_PROJECT_ENVIRONMENT")) and (parent / "uv.lock").is_file():
            yield parent / named
        yield from (parent / ".venv", parent / "venv")
        if (told := parent / ".pdm-python").is_file():
            yield Path(told.read_text("utf-8").strip())
        for name, command in TOOLS.items():
            if (parent / name).is_file() and (answer := _ask(command, parent, machine)):
                yield Path(answer)
    if ours:
        yield Path(active)
    if conda := machine.get("CONDA_PREFIX"):
        yield Path(conda)


def _parents(folder: Path, root: Path) -> list[Path]:
    """Return the folders from that of the code up to the project, and on to the root of its repository."""
    inside = [each for each in (folder, *folder.parents) if each.is_relative_to(root)] or [folder, root]
    above: list[Path] = []
    for each in (root, *root.parents):
        above.append(each)
        if (each / ".git").exists():
            return list(dict.fromkeys([*inside, *above]))
    return inside


def _ask(command: tuple[str, ...], folder: Path, machine: Mapping[str, str]) -> str:
    """Return what a tool says, an empty string if it is not there or knows nothing."""
    program = shutil.which(command[0], path=machine.get("PATH"))
    if program is None:
        return ""
    try:
        with _ASKING:  # many functions of one project ask at a time
            return _ask_once(program, command[1:], folder)
    except (OSError, LookupError, subprocess.TimeoutExpired):
        return ""


@lru_cache(maxsize=64)
def _ask_once(program: str, arguments: tuple[str, ...], folder: Path) -> str:
    """Ask; each worker would ask again, and a tool takes seconds. A failure is not kept."""
    done = subprocess.run(  # noqa: S603 - a fixed command
        [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=ASK_FOR, check=False
    )
    if done.returncode != 0 or not done.stdout.strip():
        raise LookupError(program)
    return done.stdout.strip()
