"""With what the worker of a function is started. Talks to the disk, and to Lambda for layers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path

from plldb.debugger.protocol.decisions import Start
from plldb.debugger.workers.dap.debugger import Debugger
from plldb.debugger.workers.environment import worker_environment
from plldb.debugger.workers.output import TellOutput
from plldb.debugger.workers.process import Plan
from plldb.debugger.workers.project.cache import compiled_folder
from plldb.debugger.workers.settings import FunctionSettings
from plldb.debugger.workers.source import Project, Source, find_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the workers of a session have in common.

    Attributes:
        project: where the code is on this machine.
        functions: as deployed, by name; what is looked up when an invocation is run.
        machine: this machine's environment.
        debugger: of the session.
    """

    project: Project
    functions: Mapping[str, FunctionSettings]
    machine: Mapping[str, str]
    debugger: Debugger

    def fetch_layers(self, function: str) -> Awaitable[tuple[Path, ...]] | None:
        """Begin to fetch the layers of a function; return what gives their folders, None for no layers."""
        fetch = self.project.layers
        return fetch(self.functions[function]) if fetch else None

    async def plan(self, start: Start, layers: tuple[Path, ...], tell: TellOutput) -> Plan:
        """Return with what the worker for an invocation is started; ``layers``: see `fetch_layers`.

        Raises:
            SourceError: the code of the function, or a Python for it, is not on this machine.
        """
        function, project = self.functions[start.function], self.project
        source, compiled = await asyncio.to_thread(self._find, function)
        terminal = "" if self.debugger.port else project.terminal
        environment = worker_environment(
            function,
            code=source.folder,
            api="",
            message=start.invocation.environment,
            machine=self.machine,
            variables=project.variables,
            own_credentials=project.own_credentials,
        )
        return Plan(
            python=source.python,
            code=source.folder,
            handler=source.handler,
            environment=environment,
            machine=self.machine,
            debugger=await self.debugger.settings(tell),
            vpc=function.in_vpc,
            layers=(*source.layers, *layers),
            copied=layers,
            compiled=compiled,
            terminal=(terminal, function.logical_id or function.name) if terminal else None,
        )

    def _find(self, function: FunctionSettings) -> tuple[Source, Path | None]:
        """Return where the code of a function lies, and where Python keeps what it compiles of it."""
        source = find_source(self.project, function)
        return source, compiled_folder(source.folder, self.machine)
