"""The bundled handlers and the template, read from the installed package. Talks to the disk."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

import aiofiles

from plldb.errors import PackagingError
from plldb.tasks import finish

# A name, not an import: what lies there is cargo for Lambda and never runs in this process.
CARGO = "plldb.bootstrap.cloudformation"
TEMPLATE_NAME = "template.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerSource:
    """One handler as it lies on the disk. ``function_name`` is the stem of its file name."""

    function_name: str
    file_name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerFile:
    """Where one handler can be read, whatever the installation looks like (folder or zip)."""

    function_name: str
    place: Traversable


def list_handlers() -> tuple[HandlerFile, ...]:
    """Return the bundled handlers, by name.

    Raises:
        PackagingError: none is there; the installation is damaged.
    """
    folder = files(CARGO) / "lambda_functions"
    places = folder.iterdir() if folder.is_dir() else ()
    found = sorted(
        (place for place in places if place.name.endswith("_handler.py")), key=lambda place: place.name
    )
    if not found:
        raise PackagingError(f"No handler in {folder}.", hint="Install plldb again.")
    return tuple(HandlerFile(function_name=place.name.removesuffix(".py"), place=place) for place in found)


async def read_handler(handler: HandlerFile) -> HandlerSource:
    """Read one handler.

    Raises:
        PackagingError: it cannot be read; the message names the handler.
    """
    content = await _read(handler.place, f"the handler {handler.function_name}")
    return HandlerSource(function_name=handler.function_name, file_name=handler.place.name, content=content)


async def read_template() -> str:
    """Read the text of the bundled template.

    Raises:
        PackagingError: it cannot be read.
    """
    content = await _read(files(CARGO) / TEMPLATE_NAME, f"the template {TEMPLATE_NAME}")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise PackagingError(
            f"The template {TEMPLATE_NAME} is damaged: {error}", hint="Install plldb again."
        ) from error


async def _read(place: Traversable, what: str) -> bytes:
    try:
        with as_file(place) as path:
            # Cancelled while a thread opens the file, aiofiles would leave it open.
            return await finish(_read_file(path))
    except OSError as error:
        raise PackagingError(f"Cannot read {what}: {error}", hint="Install plldb again.") from error


async def _read_file(path: Path) -> bytes:
    async with aiofiles.open(path, "rb") as file:
        return await file.read()
