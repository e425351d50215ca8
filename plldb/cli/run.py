"""Runs a job from its start to an exit code: face, questions, interrupts. Talks to the console."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from plldb.cli.bootstrap.explain import closing_lines, explain_interrupt
from plldb.cli.follow import follow
from plldb.cli.logs import send_logs_to, send_warnings_to
from plldb.cli.output.renderer import Lane, OutputClosedError, choose_face
from plldb.cli.prompts import ask_yes
from plldb.cli.regions import SharedQuestion, follow_all
from plldb.cli.signals import until_stopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plldb.bootstrap.progress import InFlight
    from plldb.cli.jobs import Job, Library
    from plldb.cli.output.renderer import Face, Outcome, Terminal
    from plldb.cli.problems import Problem

LOOKS = frozenset({"status", "doctor", "watch"})
"""The jobs that change nothing."""


async def perform(job: Job, library: Library, terminal: Terminal, stop: asyncio.Event) -> int:
    """Runs ``job`` in all its regions and returns the exit code; ``stop`` interrupts it."""
    lanes = make_lanes(job)
    face = choose_face(job.settings.output, job.name, terminal, lanes)
    if job.settings.verbose:
        send_logs_to(face.note)
    else:
        send_warnings_to(face.note)
    work = asyncio.ensure_future(_follow_lanes(job, library, terminal, lanes, face))

    def report() -> None:
        with suppress(OutputClosedError):
            face.fail(_only(lanes), _interrupted(job, lanes))

    return await until_stopped(work, stop, report, face.note)


def make_lanes(job: Job) -> list[Lane]:
    """One lane for each region; labelled if there are several."""
    regions = list(dict.fromkeys(job.settings.regions))
    if len(regions) < 2:
        return [Lane(region=regions[0] if regions else None)]
    return [Lane(label=region, region=region) for region in regions]


async def _follow_lanes(
    job: Job, library: Library, terminal: Terminal, lanes: Sequence[Lane], face: Face
) -> int:
    async def question() -> bool:
        face.pause()
        return not _asks(job, terminal) or await ask_yes(terminal, "Remove all this for good?")

    shared = SharedQuestion(lanes, question)

    async def follow_lane(lane: Lane) -> Outcome:
        try:
            return await follow(job, library, lane, face, terminal, shared.ask)
        finally:
            shared.leave(lane)

    try:
        if len(lanes) == 1:
            return (await follow_lane(lanes[0])).exit_code
        return await follow_all(lanes, face, follow_lane)
    except OutputClosedError as error:
        if isinstance(error.__cause__, BrokenPipeError) and job.name in LOOKS:
            return 1  # who only looks leaves nothing to tell to one who has seen enough
        for line in closing_lines(_interrupted(job, lanes, closed=str(error))):
            face.note(line)
        return 1


def _asks(job: Job, terminal: Terminal) -> bool:
    return job.asks and job.settings.output == "text" and terminal.stdin.isatty() and terminal.stdout.isatty()


def _interrupted(job: Job, lanes: Sequence[Lane], *, closed: str = "") -> Problem:
    """One problem for all lanes; its commands name the regions that are still at work."""
    flying = [lane for lane in lanes if lane.progress.in_flight != "no"]
    state: InFlight = (
        "yes" if any(lane.progress.in_flight == "yes" for lane in flying) else "maybe" if flying else "no"
    )
    regions = tuple(lane.region for lane in flying or lanes if lane.region)
    creating = all(lane.progress.creating for lane in flying)
    settings = replace(job.settings, regions=regions)
    return explain_interrupt(job, settings, state, creating=creating, closed=closed)


def _only(lanes: Sequence[Lane]) -> Lane | None:
    return lanes[0] if len(lanes) == 1 else None
