"""What a command line asks for, and all that the runner knows of a command, as values. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from plldb.cli.output.progress import ProgressT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
    from datetime import datetime

    from plldb.cli.output.layout import Item
    from plldb.cli.output.renderer import Problem, RegionRun, Result
    from plldb.errors import PlldbError

OutputName = Literal["text", "json"]
EventT = TypeVar("EventT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every command takes. No region: the one that AWS's own settings name.

    ``shell_region`` and ``shell_profile`` are those of AWS's variables, where no option overrules them. A run
    finds them by itself; they are for the commands that it proposes, which may be pasted into another shell.
    """

    profile: str | None = None
    regions: tuple[str, ...] = ()
    shell_profile: str | None = None
    shell_region: str | None = None
    output: OutputName = "text"
    verbose: bool = False

    @property
    def proposed_profile(self) -> str | None:
        """The profile that a proposed command is to name."""
        return self.profile or self.shell_profile

    @property
    def proposed_regions(self) -> tuple[str, ...]:
        """The regions that a proposed command is to name."""
        return self.regions or ((self.shell_region,) if self.shell_region else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Why a run ended early though nothing failed: Ctrl-C, or output that is closed."""

    code: Literal["interrupted", "output-closed"]
    reason: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[EventT, ProgressT]):
    """A command, ready to be run in any number of regions.

    Attributes:
        name: what programs know it by.
        open: starts it in one region; None: the one that AWS's own settings name.
        words: makes, for one region, what puts its events into words.
        result: what an event says of the result; None if it is not the last of its stream.
        explain: why there is no result, in the regions that it is about.
        confirm: what a person is asked when the event has come, before the run goes on; None for nothing.
        declined: what a person is told who has said no.
        live: makes, for one region whose run begins now (POSIX seconds), what knows how far it is.
        changes_nothing: whoever has seen enough of it needs no explanation.
        is_lent: whether somebody else has the terminal at the moment, who must not be written between.
        leave: asks the run to come to its own end, at the first interrupt, and returns what is to be done
            before a second one breaks that off; None if the first has to.
    """

    name: str
    open: Callable[[str | None], AsyncGenerator[EventT, None]]
    words: Callable[[str | None], Callable[[EventT, datetime], Sequence[Item]]]
    result: Callable[[EventT], Result | None]
    explain: Callable[[PlldbError | Stopped, Sequence[RegionRun[ProgressT]]], Problem]
    confirm: Callable[[EventT], str | None]
    declined: str
    live: Callable[[float], ProgressT]
    changes_nothing: bool
    leave: Callable[[], Callable[[], Coroutine[Any, Any, None]] | None] = lambda: None
    is_lent: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What was typed: parsed without an event loop and without AWS.

    ``values`` are the options that belong to the command alone, ``words`` the same as they were typed, to
    do the same again. ``load`` imports what running it takes; its second argument stands in for the
    library, None for the real one. ``interrupted`` is the hint where an interrupt ends it without a word.
    """

    name: str
    settings: Settings
    values: Mapping[str, Any]
    words: tuple[str, ...]
    load: Callable[[Invocation, Any], Command[Any, Any]]
    interrupted: str


def command_line(
    *words: str, regions: Sequence[str] = (), profile: str | None = None, options: Sequence[str] = ()
) -> str:
    """Return the command line that does something in these regions, to be pasted into any shell."""
    places = [part for region in regions for part in ("--region", region)]
    profiles = ["--profile", profile] if profile else []
    return shlex.join(["plldb", *words, *places, *profiles, *options])
