"""Copies of deployed code and of layers, and compiled files, in this user's cache. Talks to the disk."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, get_args

from plldb.debugger.errors import SourceError
from plldb.errors import Hint

UNUSED_FOR = 30 * 24 * 3600
"""Seconds after which a copy that nobody has used is removed."""
AS_UNPACKED = 315_532_800
"""1980-01-01, the time of all files of a copy: by another one it is known what the developer has changed."""
LARGEST = 262_144_000
"""Bytes of a function's code with all of its layers, unpacked: Lambda's own limit."""
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError)
"""What is raised by a package that is broken, encrypted, or packed in a way that Python does not know."""

Kind = Literal["code", "layers", "compiled"]


def cache_folder(kind: Kind, machine: Mapping[str, str] = os.environ) -> Path:
    """Return where copies are kept on this machine.

    Raises:
        SourceError: this user has no home folder, as in some containers, and no variable names a cache.
    """
    cache = machine.get("XDG_CACHE_HOME") or machine.get("LOCALAPPDATA")
    try:
        return (Path(cache) if cache else Path.home() / ".cache") / "plldb" / kind
    except RuntimeError:
        raise SourceError(
            "There is no place for a copy of the deployed code: this user has no home folder, and "
            "XDG_CACHE_HOME is not set.",
            hint=Hint("fix-argument", "Set XDG_CACHE_HOME to a folder that only you can read."),
        ) from None


def compiled_folder(code: Path, machine: Mapping[str, str] = os.environ) -> Path | None:
    """Return where Python keeps what it compiles of a project's code, None if there is no place for that."""
    try:
        name = f"{code.name}-{hashlib.sha256(bytes(code)).hexdigest()[:12]}"
        folder = cache_folder("compiled", machine) / name
        for each in (folder.parent.parent, folder.parent, folder):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if use(folder) else None
    except (OSError, SourceError):
        return None


def use(folder: Path) -> bool:
    """Return whether a copy is there; it then stays for another `UNUSED_FOR`."""
    try:
        os.utime(folder)
    except OSError:
        return False
    return True


def unpack(package: IO[bytes], folder: Path, *, most: int, inside: str = "") -> bool:
    """Unpack a package into a new folder that only this user can read; return whether that was possible.

    Args:
        package: a zip file. A link in it becomes a file, and nothing is written outside of the folder.
        folder: where to; made whole or not at all.
        most: bytes that it may have unpacked.
        inside: only what lies in this folder of the package; all of it by default.
    """
    try:
        new = make_private(folder.parent)
        try:
            with zipfile.ZipFile(package) as files:
                wanted = [each for each in files.infolist() if each.filename.startswith(inside)]
                if sum(each.file_size for each in wanted) > most:
                    return False
                for each in wanted:
                    os.utime(files.extract(each, new), (AS_UNPACKED, AS_UNPACKED))
            os.utime(new)
            new.rename(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except BROKEN:
        return folder.is_dir()  # another session may have been faster
    return True


def make_private(parent: Path) -> Path:
    """Make a folder of any name in the cache that only this user can read."""
    for each in (parent.parent, parent):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent, prefix=".new-"))


def remove_unused(machine: Mapping[str, str] = os.environ, now: float | None = None) -> None:
    """Remove the copies that nobody has used for long, and in which nothing was changed; raises nothing.

    Whoever begins to use one at that moment keeps it: that is seen once it has another name.
    """
    oldest = (time.time() if now is None else now) - UNUSED_FOR
    with suppress(OSError, SourceError):
        for kind in get_args(Kind):
            for copy in cache_folder(kind, machine).glob("*"):
                with suppress(OSError):
                    if copy.is_dir() and copy.stat().st_mtime < oldest and not _is_changed(copy):
                        _remove(copy, oldest)


def _remove(copy: Path, oldest: float) -> None:
    going = copy.rename(copy.with_name(f".old-{copy.name}-{os.getpid()}"))
    if going.stat().st_mtime >= oldest:
        going.rename(copy)
    else:
        shutil.rmtree(going, ignore_errors=True)


def _is_changed(copy: Path) -> bool:
    for path, _, names in os.walk(copy):
        for name in names:
            file = Path(path, name)
            compiled = file.suffix == ".pyc" or file.is_symlink()
            if not compiled and int(file.stat().st_mtime) != AS_UNPACKED:
                return not copy.name.startswith(".")  # else it was left half-made
    return False
