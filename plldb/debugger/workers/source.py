"""Where the code of a function lies on this machine, and which Python runs it. Talks to the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plldb.debugger.errors import SourceError
from plldb.debugger.workers.settings import FunctionSettings
from plldb.errors import Hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What the caller says of the code on this machine.

    Attributes:
        folder: of the project, or of the code itself.
        code: folders of single functions, by the functions' names.
        python: the interpreter for the functions; None for that of the project's environment.
        variables: set for every function, over its own (``--env``). Secret.
    """

    folder: Path
    code: Mapping[str, Path] = field(default_factory=dict)
    python: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a function is run from.

    Attributes:
        folder: the root of its code, links resolved: what is ``/var/task`` in Lambda.
        file: the file of its handler.
        python: the interpreter.
    """

    folder: Path
    file: Path
    python: Path


def find_source(project: Project, function: FunctionSettings) -> Source:
    """Return where the code of a function lies and which Python runs it.

    Raises:
        SourceError: the handler is no file below the folder, or there is no such interpreter.
    """
    folder = project.code.get(function.name, project.folder).resolve()
    return Source(folder=folder, file=find_handler(folder, function), python=find_python(project, folder))


def find_handler(folder: Path, function: FunctionSettings) -> Path:
    """Return the file of the handler: only a file below the folder is ever run.

    Raises:
        SourceError: there is none.
    """
    module = function.handler.rpartition(".")[0].replace(".", "/")
    stem = folder / module
    for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py") if module else ():
        if path.is_file() and path.resolve().is_relative_to(folder):
            return path
    raise SourceError(
        f"The handler {function.handler} of {function.name} is no file below {folder}.",
        hint=Hint("fix-argument", "Name the folder of its code, from which the handler can be imported."),
    )


def find_python(project: Project, folder: Path) -> Path:
    """Return the interpreter: the one that was named, that of the active environment, or of ``.venv``.

    Raises:
        SourceError: there is none.
    """
    if project.python is not None:
        if not project.python.is_file():
            raise SourceError(f"There is no Python at {project.python}.")
        return project.python.absolute()
    candidates = [Path(active)] if (active := os.environ.get("VIRTUAL_ENV")) else []
    root = project.folder.resolve()
    for parent in (folder, *folder.parents, root):
        candidates += [parent / ".venv", parent / "venv"]
        if parent == root:
            break
    for environment in candidates:
        for python in (environment / "bin" / "python", environment / "Scripts" / "python.exe"):
            if python.is_file():
                return python
    if python_on_path := shutil.which("python3") or shutil.which("python"):
        return Path(python_on_path)
    raise SourceError(
        f"No Python was found for {folder}.",
        hint=Hint("fix-argument", "Activate the project's environment, or name its interpreter."),
    )
