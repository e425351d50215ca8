"""Whether the code of this machine is what is deployed. Talks to Lambda's store of code and the disk.

Only the directory at the end of a package is read, which has the size and the checksum of each file.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plldb.aws.session import Aws
from plldb.debugger.workers.project.handlers import files_of
from plldb.debugger.workers.project.search import find_handler
from plldb.errors import PlldbError
from plldb.tasks import gather_all

log = logging.getLogger(__name__)

ENDS = (256 * 1024, 8 * 1024 * 1024)
"""Bytes of the end of a package that are read: the first holds the directory of about 2,500 files."""
COMPARED = 32 * 1024 * 1024
"""Bytes; a larger file is taken to be equal if it has the same size."""
_NOT_CODE = re.compile(
    r"(^|/)(__pycache__|[^/]+\.(dist|egg)-info|node_modules)/"  # what installing leaves behind
    r"|^(tests?|bin|examples|docs)/"  # some packages install folders of these names
    r"|(^|/)(requirements[^/]*\.txt|readme[^/]*|licen[sc]e[^/]*|\.[^/]*)$|\.py[co]$",
    re.IGNORECASE,
)
"""Files that packaging leaves out, or adds, or that are no code."""
_LINK = 0o120000


@dataclass(frozen=True, slots=True)
class Package:
    """The deployed code of a function: a signed address, which is a secret, and what tells versions apart."""

    location: str = field(repr=False)
    sha: str


def package_of(answer: Mapping[str, Any]) -> Package:
    """Return what GetFunction says of the code. Pure."""
    location, sha = answer.get("Code", {}).get("Location"), answer.get("Configuration", {}).get("CodeSha256")
    return Package(location if isinstance(location, str) else "", str(sha or ""))


async def find_differences(aws: Aws, deployed: Sequence[tuple[Package, Path, str]]) -> list[tuple[str, ...]]:
    """Return for each package, folder and handler the files that are not as deployed, the handler's first.

    None are named where the package cannot be read; functions that share code share the work.
    """
    wanted = {(package.sha, folder): package for package, folder, _ in deployed}
    found = await gather_all(*[_compare(aws, package, folder) for (_, folder), package in wanted.items()])
    known = dict(zip(wanted, found, strict=True))
    return [_sorted(known[package.sha, folder], handler) for package, folder, handler in deployed]


async def read_files(aws: Aws, package: Package) -> list[zipfile.ZipInfo] | None:
    """Return the files of a package, None if they cannot be read."""
    for end in ENDS if package.location else ():
        content = await aws.download(package.location, most=ENDS[-1], end=end)
        if content and (files := await asyncio.to_thread(read_directory, content)) is not None:
            return files
    return None


async def _compare(aws: Aws, package: Package, folder: Path) -> frozenset[str]:
    try:
        files = await read_files(aws, package)
        return await asyncio.to_thread(differing, files, folder) if files else frozenset()
    except (OSError, PlldbError) as error:  # a folder that is gone, a setting that is wrong
        log.info("the code in %s cannot be compared: %s", folder, type(error).__name__)
        return frozenset()


def _sorted(files: frozenset[str], handler: str) -> tuple[str, ...]:
    return tuple(sorted(files, key=lambda name: (name not in files_of(handler), name)))


def read_directory(end: bytes) -> list[zipfile.ZipInfo] | None:
    """Return the files of a package of which this is the end; None if their directory is not in it. Pure."""
    try:
        with zipfile.ZipFile(io.BytesIO(end)) as package:
            return [each for each in package.infolist() if not each.is_dir()]
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError):
        return None


def differing(packed: Sequence[zipfile.ZipInfo], folder: Path) -> frozenset[str]:
    """Return the files of a package that are another here, or gone.

    A package has more than the project's own files: of those that are not here only modules count that stand
    beside modules of the project in a folder of its own. What is here and not deployed does not count.
    """
    here = {each.name for each in folder.iterdir()}
    own = [each for each in packed if each.filename.split("/")[0] in here and _is_code(each)]
    both = [each for each in own if _is_here(folder, each)]
    folders = {_parent(each.filename) for each in both if each.filename.endswith(".py")} - {""}
    gone = {each.filename for each in own if each.filename.endswith(".py")} - {each.filename for each in both}
    changed = {each.filename for each in both if not _is_equal(each, folder / each.filename)}
    return frozenset(changed | {each for each in gone if _parent(each) in folders})


def as_deployed(packed: Sequence[zipfile.ZipInfo], folders: Sequence[Path], handler: str) -> list[Path]:
    """Return the folders whose handler's file is that of a package; of several those with most of its files.

    Two functions may begin with the same few lines that import the rest.
    """
    names = files_of(handler)
    handlers = [each for each in packed if each.filename in names]
    equal = [each for each in folders if _count(handlers, each)]
    counts = [_count(packed, each) for each in equal] if len(equal) > 1 else [0] * len(equal)
    return [folder for folder, count in zip(equal, counts, strict=True) if count == max(counts)]


def as_built(built: Sequence[Path], folders: Sequence[Path], handler: str) -> list[Path]:
    """Return the folders whose handler's file is that of a folder which a tool has put together."""
    texts = {file.read_bytes() for each in built if (file := find_handler(each, handler))}
    return [each for each in folders if (file := find_handler(each, handler)) and file.read_bytes() in texts]


def _count(packed: Sequence[zipfile.ZipInfo], folder: Path) -> int:
    here = [each for each in packed if _is_code(each) and _is_here(folder, each)]
    return sum(_is_equal(each, folder / each.filename) for each in here)


def _is_here(folder: Path, file: zipfile.ZipInfo) -> bool:
    try:
        return (folder / file.filename).is_file()
    except (OSError, ValueError):  # a name that no file can have on this machine
        return False


def _is_code(file: zipfile.ZipInfo) -> bool:
    is_link = file.external_attr >> 16 & 0o170000 == _LINK
    return not is_link and ".." not in file.filename.split("/") and not _NOT_CODE.search(file.filename)


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _is_equal(packed: zipfile.ZipInfo, path: Path) -> bool:
    try:
        size = path.stat().st_size
        if size > COMPARED:
            return size == packed.file_size
        return any(
            len(text) == packed.file_size and zlib.crc32(text) == packed.CRC
            for text in _with_other_line_ends(path.read_bytes())
        )
    except OSError:
        return True  # it cannot be read, so nothing can be said of it


def _with_other_line_ends(content: bytes) -> Iterator[bytes]:
    """A version control may write other line ends on another machine."""
    yield content
    if b"\0" not in content[:8192]:
        yield content.replace(b"\r\n", b"\n")
        yield content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
