"""Runs programs to their end and tells what they cost: time, CPU, requests. Talks to processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.environment import Credentials, aws_settings, isolated
from tests.support.records import Record, find_critical_path, find_most_in_flight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.proxy import Proxy

Command = tuple[str, ...]

_READS = ("Get", "List", "Describe", "Head")
_LINES_TOLD = 25


class MeasuringError(Exception):
    """A program did not do what was to be measured; the message has the end of its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one or several commands. ``start`` and ``end`` are seconds of `time.monotonic`."""

    start: float
    end: float
    cpu_seconds: float
    output: str
    records: tuple[Record, ...] = ()

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.end - self.start

    @property
    def round_trips(self) -> int:
        """How many requests lie on the critical path."""
        return len(find_critical_path(self.records))

    def count(self, operation: str) -> int:
        """How many requests of one operation there were."""
        return sum(record.operation == operation for record in self.records)


@dataclass(slots=True, kw_only=True)
class Series:
    """Runs of the same thing, one after the other."""

    runs: list[Run] = field(default_factory=list)

    def summarise(self) -> dict[str, list[float]]:
        """What the table and the JSON file have of it: one value for each run."""
        return {
            "seconds": [round(run.seconds, 3) for run in self.runs],
            "cpu_seconds": [round(run.cpu_seconds, 3) for run in self.runs],
            "requests": [len(run.records) for run in self.runs],
            "round_trips": [run.round_trips for run in self.runs],
            "round_trips_to_first_event": [count_to_first_event(run.records) for run in self.runs],
            "in_flight": [find_most_in_flight(run.records) for run in self.runs],
            "uploads": [run.count("PutObject") for run in self.runs],
            "uploads_in_flight": [find_most_in_flight(run.records, "PutObject") for run in self.runs],
            "writes": [len(name_writes(run.records)) for run in self.runs],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where programs run: an emulated account behind the proxy, and an empty folder."""

    proxy: Proxy
    folder: Path
    account: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every program, without anything of the developer's."""
        settings = aws_settings(self.proxy.url, Credentials(access_key_id=self.account))
        return base_environment(self.folder) | settings

    async def run(self, *commands: Command, env: Mapping[str, str] | None = None) -> Run:
        """Run commands one after the other, as a person would who types all of them."""
        self.proxy.forget()
        environment = {**self.environment, **(env or {})}
        run = await asyncio.to_thread(run_all, commands, environment, self.folder)
        return Run(
            start=run.start,
            end=run.end,
            cpu_seconds=run.cpu_seconds,
            output=run.output,
            records=self.proxy.records,
        )


def base_environment(folder: Path) -> dict[str, str]:
    """What a program needs to run, with no AWS settings and no telemetry."""
    kept = {key: value for key, value in isolated(os.environ, folder).items() if key != "PYTHONPATH"}
    return kept | {"HOME": str(folder), "SAM_CLI_TELEMETRY": "0", "CDK_DISABLE_CLI_TELEMETRY": "true"}


def run_all(
    commands: Sequence[Command], environment: Mapping[str, str], folder: Path, expect: int = 0
) -> Run:
    """Run commands one after the other; each has to end with the exit code ``expect``."""
    start, cpu, output = time.monotonic(), 0.0, ""
    for command in commands:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        with process.stdout:
            output += process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu += usage.ru_utime + usage.ru_stime
        if process.returncode != expect:
            end_of_output = "\n".join(output.splitlines()[-_LINES_TOLD:])
            name = " ".join([Path(command[0]).name, *command[1:3]])
            raise MeasuringError(f"{name} ended with exit code {process.returncode}:\n{end_of_output}")
    return Run(start=start, end=time.monotonic(), cpu_seconds=cpu, output=output)


def count_to_first_event(records: Sequence[Record]) -> int:
    """Round trips up to the first look at the events of a stack that was just created or updated."""
    started = next((each for each in records if each.operation in ("CreateStack", "UpdateStack")), None)
    if started is None:
        return 0
    looks = [each for each in records if each.operation == "DescribeStackEvents"]
    first = next((each for each in looks if each.start >= started.end), None)
    return len(find_critical_path(each for each in records if first and each.end <= first.end))


def name_writes(records: Sequence[Record]) -> list[str]:
    """The requests that change something."""
    return [record.operation for record in records if not record.operation.startswith(_READS)]
