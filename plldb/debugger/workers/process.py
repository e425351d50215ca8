"""The process of a worker: how it is started, killed, and what its end means. Talks to processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plldb.debugger.workers.environment import start_environment

BOOT = Path(__file__).parent / "cargo" / "boot.py"
KILL = 9
"""SIGKILL."""
NEW_GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""What a new session is on Windows: Ctrl-C does not reach the process."""
SIGNALS = (
    *("0", "hangup", "interrupt", "quit", "illegal instruction", "trace/breakpoint trap", "aborted"),
    *("bus error", "floating point exception", "killed", "user defined signal 1", "segmentation fault"),
    *("user defined signal 2", "broken pipe", "alarm clock", "terminated"),
)
"""Signals by number, in the words of the language in which AWS's emulator is written (Go, for Linux)."""


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
    """

    python: Path
    code: Path
    handler: str
    environment: Mapping[str, str] = field(repr=False)
    machine: Mapping[str, str] = field(repr=False)
    debugger: Mapping[str, object] | None = field(default=None, repr=False)
    vpc: bool = False
    layers: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """A process in a group of its own, and its three pipes. It ends when ``stdin`` is closed.

    ``end`` waits for its end, and then kills what it has started and left in its group.
    """

    process: asyncio.subprocess.Process
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    end: asyncio.Task[int]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.process.returncode is not None

    async def wait(self) -> int:
        """Wait for its end and return the exit code, negative after a signal."""
        return await asyncio.shield(self.end)

    async def close(self) -> None:
        """Kill it and wait until it has gone."""
        self.kill()
        await self.wait()
        self.stdin.close()

    def kill(self) -> None:
        """Kill it and all that it has started in its group."""
        if not self.end.done():  # else the number may be another's by now
            _kill(self.process)


async def start_process(plan: Plan, settings: Mapping[str, object]) -> Process:
    """Start a process that reads these settings first.

    Raises:
        OSError: the interpreter cannot be run.
    """
    pipe = asyncio.subprocess.PIPE
    # A debugger cannot step through modules that are frozen into the interpreter.
    options = ("-X", "frozen_modules=off") if plan.debugger is not None else ()
    process = await asyncio.create_subprocess_exec(
        *(str(plan.python), *options, str(BOOT)),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=start_environment(plan.machine),
        cwd=plan.code,
        # Ctrl-C is for plldb alone; and what the function starts ends with its group.
        start_new_session=True,
        creationflags=NEW_GROUP,
    )
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise OSError("no pipes")
    process.stdin.write(json.dumps(settings).encode() + b"\n")
    end = asyncio.create_task(_wait_for_end(process))
    return Process(process, process.stdin, process.stdout, process.stderr, end)


async def _wait_for_end(process: asyncio.subprocess.Process) -> int:
    code = await process.wait()
    _kill(process)
    return code


def _kill(process: asyncio.subprocess.Process) -> None:
    if hasattr(os, "killpg"):
        # Of a group of which only dead processes are left, macOS says PermissionError.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, KILL)
    elif process.returncode is None:
        process.kill()


def how_it_ended(code: int) -> str:
    """Return how a process ended, as Lambda says it."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code < 0:
        name = SIGNALS[-code] if -code < len(SIGNALS) else f"signal {-code}"
        return f"Runtime exited with error: signal: {name}"
    return f"Runtime exited with error: exit status {code}"
