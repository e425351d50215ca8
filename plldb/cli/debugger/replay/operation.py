"""``plldb replay`` as the runner knows it. Talks to the disk and to workers through the library."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from plldb.cli.command import Command
from plldb.cli.debugger.replay.words import ReplayProgress, ReplayWords, finished_text
from plldb.cli.hints import hint_text
from plldb.cli.output.renderer import Problem, Result
from plldb.debugger.events.replay import ReplayFinished
from plldb.debugger.replaying.options import ReplayOptions
from plldb.errors import PlldbError
from plldb.platforms import write_no_core

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from plldb.cli.command import Stopped
    from plldb.cli.invocation import Invocation
    from plldb.cli.output.renderer import RegionRun
    from plldb.debugger.events.replay import ReplayEvent


class Library(Protocol):
    """The part of `plldb.debugger` that the command line uses."""

    def replay(self, files: Sequence[Path], options: ReplayOptions) -> AsyncGenerator[ReplayEvent, None]:
        """Run again."""


def make_command(asked: Invocation, library: Library | None) -> Command[ReplayEvent, ReplayProgress]:
    """Return what was asked for, ready to be run; ``library`` None: `plldb.debugger`."""
    return Command(
        name=asked.name,
        open=lambda _: _replay(asked, library or _import_library()),
        words=lambda _: ReplayWords(waits=asked.values["wait"]).say,
        result=result_of,
        explain=partial(explain, asked),
        confirm=lambda _: None,
        declined="",
        live=ReplayProgress,
        changes_nothing=False,
    )


def _import_library() -> Library:
    from plldb import debugger

    return debugger


def _replay(asked: Invocation, library: Library) -> AsyncGenerator[ReplayEvent, None]:
    write_no_core()
    values = asked.values
    options = ReplayOptions(
        code=Path(values["code"]),
        folders={function: Path(folder) for function, folder in values["folders"].items()},
        variables=values["env"],
        python=Path(values["python"]) if values["python"] else None,
        debug_port=None if values["no_debug"] else values["debug_port"],
        wait=values["wait"],
        own_credentials=values["credentials"] == "local",
    )
    return library.replay([Path(file) for file in values["files"]], options)


def result_of(event: ReplayEvent) -> Result | None:
    """Return what an event says of the result; None if it is not the last of its stream."""
    if not isinstance(event, ReplayFinished):
        return None
    return Result(name=event.outcome, summary=finished_text(event), exit_code=1 if event.failed else 0)


def explain(
    asked: Invocation, why: PlldbError | Stopped, runs: Sequence[RegionRun[ReplayProgress]]
) -> Problem:
    """Return what a person needs to know about a run that has no result."""
    if isinstance(why, PlldbError):
        hint = hint_text(why.hint)
        return Problem(operation=asked.name, code=why.code, message=why.message, hint=hint, exit_code=2)
    done = sum(run.progress.done for run in runs)
    return Problem(
        operation=asked.name,
        code=why.code,
        message=f"{why.reason}: plldb {asked.name} has stopped",
        hint=f"{done} of {len(asked.values['files'])} had ended.",
        exit_code=why.exit_code,
    )
