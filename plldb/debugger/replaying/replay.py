"""Runs recorded invocations again, one after the other. Talks to the disk and to workers."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import plldb
from plldb.debugger.attaching.invocations.outcomes import finished_event
from plldb.debugger.attaching.invocations.triggers import read_trigger
from plldb.debugger.attaching.telling import Telling
from plldb.debugger.errors import RecordingError
from plldb.debugger.events.attach import AttachEvent, PlannedFunction
from plldb.debugger.events.invocations import InvocationStarted, Output
from plldb.debugger.events.replay import Replayed, ReplayEvent, ReplayFinished, ReplayStarted
from plldb.debugger.pace import Pace
from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer, Identity, Invocation, Sandbox
from plldb.debugger.recordings.recordings import NO_RECORDING, Recording, read_recording
from plldb.debugger.replaying.options import ReplayOptions
from plldb.debugger.workers import output
from plldb.debugger.workers.pool import Workers, open_workers
from plldb.debugger.workers.settings import FunctionSettings
from plldb.debugger.workers.source import Source, find_source
from plldb.errors import Hint
from plldb.streams import Tell

LARGEST_FILE = 64 * 2**20
"""Bytes. A recording of the largest event and the largest answer is a third of that."""


async def replay_files(
    files: Sequence[Path],
    options: ReplayOptions,
    tell: Tell[ReplayEvent],
    *,
    machine: Mapping[str, str],
    followed: bool,
    pace: Pace,
) -> ReplayFinished:
    """Run the invocations that these files have recorded, each function's in one worker.

    ``followed``: a debugger follows this program into its workers.

    Raises:
        RecordingError: a file cannot be read, or is no recording. Nothing was run.
        SourceError: the code of a function, or a Python to run it, is not here. Nothing was run.
        PortError: a debugger cannot connect on this port.
    """
    recordings = await asyncio.to_thread(lambda: [(file, _read(file)) for file in files])
    settings = {recording.function.name: recording.function for _, recording in recordings}
    sources = {
        name: await asyncio.to_thread(find_source, options.project, function)
        for name, function in settings.items()
    }
    opened = open_workers(
        options.project, settings, debug=options.debug_port, wait=options.wait, machine=machine
    )
    # Only events of invocations are put, which both operations have.
    telling = Telling(cast("Tell[AttachEvent]", tell), pace.read_within)
    async with opened as workers, telling:
        functions = tuple(_planned(settings[name], source) for name, source in sources.items())
        await tell(
            ReplayStarted(
                plldb_version=plldb.__version__,
                files=len(files),
                functions=functions,
                debug_port=workers.debug_port,
                followed=followed,
            )
        )
        done = []
        for file, recording in recordings:
            folder = sources[recording.function.name].folder
            done.append(await _run(file, recording, workers, telling, folder))
            await telling.flush()
            await tell(done[-1])
    return _finished(done)


def _finished(done: Sequence[Replayed]) -> ReplayFinished:
    return ReplayFinished(
        invocations=len(done),
        failed=sum(each.outcome != "answered" for each in done),
        differing=sum(not each.same for each in done),
    )


def _read(file: Path) -> Recording:
    try:
        with file.open("rb") as opened:  # perhaps a pipe, or what has no end
            data = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        hint = (
            Hint("fix-argument", f"Name the files in it: {file / '*.json'}")
            if file.is_dir()
            else NO_RECORDING
        )
        raise RecordingError(f"{file} cannot be read: {error.strerror or error}.", hint=hint) from error
    if len(data) > LARGEST_FILE:
        raise RecordingError(f"{file} is too large for a recording.", hint=NO_RECORDING)
    return read_recording(data, str(file))


def _planned(function: FunctionSettings, source: Source) -> PlannedFunction:
    return PlannedFunction(
        function=function.name,
        logical_id=function.logical_id,
        stack=function.stack,
        handler=source.handler,
        folder=str(source.folder),
        python=str(source.python),
    )


async def _run(
    file: Path, recording: Recording, workers: Workers, telling: Telling, folder: Path
) -> Replayed:
    start = _start_of(recording)
    request_id, function = recording.request_id, recording.function.name
    trigger = read_trigger(recording.event).words
    telling.put(InvocationStarted(request_id=request_id, function=function, trigger=trigger))

    async def tell_output(line: output.Output) -> None:
        event = Output(request_id=request_id, function=function, stream=line.stream, text=line.text)
        await telling.put_output(event)

    began = asyncio.get_running_loop().time()
    answer = await workers.run(start, tell_output)
    finished = finished_event(start, answer, asyncio.get_running_loop().time() - began, folder)
    telling.put(finished)
    return Replayed(
        file=str(file),
        request_id=request_id,
        outcome=finished.outcome,
        answer=_text(answer.body if answer else None),
        recorded_outcome=recording.outcome,
        recorded_answer=_text(recording.answer),
        same=_is_same(recording, answer, finished.outcome),
    )


def _start_of(recording: Recording) -> Start:
    now, function = time.time(), recording.function
    return Start(
        # One worker for each function, as in one of Lambda's sandboxes.
        identity=Identity(
            sandbox=Sandbox(function.name, "replay"),
            request_id=recording.request_id,
            nonce=secrets.token_hex(8),
        ),
        function=function.name,
        invocation=Invocation(
            headers=recording.headers,
            environment=(("AWS_LAMBDA_LOG_STREAM_NAME", recording.log_stream),),
            body=recording.event,
            delivered=now,
            deadline=now + function.timeout,
        ),
    )


def _is_same(recording: Recording, answer: Answer | None, outcome: str) -> bool:
    if answer is None or recording.answer is None or outcome != recording.outcome:
        return False
    now, then = _parse(answer.body), _parse(recording.answer)
    if outcome == "failed":
        return all(_member(now, name) == _member(then, name) for name in ("errorType", "errorMessage"))
    return bool(now == then)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else value


def _text(body: bytes | None) -> str:
    """Return JSON in one form, whoever has written it."""
    try:
        return "" if body is None else json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return (body or b"").decode("utf-8", "replace")
