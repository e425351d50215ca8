"""Run a command from its start to an exit code: regions, questions, interrupts. Talks to the console.

It knows commands as values, and no capability.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from plldb.cli.command import Stopped
from plldb.cli.interrupts import INTERRUPTED, until_stopped
from plldb.cli.logs import send_logs_to, send_warnings_to
from plldb.cli.output.background import written
from plldb.cli.output.renderer import (
    Outcome,
    OutputClosedError,
    Problem,
    RegionRun,
    closing_lines,
    is_terminal,
)
from plldb.cli.prompts import SharedQuestion, ask_yes
from plldb.errors import PlldbError
from plldb.streams import with_pauses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from plldb.cli.command import Command
    from plldb.cli.invocation import Settings
    from plldb.cli.output.renderer import Renderer, Terminal

    Follow = Callable[[RegionRun[Any]], Awaitable[Outcome]]
    """Runs a command in one region to its end."""
    Ask = Callable[[str, str], Awaitable[bool]]
    """Asks a question about the region of a label."""


LOOK = 0.1
"""Seconds between two looks whether the terminal has been given back."""
LAST_WORDS = 1.0
"""Seconds that the last lines have, once nobody wants to wait any more, if the terminal stands still."""


async def perform(
    command: Command[Any, Any], settings: Settings, terminal: Terminal, stop: asyncio.Event
) -> int:
    """Run ``command`` in all its regions and return the exit code; ``stop`` interrupts it."""
    runs = make_runs(command, settings.regions, terminal.clock())
    renderer = choose_renderer(command, settings, terminal, runs)
    (send_logs_to if settings.verbose else send_warnings_to)(renderer.note)
    work = asyncio.ensure_future(_run_and_write(command, terminal, runs, renderer))

    def report() -> None:
        stopped = Stopped(code="interrupted", reason="interrupted", exit_code=INTERRUPTED)
        with suppress(OutputClosedError):
            renderer.fail(runs[0] if len(runs) == 1 else None, command.explain(stopped, runs))

    code = await until_stopped(work, stop, report, renderer.note, command.leave)
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS):
            await _write_all(terminal)
    return code


def make_runs(command: Command[Any, Any], regions: Sequence[str], now: float) -> list[RegionRun[Any]]:
    """Return one run for each region, begun at ``now``; labelled if there are several."""
    names: list[str | None] = [*dict.fromkeys(regions)] or [None]
    return [
        RegionRun(
            label=(name or "") if len(names) > 1 else "",
            region=name,
            words=command.words(name),
            progress=command.live(now),
        )
        for name in names
    ]


def choose_renderer(
    command: Command[Any, Any], settings: Settings, terminal: Terminal, runs: Sequence[RegionRun[Any]]
) -> Renderer:
    """Return the renderer for where the output goes. Piped and JSON runs never pay for rich."""
    if settings.output == "json":
        from plldb.cli.output.jsonlines import JsonRenderer

        return JsonRenderer(command.name, command.result, terminal, several=len(runs) > 1)
    if not is_terminal(terminal.stdout, terminal.environ):
        from plldb.cli.output.plain import PlainRenderer

        return PlainRenderer(terminal, runs)
    from plldb.cli.output.terminal import TerminalRenderer, open_console

    return TerminalRenderer(open_console(terminal), terminal, runs)


async def _run_and_write(
    command: Command[Any, Any], terminal: Terminal, runs: Sequence[RegionRun[Any]], renderer: Renderer
) -> int:
    """Run to the end of the output: however long its reader takes, an interrupt can still end it."""
    try:
        return await _follow_regions(command, terminal, runs, renderer)
    finally:
        await _write_all(terminal)


async def _write_all(terminal: Terminal) -> None:
    for stream in (terminal.stderr, terminal.stdout):
        with suppress(OutputClosedError):
            await written(stream)


async def _follow_regions(
    command: Command[Any, Any], terminal: Terminal, runs: Sequence[RegionRun[Any]], renderer: Renderer
) -> int:
    async def put(questions: Sequence[str]) -> bool:
        renderer.pause()
        return await ask_yes(terminal, questions)

    shared = SharedQuestion([run.label for run in runs], put)

    async def follow_one(run: RegionRun[Any]) -> Outcome:
        try:
            return await _follow(command, run, renderer, terminal, shared.ask)
        finally:
            shared.leave(run.label)

    try:
        if len(runs) == 1:
            return (await follow_one(runs[0])).exit_code
        code = await _follow_all(runs, renderer, follow_one)
        await written(terminal.stdout)
        return code
    except OutputClosedError as error:
        if isinstance(error.__cause__, BrokenPipeError) and command.changes_nothing:
            return 1  # whoever has seen enough of a status needs no explanation
        stopped = Stopped(code="output-closed", reason=str(error), exit_code=1)
        for line in closing_lines(command.explain(stopped, runs)):
            renderer.note(line)
        return 1


async def _follow_all(runs: Sequence[RegionRun[Any]], renderer: Renderer, follow_one: Follow) -> int:
    """Run all regions to their end, whatever happens in one, and return the exit code of the worst.

    Only a bug or a closed output ends the other regions; a bug is raised once the summary tells it, too.
    """
    tasks = [asyncio.ensure_future(follow_one(run)) for run in runs]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    outcomes = [_outcome_of(run, task) for run, task in zip(runs, tasks, strict=True)]
    renderer.summarise(outcomes)
    for task in tasks:
        if not task.cancelled():
            task.result()
    return max(outcome.exit_code for outcome in outcomes)


def _outcome_of(run: RegionRun[Any], task: asyncio.Future[Outcome]) -> Outcome:
    if task.cancelled():
        return Outcome(run=run, exit_code=1, summary="stopped, because of the bug in another region")
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, OutputClosedError):
        raise error
    return Outcome(run=run, exit_code=1, summary=_bug(error))


async def _follow(
    command: Command[Any, Any], run: RegionRun[Any], renderer: Renderer, terminal: Terminal, ask: Ask
) -> Outcome:
    """Run ``command`` in one region to its end. What the library raises is shown, not raised."""
    try:
        return await _show_events(command, run, renderer, terminal, ask)
    except PlldbError as error:
        problem = command.explain(error, [run])
        with suppress(OutputClosedError):  # the exit code still tells
            renderer.fail(run, problem)
        return Outcome(run=run, exit_code=problem.exit_code, summary=problem.message)
    except (OutputClosedError, asyncio.CancelledError):
        raise
    except Exception as error:
        # A bug keeps its traceback. A program that reads the stream must still see it end.
        with suppress(OutputClosedError):
            renderer.fail(run, _unexpected(command, error))
        raise


async def _show_events(
    command: Command[Any, Any], run: RegionRun[Any], renderer: Renderer, terminal: Terminal, ask: Ask
) -> Outcome:
    exit_code, summary = 0, "done"
    async with (
        aclosing(command.open(run.region)) as stream,
        aclosing(with_pauses(stream, renderer.patience)) as events,
    ):
        async for event in events:
            if event is None and command.is_lent():
                continue
            if event is None:
                renderer.idle(run)
                await written(terminal.stdout)
                continue
            while command.is_lent():  # noqa: ASYNC110 - a lock of the system tells nobody when it is free
                await asyncio.sleep(LOOK)
            run.progress.add(event, terminal.clock())
            renderer.show(run, event)
            await written(terminal.stdout)
            result = command.result(event)
            if result is not None:
                exit_code, summary = result.exit_code, result.summary
            question = command.confirm(event)
            if question is not None and not await ask(run.label, _labelled(run, question)):
                exit_code, summary = 1, command.declined
                renderer.note(_labelled(run, summary))
                break
    renderer.done(run, exit_code)
    await written(terminal.stdout)
    return Outcome(run=run, exit_code=exit_code, summary=summary)


def _labelled(run: RegionRun[Any], text: str) -> str:
    return f"{run.label} {text}" if run.label else text


def _bug(error: BaseException) -> str:
    return f"plldb has a bug: {type(error).__name__}: {error}"


def _unexpected(command: Command[Any, Any], error: Exception) -> Problem:
    return Problem(
        operation=command.name,
        code="internal",
        message=_bug(error),
        hint="please report it together with the traceback.",
        exit_code=1,
    )
