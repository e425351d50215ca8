"""debugpy's adapter, and the process that an editor attaches to first. Talks to processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plldb.debugger.workers.process import Kind, Process, find_packages, start_process

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A running adapter: its ports for editors and for workers.

    A connection for an editor begins with ``secret``; workers prove themselves with ``token``.
    """

    process: Process
    client: int
    secret: str = field(repr=False)
    server: int
    token: str = field(repr=False)

    @property
    def pid(self) -> int:
        """Id of the process that an editor attaches to first."""
        return self.process.pid

    @property
    def ended(self) -> bool:
        """Whether somebody has ended it."""
        return self.process.ended

    def settings(self) -> Mapping[str, object]:
        """Return what a worker has to know of it. Secret."""
        return {"server": self.server, "token": self.token, "pid": self.pid}

    async def close(self) -> None:
        """End it. The adapter ends by itself as soon as all of its processes have ended."""
        await self.process.close()


async def start_adapter(python: Path, machine: Mapping[str, str]) -> Adapter:
    """Start the adapter.

    Raises:
        OSError: it does not start.
    """
    kind = Kind(python=python, code=Path.cwd(), machine=machine, debugger=True)
    process = await start_process(kind, {"adapter": True, "packages": find_packages()})
    try:
        while line := await process.stdout.readline():
            if adapter := _read_adapter(process, line):
                return adapter
    except asyncio.CancelledError:
        await process.close()
        raise
    except ValueError:  # a line without an end
        pass
    process.kill()  # what is alive keeps the pipe open
    said = (await process.stderr.read()).decode(errors="replace").strip()
    await process.close()
    raise OSError(said.rpartition("\n")[2] or "it ended")


def _read_adapter(process: Process, line: bytes) -> Adapter | None:
    """Return the adapter that a line tells of; None for one that the project's Python prints at its start."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match told:
        case {"client": int(client), "secret": str(secret), "server": int(server), "token": str(token)}:
            return Adapter(process=process, client=client, secret=secret, server=server, token=token)
    return None
