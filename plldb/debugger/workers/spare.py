"""A process that has loaded the runtime and the debugger and waits for its function. Talks to processes.

To load them takes longer than anything else in the start of a worker. One such process is kept in spare: the
next new sandbox, or the first invocation after a file was saved, has only the function itself to load.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from plldb.debugger.workers.process import Kind, Process, find_packages, start_process
from plldb.debugger.workers.runtime_api import RuntimeApi


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A process that waits to be told which function it runs; ``mark`` ends the output of an invocation."""

    kind: Kind
    process: Process
    api: RuntimeApi
    mark: str

    @property
    def address(self) -> str:
        """Host and port of the Runtime API that it speaks to."""
        return f"127.0.0.1:{self.api.port}"

    def become(self, settings: Mapping[str, object]) -> None:
        """Say which function it runs. No editor has seen it before."""
        self.process.say(settings)

    async def close(self) -> None:
        """End it."""
        await self.process.close()
        await self.api.close()


async def begin(kind: Kind) -> Begun:
    """Start a process.

    Raises:
        OSError: the interpreter cannot be run.
    """
    api = RuntimeApi()
    mark = f"\0{secrets.token_hex(8)}\0"
    try:
        await api.open()
        settings = {
            "adapter": False,
            "api": f"127.0.0.1:{api.port}",
            "secret": api.secret,
            "packages": find_packages(),
            "mark": mark,
            "debugger": kind.debugger,
            "loading": kind.loading,
        }
        process = await start_process(kind, settings)
    except BaseException:
        await api.close()
        raise
    return Begun(kind=kind, process=process, api=api, mark=mark)


class Spare:
    """Keeps at most one process that waits."""

    def __init__(self) -> None:
        self._waiting: Begun | None = None
        self._beginning = False

    async def take(self, kind: Kind) -> Begun:
        """Return a process of a kind: the one that waits, or a new one.

        Raises:
            OSError: the interpreter cannot be run.
        """
        waiting, self._waiting = self._waiting, None
        if waiting and waiting.kind == kind and not waiting.process.ended:
            return waiting
        if waiting:
            await waiting.close()
        return await begin(kind)

    async def renew(self, kind: Kind) -> None:
        """Let one of a kind wait, if none does and none is being started."""
        if self._waiting is not None or self._beginning:
            return
        self._beginning = True
        try:
            self._waiting = await begin(kind)
        except OSError:  # it is said where a worker is wanted
            pass
        finally:
            self._beginning = False

    async def close(self) -> None:
        """End the one that waits."""
        waiting, self._waiting = self._waiting, None
        if waiting:
            await waiting.close()
