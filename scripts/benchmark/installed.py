"""The installed copy of plldb: what is edited in it, and what somebody else changes. Talks to the disk."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scripts.benchmark.measure import MeasuringError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HANDLER = "bootstrap/cloudformation/lambda_functions/ws_api_default_handler.py"


class Installed:
    """A package in ``folder``. What is edited here is known; any other change spoils the figures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known = read_digests(folder)
        self._edits = 0

    def check(self) -> None:
        """Return if all files are what they should be.

        Raises:
            MeasuringError: a file was changed, came or went; the message names it.
        """
        found = tell_changes(self._known, read_digests(self.folder))
        if found:
            raise MeasuringError(
                f"the installed copy was changed by somebody else while it was measured: {', '.join(found)}\n"
                "Its figures mean nothing. Leave .cache/bench-env alone, and run this again."
            )

    def edit_handler(self) -> None:
        """Change one handler so that it is another package."""
        self.check()
        self._edits += 1
        handler = self.folder / HANDLER
        self._write(handler.read_bytes() + f"# edit {self._edits}\n".encode())

    @contextmanager
    def restoring_handler(self) -> Iterator[None]:
        """The handler is as it was, afterwards."""
        before = (self.folder / HANDLER).read_bytes()
        try:
            yield
        finally:
            self._write(before)

    def _write(self, content: bytes) -> None:
        (self.folder / HANDLER).write_bytes(content)
        self._known[HANDLER] = _digest(content)


def read_digests(folder: Path) -> dict[str, str]:
    """A digest of each file under a folder; what Python compiles is left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): _digest(path.read_bytes()) for path in files}


def tell_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names of the files that are not the same. Pure."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
