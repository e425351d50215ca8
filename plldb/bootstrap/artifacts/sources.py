"""What setup uploads, as it lies in the installed package: handlers, agent, template. Talks to the disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

import aiofiles

from plldb.bootstrap.errors import PackagingError
from plldb.errors import Hint
from plldb.tasks import finish, gather_all

# Names, not imports: what lies there is cargo for Lambda and never runs in this process.
CARGO = "plldb.bootstrap.cloudformation"
TEMPLATE_NAME = "template.yaml"
AGENT_LAYER = "plldb_agent"
# Takes out of functions what arming puts in: the two share the module that knows what that is.
REAPER = "lease_reaper_handler"
ARMING = "plldb/debugger/arming/settings.py"
REINSTALL = Hint("reinstall", "Install plldb again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """One file of a package: its path in the zip, and where it can be read, in a folder or in a zip."""

    path: str
    place: Traversable
    executable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """The files of one package. ``folder`` is the part of the key in S3 that says what the package is for.

    ``name`` is that of the function, which is the stem of its handler's file, or that of the layer.
    """

    name: str
    folder: Literal["lambda_functions", "layers"]
    files: tuple[FileSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """One file of a package, read."""

    path: str
    content: bytes
    executable: bool = False


def list_packages() -> tuple[PackageSource, ...]:
    """Return what is to be packaged: the handlers by name, then the layer.

    Raises:
        PackagingError: a part is missing; the installation is damaged.
    """
    debugger = files("plldb") / "debugger"  # not files("plldb.debugger"), which would import it
    shared = FileSource(path=ARMING, place=debugger / "arming" / "settings.py")
    handlers = [
        replace(each, files=(*each.files, shared)) if each.name == REAPER else each
        for each in list_handlers(files(CARGO) / "lambda_functions")
    ]
    return (*handlers, *list_layers(debugger))


def list_handlers(folder: Traversable) -> tuple[PackageSource, ...]:
    """Return a package for each ``*_handler.py`` of a folder, by name; all other modules are in each of them.

    Raises:
        PackagingError: the folder has no handler.
    """
    modules = _modules(folder)
    handlers = [each for each in modules if each.path.endswith("_handler.py")]
    if not handlers:
        raise PackagingError(f"No handler in {folder}.", hint=REINSTALL)
    shared = [each for each in modules if each not in handlers and each.path != "__init__.py"]
    return tuple(
        PackageSource(
            name=handler.path.removesuffix(".py"), folder="lambda_functions", files=(handler, *shared)
        )
        for handler in handlers
    )


def list_layers(debugger: Traversable) -> tuple[PackageSource, ...]:
    """Return the layer with the debugger's agent, from the folder ``debugger``.

    Lambda unpacks it under ``/opt``. Below ``plldb/python`` the folders are as here, and so are imports.

    Raises:
        PackagingError: there is no agent in the folder.
    """
    wrapper = debugger / "agent" / "wrapper"
    if not wrapper.is_file():
        raise PackagingError(f"No agent in {debugger}.", hint=REINSTALL)
    modules = "plldb/python/plldb/debugger"
    layer = (
        FileSource(path="plldb/wrapper", place=wrapper, executable=True),
        # Laptop and agent share them.
        *(
            FileSource(path=f"{modules}/{name}", place=debugger / name)
            for name in ("conditions.py", "wire.py")
        ),
        *(
            FileSource(path=f"{modules}/agent/{each.path}", place=each.place)
            for each in _modules(debugger / "agent")
        ),
    )
    return (PackageSource(name=AGENT_LAYER, folder="layers", files=layer),)


def _modules(folder: Traversable) -> list[FileSource]:
    places = folder.iterdir() if folder.is_dir() else ()
    found = [FileSource(path=place.name, place=place) for place in places if place.name.endswith(".py")]
    return sorted(found, key=lambda each: each.path)


async def read_files(source: PackageSource) -> tuple[FileContent, ...]:
    """Read the files of one package.

    Raises:
        PackagingError: one cannot be read; the message names it and the package.
    """

    async def read(file: FileSource) -> FileContent:
        content = await _read(file.place, f"{file.path} of the package {source.name}")
        return FileContent(path=file.path, content=content, executable=file.executable)

    return await gather_all(*[read(file) for file in source.files])


async def read_template() -> str:
    """Read the text of the bundled template.

    Raises:
        PackagingError: it cannot be read.
    """
    content = await _read(files(CARGO) / TEMPLATE_NAME, f"the template {TEMPLATE_NAME}")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise PackagingError(f"The template {TEMPLATE_NAME} is damaged: {error}", hint=REINSTALL) from error


async def _read(place: Traversable, what: str) -> bytes:
    try:
        with as_file(place) as path:
            # Cancelled while a thread opens the file, aiofiles would leave it open.
            return await finish(_read_file(path))
    except OSError as error:
        raise PackagingError(f"Cannot read {what}: {error}", hint=REINSTALL) from error


async def _read_file(path: Path) -> bytes:
    async with aiofiles.open(path, "rb") as file:
        return await file.read()
