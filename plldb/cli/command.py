"""All that the runner knows of a command, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from plldb.cli.output.progress import ProgressT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
    from datetime import datetime

    from plldb.cli.output.layout import Item
    from plldb.cli.output.renderer import Problem, RegionRun, Result
    from plldb.errors import PlldbError

EventT = TypeVar("EventT")


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
