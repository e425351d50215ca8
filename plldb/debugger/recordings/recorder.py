"""Keeps each invocation of a session as a file. Talks to the disk."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from plldb.debugger.events.attach import RecordingFailed
from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer
from plldb.debugger.recordings.recordings import Recording, make_recording, write_recording
from plldb.debugger.workers.settings import FunctionSettings


class Recorder:
    """Writes into one folder. What it cannot write is told once; nobody waits for it."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, FunctionSettings],
        tell: Callable[[RecordingFailed], None],
    ) -> None:
        """Begin. ``settings`` are those of the functions by name; they may change meanwhile."""
        self._folder = folder
        self._settings = settings
        self._tell = tell
        self._told = False

    async def open(self) -> None:
        """Make the folder, so that whoever has named a wrong one learns of it before anything has come."""
        await self._try(lambda: make_folder(self._folder))

    async def keep(self, start: Start, answer: Answer | None, outcome: str, seconds: float) -> None:
        """Keep an invocation that has ended."""
        settings = self._settings[start.function]
        recording = make_recording(settings, start.invocation, answer, outcome, seconds)
        await self._try(lambda: write_file(self._folder, recording))

    async def _try(self, work: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(work)
        except OSError as error:
            if not self._told:
                self._told = True
                self._tell(RecordingFailed(folder=str(self._folder), message=error.strerror or str(error)))


async def open_recorder(
    folder: Path | None, settings: Mapping[str, FunctionSettings], tell: Callable[[RecordingFailed], None]
) -> Recorder | None:
    """Return what keeps the invocations of a session in a folder; None without a folder."""
    if folder is None:
        return None
    recorder = Recorder(folder, settings, tell)
    await recorder.open()
    return recorder


def make_folder(folder: Path) -> None:
    """Make a folder, for its owner alone, unless it is there.

    Raises:
        OSError: it cannot be made, or nothing can be written into it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    with tempfile.TemporaryFile(dir=folder):
        pass


def write_file(folder: Path, recording: Recording) -> None:
    """Write a file as a whole or not at all: under another name first. Only its owner may read it.

    Raises:
        OSError: the disk is full, or the folder is not there or may not be written.
    """
    name = f"{recording.name}-{secrets.token_hex(4)}"
    part = folder / f".{name}.part"
    try:
        with open(part, "x", encoding="ascii", opener=_for_me) as file:
            file.write(write_recording(recording))
        part.replace(folder / f"{name}.json")
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def _for_me(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
