"""Where the code of a function lies on this machine, and which Python runs it. Talks to the disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePath
from zipfile import ZipInfo

from plldb.debugger.errors import MOST_NAMED, InlineCodeError, NoCodeError, SeveralFoldersError, SourceError
from plldb.debugger.workers.project.compare import as_built, as_deployed
from plldb.debugger.workers.project.handlers import files_of, own_handlers, why_no_file
from plldb.debugger.workers.project.interpreter import find_local_packages, find_python
from plldb.debugger.workers.project.pyproject import code_in_pyproject
from plldb.debugger.workers.project.search import find_elsewhere, find_handler, search, walk
from plldb.debugger.workers.project.serverless import declared_by_serverless, folders_of_chalice
from plldb.debugger.workers.project.templates import (
    built_folders,
    cdk_app,
    declared_above,
    folders_in_templates,
    inline_in,
    layers_in_templates,
    python_folders,
)
from plldb.debugger.workers.settings import FunctionSettings
from plldb.errors import Hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What the caller says of the code on this machine.

    Attributes:
        folder: of the project, or of the code itself.
        code: folders of single functions, by name or logical id; of the projects of stacks, by their names.
        python: the interpreter for the functions; None for that of the project's environment.
        variables: set for every function, over its own (``--env``). Secret.
        own_credentials: functions run with the caller's own credentials instead of the role's.
        layers: asked for what comes behind the path of a function: the packages of its layers.
        terminal: path of the terminal that pdb may use where there is no port for debuggers; empty for none.
    """

    folder: Path
    code: Mapping[str, Path] = field(default_factory=dict)
    python: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    own_credentials: bool = False
    layers: Callable[[FunctionSettings], Awaitable[tuple[Path, ...]]] | None = None
    terminal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a function is run from.

    Attributes:
        folder: the root of its code, links resolved: what is ``/var/task`` in Lambda.
        file: the file of its handler.
        handler: the handler that is run: the function's, or its own one behind that of a vendor.
        python: the interpreter.
        layers: where packages lie that the project itself has: of layers, and of PDM without an environment.
        as_deployed: the deployed code has decided on the folder, which stays for the session: of several
            the one whose handler's file equals it, or a copy of it.
    """

    folder: Path
    file: Path
    handler: str
    python: Path
    layers: tuple[Path, ...] = ()
    as_deployed: bool = False


def find_source(
    project: Project, function: FunctionSettings, deployed: Sequence[ZipInfo] | None = None
) -> Source:
    """Return where the code of a function lies and which Python runs it.

    The folder is the one that was named for this function, by the caller or in pyproject.toml; else that of
    the project's template, serverless.yml or Chalice project; else the project's folder, or the only one
    below it from which the handler can be imported. Source wins over what build tools make of it.

    Args:
        project: what the caller says of the code.
        function: whose code is meant.
        deployed: the files of its package, which decide if several folders fit.

    Raises:
        SeveralFoldersError: several folders fit.
        InlineCodeError: the code is in the template itself.
        SourceError: the handler is no file below a folder, or there is no interpreter.
    """
    root = _root(project, function)
    named = _named(project, root, function)
    if not (named or root).is_dir():
        raise SourceError(f"There is no folder {named or root}.")
    for handler in _handlers(root, function):
        if folder := named.resolve() if named else _find_folder(root, function, handler, deployed):
            file = find_handler(folder, handler, root)
            if file is not None:
                python = find_python(project.python, folder, root)
                return Source(
                    folder=folder,
                    file=file,
                    handler=handler,
                    python=python,
                    layers=(
                        *find_local_packages(folder, root, function.runtime),
                        *_own_layers(root, function, folder),
                    ),
                    as_deployed=deployed is not None,
                )
    raise _no_file(root, function, named)


def _own_layers(root: Path, function: FunctionSettings, folder: Path) -> tuple[Path, ...]:
    declared = [(layer, "") for each in declared_by_serverless(root, function) for layer in each.layers]
    return layers_in_templates(root, function.logical_id, folder, function.runtime) or python_folders(
        declared, function.runtime
    )


def check_project(project: Project) -> None:
    """Check what holds for all functions alike: what was named, and pyproject.toml.

    Raises:
        SourceError: a folder or the interpreter is not there, or the file is wrong.
    """
    if project.python is not None and not project.python.is_file():
        hint = Hint(
            "fix-argument", "Name an interpreter, such as .venv/bin/python, or none: it is then found."
        )
        raise SourceError(f"There is no Python at {project.python}.", hint=hint)
    for folder in (project.folder, *project.code.values()):
        if not folder.is_dir():
            raise SourceError(
                f"There is no folder {folder}.",
                hint=Hint("fix-argument", "Name the folder of the project, or of a function's code."),
            )
    code_in_pyproject(project.folder.resolve())


def root_of(project: Project, function: FunctionSettings) -> Path:
    """Return the folder that is packaged for a function: its own, its serverless.yml's, the project's."""
    root = _root(project, function)
    if named := _named(project, root, function):
        return named.resolve()
    return next((each.folder for each in declared_by_serverless(root, function)), root)


def _root(project: Project, function: FunctionSettings) -> Path:
    return project.code.get(function.stack, project.folder).resolve()


def _named(project: Project, root: Path, function: FunctionSettings) -> Path | None:
    code = {**code_in_pyproject(root), **project.code}
    ids = (function.logical_id, function.own_id)
    names = (function.name, *(f"{function.stack}/{each}" for each in ids), *ids)
    return next((code[name] for name in names if name in code), None)


def _handlers(root: Path, function: FunctionSettings) -> tuple[str, ...]:
    handlers = own_handlers(function)
    if not why_no_file(handlers[0]):
        return handlers
    # Plugins of the Serverless Framework write another handler over the one that serverless.yml has.
    declared = (each.handler for each in declared_by_serverless(root, function))
    return tuple(dict.fromkeys([*handlers, *declared]))


def _no_file(root: Path, function: FunctionSettings, named: Path | None) -> SourceError:
    handler = own_handlers(function)[0]
    if why := why_no_file(handler):
        return SourceError(
            f"The handler {handler} of {function.name} {why}.",
            hint=Hint("fix-argument", "Name other functions: this one cannot run here."),
        )
    if not (files := files_of(handler)):
        return SourceError(
            f"The handler {handler} of {function.name} cannot be imported: it is no module and a function "
            "in it, as app.handler is.",
            hint=Hint("fix-argument", "Name other functions: this one cannot run here."),
        )
    name, where = PurePath(files[0]).name, named or root
    below = (str(Path(path, name).relative_to(where)) for path, names in walk(where) if name in names)
    others = ", ".join(list(islice(below, MOST_NAMED)) or find_elsewhere(where, handler))
    known = "" if named else ", ".join(code_in_pyproject(root))
    return NoCodeError(
        f"The handler {handler} of {function.name} is not in any file below {where}: there is no "
        f"{' or '.join(files)} in {'it' if named else 'any folder'}{f', but {others}' if others else ''}. "
        "The table [tool.plldb.code] of pyproject.toml can name the folder of its code"
        f"{f'; it names that of {known}' if known else ''}.",
        hint=Hint("fix-argument", "Name the folder of its code, from which the handler can be imported."),
    )


def _find_folder(
    root: Path, function: FunctionSettings, handler: str, deployed: Sequence[ZipInfo] | None
) -> Path | None:
    fitting = _fitting(root, function, handler)
    if len(fitting) == 1:
        return fitting[0]
    built = built_folders(root, function.logical_id)
    if not fitting:
        return next((each for each in built if find_handler(each, handler)), None)
    decided = as_deployed(deployed or (), fitting, handler)
    equal = decided or as_built(built, fitting, handler)
    if len(equal) == 1:
        return equal[0]
    names = tuple(str(each.relative_to(root)) for each in equal or fitting)
    compared = None if deployed is None else bool(decided)
    raise SeveralFoldersError(function.name, handler, root, names, as_deployed=compared)


def _fitting(root: Path, function: FunctionSettings, handler: str) -> list[Path]:
    """Return the folders from which a handler can be imported, by the first of these ways that finds some."""
    if template := inline_in(root, function.logical_id):
        raise InlineCodeError(
            f"The code of {function.name} is in the template {template} itself, in no file of its own.",
            hint=Hint("fix-argument", "Name a folder with a copy of it, for example in pyproject.toml."),
        )
    ways = (
        lambda: folders_in_templates(root, function.logical_id),
        lambda: [each.folder for each in declared_by_serverless(root, function)],
        lambda: _unless_declared_above(root, function, handler),
        lambda: folders_of_chalice(root, function),
        lambda: search(root, handler),
    )
    for way in ways:
        if fitting := [each for each in way() if _has_handler(each, handler, root)]:
            return list(dict.fromkeys(fitting))
    return []


def _unless_declared_above(root: Path, function: FunctionSettings, handler: str) -> list[Path]:
    """Return the project's folder itself, unless it is that of one function and this is another one."""
    if declared := declared_above(root, function.logical_id, handler):
        parent, folder = declared
        raise NoCodeError(
            f"A template in {parent} says that the code of {function.name} is in {folder}, and so not below "
            f"{root}. Attach in {parent}; or the table [tool.plldb.code] of pyproject.toml can name a folder."
        )
    return [root]


def _has_handler(folder: Path, handler: str, root: Path) -> bool:
    file = find_handler(folder, handler, root)
    return file is not None and file != cdk_app(root)
