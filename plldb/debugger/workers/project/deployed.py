"""The code of a function as it is deployed. Talks to Lambda's store of code and the disk."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plldb.aws.session import Aws
from plldb.debugger.workers.project.cache import AS_UNPACKED, BROKEN, unpack, use
from plldb.debugger.workers.project.handlers import files_of

LARGEST = 64 * 1024 * 1024
"""Bytes of a package that is fetched; Lambda takes up to 50 MB directly, larger ones only through S3."""


async def copy_package(aws: Aws, code: Mapping[str, Any], folder: Path) -> bool:
    """Unpack the package that GetFunction names into a folder, unless it is there; return whether it is."""
    if await asyncio.to_thread(use, folder):
        return True
    package = await _read_package(aws, code)
    return package is not None and await asyncio.to_thread(unpack, io.BytesIO(package), folder, most=LARGEST)


async def add_generated(aws: Aws, code: Mapping[str, Any], handler: str, project: Path, folder: Path) -> bool:
    """Make a folder of links to a project's files, with what a tool has added; return whether it could be."""
    package = await _read_package(aws, code)
    return package is not None and await asyncio.to_thread(lay_over, package, handler, project, folder)


def lay_over(package: bytes, handler: str, project: Path, folder: Path) -> bool:
    """Fill a folder with links to a project's files, and files of a package that the project has not.

    Those are what a tool wrote: the files at its top, and all beside the handler. Installed packages are in
    folders of their own, and are those of the project's environment.
    """
    beside = files_of(handler)[0].rpartition("/")[0]
    try:
        for each in (folder.parent.parent, folder.parent, folder):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        use(folder)
        for entry in project.iterdir():
            if not os.path.lexists(folder / entry.name):
                (folder / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
        with zipfile.ZipFile(io.BytesIO(package)) as files:
            for name in files.namelist():
                where, _, file = name.rpartition("/")
                if file and where in ("", beside) and not (project / name).exists():
                    os.utime(files.extract(name, folder), (AS_UNPACKED, AS_UNPACKED))
    except BROKEN:  # on Windows, links may need a right that this user has not
        return False
    return True


async def _read_package(aws: Aws, code: Mapping[str, Any]) -> bytes | None:
    location = code.get("Location")
    return await aws.download(location, most=LARGEST) if isinstance(location, str) else None
