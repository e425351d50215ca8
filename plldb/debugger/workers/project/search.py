"""In which folders of a project a handler can be. Talks to the disk."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from plldb.debugger.errors import MOST_NAMED
from plldb.debugger.workers.project.handlers import files_of

OUTPUT = frozenset({".aws-sam", "cdk.out", ".serverless", "build", "dist", ".chalice"})
"""Folders with copies of the code that tools make."""
NEITHER = frozenset({"node_modules", "site-packages", "__pycache__", "venv", "env"})
MOST_FOLDERS = 20_000
"""How many folders are looked into before the search is given up."""


def find_elsewhere(where: Path, handler: str) -> list[str]:
    """Return other files of a handler: of the same repository, or else in the output of a build."""
    repository = [where, *above(where)][-1]
    found = [*search(repository, handler)] or [*search(where, handler, NEITHER)]
    return [str(find_handler(each, handler)) for each in found[:MOST_NAMED]]


def find_handler(folder: Path, handler: str, root: Path | None = None) -> Path | None:
    """Return the file of a handler, None if it is no file below the folder: nothing else is ever run.

    A link may lead to another folder below ``root``.
    """
    for path in (folder / name for name in files_of(handler)):
        if path.is_file() and any(path.resolve().is_relative_to(each) for each in (folder, root or folder)):
            return path
    return None


def search(root: Path, handler: str, without: Collection[str] = OUTPUT | NEITHER) -> Iterator[Path]:
    """Yield the folders below this one from which a handler can be imported."""
    first = [each.partition("/")[0] for each in files_of(handler)]
    for path, files in walk(root, without):
        inside = any(each in files or os.path.isdir(os.path.join(path, each)) for each in first)
        if inside and find_handler(Path(path), handler):
            yield Path(path)


def above(folder: Path) -> list[Path]:
    """Return the folders above this one up to the root of its repository; none if it is in no repository."""
    parents = [folder, *folder.parents]
    roots = (number for number, each in enumerate(parents) if (each / ".git").exists())
    return parents[1 : next(roots, 0) + 1]


def files_of_services(project: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yield the files of these names in a project and two folders deep: it may have several services."""
    wanted = frozenset(names)
    for path, files in walk(project, deepest=2):
        if not wanted.isdisjoint(files):
            yield from (Path(path, name) for name in names if name in files)


def walk(
    root: Path, without: Collection[str] = OUTPUT | NEITHER, *, deepest: float = math.inf
) -> Iterator[tuple[str, list[str]]]:
    """Yield the folders that may have source, and the names of their files.

    Args:
        root: where to begin.
        without: names of folders that are left out, besides hidden ones.
        deepest: how many folders deep below ``root``.
    """
    below = str(root).count(os.sep)
    for count, (path, folders, files) in enumerate(os.walk(root)):
        if count >= MOST_FOLDERS:
            return
        if path.count(os.sep) - below >= deepest:
            folders.clear()
        folders[:] = sorted(each for each in folders if each not in without and not each.startswith("."))
        yield path, files
