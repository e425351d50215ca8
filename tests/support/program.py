"""The program as its users run it: arguments in, exit code and output out. Talks to processes."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that is over. ``code`` is negative after a signal, ``seconds`` is wall time."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self) -> str:
        """All of it, for the message of a failed assertion."""
        return f"exit code {self.code} after {self.seconds:.1f} s\n{self.stdout}\n-- stderr --\n{self.stderr}"


class Running:
    """A run that is under way; `finish` waits for its end, `process` takes signals."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._start = time.monotonic()

    async def finish(self, *, seconds: float = 120.0, stdin: str | None = None) -> Finished:
        """Wait for the end; after so many seconds kill the program and raise `TimeoutError`."""
        try:
            async with asyncio.timeout(seconds):
                output = await self.process.communicate(None if stdin is None else stdin.encode())
        except TimeoutError:
            stdout, stderr = await self.kill()
            message = f"still running after {seconds} s\n{stdout.decode()}\n-- stderr --\n{stderr.decode()}"
            raise TimeoutError(message) from None
        assert self.process.returncode is not None
        return Finished(
            code=self.process.returncode,
            stdout=output[0].decode(),
            stderr=output[1].decode(),
            seconds=time.monotonic() - self._start,
        )

    async def read_until(self, text: str) -> str:
        """What the program writes up to the line with that text."""
        assert self.process.stdout is not None
        lines = []
        async with asyncio.timeout(120):
            while line := (await self.process.stdout.readline()).decode():
                lines.append(line)
                if text in line:
                    return "".join(lines)
        raise AssertionError(f"it ended without {text!r}:\n{''.join(lines)}")

    async def kill(self) -> tuple[bytes, bytes]:
        """SIGKILL, then what is left of the output."""
        with suppress(ProcessLookupError):
            self.process.kill()
        return await self.process.communicate()


@asynccontextmanager
async def started(
    *arguments: str, env: Mapping[str, str], cwd: Path, python: str = sys.executable
) -> AsyncIterator[Running]:
    """``python -m plldb`` with these arguments; killed if it still runs at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        python,
        "-m",
        "plldb",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(env),
        cwd=cwd,
    )
    running = Running(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            await running.kill()


async def run(
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path,
    seconds: float = 120.0,
    stdin: str | None = None,
    python: str = sys.executable,
) -> Finished:
    """Run to the end; what `started` and `Running.finish` do, in one go."""
    async with started(*arguments, env=env, cwd=cwd, python=python) as running:
        return await running.finish(seconds=seconds, stdin=stdin)
