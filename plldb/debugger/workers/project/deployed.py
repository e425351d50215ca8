"""The code of a function as it is deployed. Talks to Lambda's store of code and the disk."""

from __future__ import annotations

import asyncio
import os
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from plldb.aws.session import Aws
from plldb.debugger.workers.project.cache import AS_UNPACKED, BROKEN, LARGEST, unpack, use
from plldb.debugger.workers.project.compare import Package
from plldb.debugger.workers.project.handlers import files_of


async def copy_package(aws: Aws, package: Package, folder: Path) -> bool:
    """Unpack a package into a folder, unless it is there; return whether it is."""
    if await asyncio.to_thread(use, folder):
        return True
    with suppress(OSError), tempfile.TemporaryFile() as file:  # the disk may be full, also when it is closed
        got = await _download(aws, package, file)
        return got and await asyncio.to_thread(unpack, file, folder, most=LARGEST)
    return False


async def add_generated(aws: Aws, package: Package, handler: str, project: Path, folder: Path) -> bool:
    """Make a folder of links to a project's files, with what a tool has added; return whether it could be."""
    with suppress(OSError), tempfile.TemporaryFile() as file:
        got = await _download(aws, package, file)
        return got and await asyncio.to_thread(lay_over, file, handler, project, folder)
    return False


async def _download(aws: Aws, package: Package, file: IO[bytes]) -> bool:
    return bool(package.location) and await aws.download_to(file, package.location, most=LARGEST)


def lay_over(package: IO[bytes], handler: str, project: Path, folder: Path) -> bool:
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
        with zipfile.ZipFile(package) as files:
            for name in files.namelist():
                where, _, file = name.rpartition("/")
                if file and where in ("", beside) and not (project / name).exists():
                    os.utime(files.extract(name, folder), (AS_UNPACKED, AS_UNPACKED))
    except BROKEN:  # on Windows, links may need a right that this user has not
        return False
    return True
