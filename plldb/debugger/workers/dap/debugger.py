"""The debugger of a session: waiting for an editor, and what workers are told. Talks to the relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from plldb.debugger.workers.dap.adapter import start_adapter
from plldb.debugger.workers.dap.relay import Relay
from plldb.debugger.workers.output import Output, TellOutput
from plldb.debugger.workers.project.interpreter import find_python
from plldb.debugger.workers.source import Project
from plldb.tasks import finish


class Debugger:
    """A session's debugger; without a relay it has none. `open_debugger` makes one.

    ``wait`` says whether invocations wait for an editor, ``within`` is how many seconds debugpy may take.
    """

    def __init__(self, relay: Relay | None, *, wait: bool, within: float) -> None:
        self.port = None if relay is None else relay.port
        """Port of 127.0.0.1 on which an editor can attach; None without a debugger."""
        self._relay = relay
        self._wait = wait
        self._within = within
        self._usable = True

    async def wait_for_editor(self) -> bool:
        """Wait until an editor is there, where invocations are to; return whether they are."""
        if self._relay is None or not self._wait or not self._usable:
            return False
        await self._relay.attached.wait()
        return True

    def release(self) -> None:
        """Let nothing wait for an editor any longer."""
        if self._relay is not None:
            self._relay.attached.set()

    def name(self, pid: int, function: str) -> None:
        """Take the name of the function that a process runs, which the editor shows."""
        if self._relay is not None:
            self._relay.names[pid] = f"{function} ({pid})"

    async def settings(self, tell: TellOutput) -> Mapping[str, object] | None:
        """Return what a worker has to know of the debugger. The function runs also if there is none."""
        if self._relay is None or not self._usable:
            return None
        try:
            async with asyncio.timeout(self._within):
                adapter = await self._relay.adapter()
        except OSError as error:  # TimeoutError is one
            reason = str(error) or f"it takes longer than {self._within:g} s"
            await tell(Output("stderr", f"plldb: the debugger cannot be started: {reason}"))
            self._usable = False  # once is enough to wait for it
            return None
        return {**adapter.settings(), "editor": self._relay.has_editor}


@asynccontextmanager
async def open_debugger(
    project: Project, machine: Mapping[str, str], port: int | None, *, wait: bool, within: float
) -> AsyncIterator[Debugger]:
    """Open a debugger on a port of 127.0.0.1, 0 for a free one; with None there is no debugger.

    Raises:
        PortError: the port is taken, or may not be used.
        SourceError: there is no Python for its adapter.
    """
    if port is None:
        yield Debugger(None, wait=wait, within=within)
        return
    python = find_python(project.python, project.folder, project.folder)
    relay = Relay(partial(start_adapter, python, machine))
    try:
        await relay.open(port)
        yield Debugger(relay, wait=wait, within=within)
    finally:
        await finish(relay.close())
