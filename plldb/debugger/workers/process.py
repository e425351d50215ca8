"""The process of a worker: how it is started, killed, and what its end means. Talks to processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from plldb.debugger.editors.started import is_followed
from plldb.debugger.workers.environment import loading_environment, start_environment
from plldb.platforms import kill_group, new_group

KILLED_WITHIN = 1.0
"""Seconds that are waited for what a process has left in its group."""
_BUFFER = 2**16  # bytes of each pipe, as asyncio has it
BOOT = Path(__file__).parent / "cargo" / "boot.py"
SIGNALS = (
    *("0", "hangup", "interrupt", "quit", "illegal instruction", "trace/breakpoint trap", "aborted"),
    *("bus error", "floating point exception", "killed", "user defined signal 1", "segmentation fault"),
    *("user defined signal 2", "broken pipe", "alarm clock", "terminated"),
)
"""Signals by number, in the words of the language in which AWS's emulator is written (Go, for Linux)."""


OF_RUNTIME = ("awslambdaric", "simplejson", "snapshot_restore_py")
"""Lambda's own runtime, which is loaded before anything of the project."""
OF_DEBUGGER = ("debugpy",)
BEHIND = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
"""What a managed runtime brings besides, for a project that does not bring it. Nothing else of plldb's
installation can be seen by a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a process is started with before it is known which function it runs.

    Attributes:
        python: the interpreter.
        code: the folder in which it is started: that of the function's code.
        machine: this machine's environment.
        debugger: whether it loads the debugger.
        loading: variables that are read as the runtime and the debugger are loaded.
        installed: when packages were installed or removed last: of a new one Python might know nothing.
    """

    python: Path
    code: Path
    machine: Mapping[str, str] = field(repr=False)
    debugger: bool
    loading: Mapping[str, str] = field(default_factory=dict)
    installed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a worker is started with.

    Attributes:
        python: the interpreter.
        code: the folder of the function's code.
        handler: as in the function's configuration.
        environment: what the function sees. Secret.
        machine: this machine's environment.
        debugger: where the debugger is; None without one.
        vpc: whether the function is in a VPC.
        layers: folders that come last on the function's path.
        copied: those of them whose files do not change.
        compiled: where Python keeps what it compiles of the code; None for nowhere.
        terminal: path of the terminal that pdb may use, and the function's name there; None for none.
    """

    python: Path
    code: Path
    handler: str
    environment: Mapping[str, str] = field(repr=False)
    machine: Mapping[str, str] = field(repr=False)
    debugger: Mapping[str, object] | None = field(default=None, repr=False)
    vpc: bool = False
    layers: tuple[Path, ...] = ()
    copied: tuple[Path, ...] = ()
    compiled: Path | None = None
    terminal: tuple[str, str] | None = None

    def kind(self) -> Kind:
        """Return what it has in common with others: one of the same kind can become this one."""
        return Kind(
            python=self.python,
            code=self.code,
            machine=self.machine,
            debugger=self.debugger is not None,
            loading=loading_environment(self.environment),
            installed=_read_installed(self.python),
        )


def _read_installed(python: Path) -> tuple[int, ...]:
    root = python.parent.parent
    folders = (*root.glob("lib/python*/site-packages"), *root.glob("Lib/site-packages"))
    return tuple(each.stat().st_mtime_ns for each in folders)


@dataclass(frozen=True, slots=True)
class Process:
    """A process in a group of its own, and its three pipes. It ends when ``stdin`` is closed.

    ``end`` waits for its end, and then kills what it has started and left in its group. What has left the
    group may live on and keep the pipes.
    """

    transport: asyncio.SubprocessTransport
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    end: asyncio.Task[int]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.transport.get_pid()

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.transport.get_returncode() is not None

    def say(self, settings: Mapping[str, object]) -> None:
        """Say what it is to read next."""
        self.stdin.write(json.dumps(settings).encode() + b"\n")

    async def wait(self) -> int:
        """Wait for its end and return the exit code, negative after a signal."""
        return await asyncio.shield(self.end)

    async def close(self) -> None:
        """Kill it, wait until it has gone, and close its pipes, whoever has their other ends."""
        self.kill()
        await self.wait()
        self.transport.close()

    def kill(self) -> None:
        """Kill it and all that it has started in its group."""
        if not self.end.done():  # else the number may be another's by now
            _kill(self.transport)


class _Protocol(asyncio.subprocess.SubprocessStreamProtocol):
    """Tells the end of the process itself; asyncio's own `wait` waits until nobody has its pipes, too."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=_BUFFER, loop=loop)
        self.exited, self.closed = loop.create_future(), loop.create_future()
        self._open = 3

    def process_exited(self) -> None:
        super().process_exited()
        if not self.exited.done():  # else the waiting was cancelled: the loop is being closed
            self.exited.set_result(None)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        super().pipe_connection_lost(fd, exc)
        self._open -= 1
        if not self._open:
            self.closed.set_result(None)


@cache
def find_packages() -> dict[str, str]:
    """Return the folder in which each of the packages lies; one that is not installed is left out."""
    found = {}
    for name in (*OF_RUNTIME, *OF_DEBUGGER, *BEHIND):
        spec = find_spec(name)
        if spec is not None and spec.origin:
            path = Path(spec.origin)
            found[name] = str(path.parent.parent if path.name == "__init__.py" else path.parent)
    return found


async def start_process(kind: Kind, settings: Mapping[str, object]) -> Process:
    """Start a process that reads these settings first; see `Process.say` for the next.

    Raises:
        OSError: the interpreter cannot be run.
    """
    pipe, loop = asyncio.subprocess.PIPE, asyncio.get_running_loop()
    # A debugger cannot step through modules that are frozen into the interpreter.
    options = ("-X", "frozen_modules=off") if kind.debugger or is_followed() else ()
    transport, protocol = await loop.subprocess_exec(
        lambda: _Protocol(loop),
        *(str(kind.python), *options, str(BOOT)),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=start_environment(kind.machine),
        cwd=kind.code,
        # Ctrl-C is for plldb alone; and what the function starts ends with its group.
        start_new_session=True,
        creationflags=new_group(vars(subprocess)),
    )
    if protocol.stdin is None or protocol.stdout is None or protocol.stderr is None:
        raise OSError("no pipes")
    end = asyncio.create_task(_wait_for_end(transport, protocol))
    started = Process(transport, protocol.stdin, protocol.stdout, protocol.stderr, end)
    started.say(settings)
    return started


async def _wait_for_end(transport: asyncio.SubprocessTransport, protocol: _Protocol) -> int:
    await protocol.exited
    _kill(transport)
    # Whoever is killed has the pipes until it is gone; who has left the group may have them for ever.
    await asyncio.wait({protocol.closed}, timeout=KILLED_WITHIN)
    return transport.get_returncode() or 0


def _kill(transport: asyncio.SubprocessTransport) -> None:
    def kill_alone() -> None:
        if transport.get_returncode() is None:
            transport.kill()

    kill_group(transport.get_pid(), kill_alone)


def how_it_ended(code: int) -> str:
    """Return how a process ended, as Lambda says it."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code < 0:
        name = SIGNALS[-code] if -code < len(SIGNALS) else f"signal {-code}"
        return f"Runtime exited with error: signal: {name}"
    return f"Runtime exited with error: exit status {code}"
