"""Follows the stream of one region and shows it. Talks to AWS, through the library, and to a face."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from plldb.bootstrap.events import RemovalPlanned
from plldb.cli.bootstrap.explain import explain_error
from plldb.cli.bootstrap.plans import is_anything_there
from plldb.cli.output.jsonlines import result_of
from plldb.cli.output.renderer import Outcome, OutputClosedError
from plldb.cli.problems import Problem
from plldb.errors import PlldbError

NOT_WELL = frozenset({"unhealthy", "not_deployed", "not_ready"})
"""Results that are no failure of the command, but no good news."""

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from plldb.cli.jobs import Job, Library, Settings, Shown
    from plldb.cli.output.renderer import Face, Lane, Terminal

    Ask = Callable[[Lane], Awaitable[bool]]
    """Asks whether to go on with a removal."""


async def follow(job: Job, library: Library, lane: Lane, face: Face, terminal: Terminal, ask: Ask) -> Outcome:
    """Runs ``job`` in one region to its end. What the library raises is shown, not raised."""
    try:
        return await _follow(job, library, lane, face, terminal, ask)
    except PlldbError as error:
        problem = explain_error(error, job, lane_settings(job.settings, lane), lane.progress)
        with suppress(OutputClosedError):  # the exit code still tells
            face.fail(lane, problem)
        return Outcome(lane=lane, exit_code=problem.exit_code, said=problem.message)
    except (OutputClosedError, asyncio.CancelledError):
        raise
    except Exception as error:
        # A bug keeps its traceback. A program that reads the stream must still see it end.
        with suppress(OutputClosedError):
            face.fail(lane, _unexpected(job, error))
        raise


async def _follow(
    job: Job, library: Library, lane: Lane, face: Face, terminal: Terminal, ask: Ask
) -> Outcome:
    exit_code, said = 0, "done"
    lane.progress.start(terminal.clock())
    async with (
        aclosing(job.open(library, lane.region)) as stream,
        aclosing(with_pauses(stream, face)) as events,
    ):
        async for event in events:
            if event is None:
                face.idle(lane)
                continue
            lane.progress.add(event, terminal.clock())
            face.show(lane, event)
            result = result_of(event)
            said = result.replace("_", " ") if result else said
            exit_code = 1 if result in NOT_WELL else 0
            if isinstance(event, RemovalPlanned) and is_anything_there(event) and not await ask(lane):
                exit_code, said = 1, "nothing was removed"
                face.note(f"{lane.label} {said}".strip())
                break
    face.done(lane, exit_code)
    return Outcome(lane=lane, exit_code=exit_code, said=said)


async def with_pauses(stream: AsyncGenerator[Shown, None], face: Face) -> AsyncGenerator[Shown | None, None]:
    """Yields what ``stream`` yields, and None whenever nothing came for as long as the face is patient."""
    upcoming: asyncio.Task[Shown | None] | None = None
    try:
        while True:
            upcoming = asyncio.create_task(_next(stream))
            while not (await asyncio.wait({upcoming}, timeout=face.patience))[0]:
                yield None
            event = upcoming.result()
            if event is None:
                return
            yield event
    finally:
        if upcoming is not None and not upcoming.done():
            upcoming.cancel()
            with suppress(asyncio.CancelledError):
                await upcoming


async def _next(stream: AsyncGenerator[Shown, None]) -> Shown | None:
    return await anext(stream, None)


def lane_settings(settings: Settings, lane: Lane) -> Settings:
    """The settings that name this region alone."""
    return replace(settings, regions=(lane.region,)) if lane.region else settings


def _unexpected(job: Job, error: Exception) -> Problem:
    return Problem(
        operation=job.name,
        code="internal",
        message=f"plldb has a bug: {type(error).__name__}: {error}",
        hint="please report it together with the traceback.",
        exit_code=1,
    )
