"""What `restore` tells, and what `attach` tells of functions as well. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from plldb.aws.place import Target

OperationName = Literal["attach", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Who acts where; the first event, before anything is changed.

    ``stack_name`` is empty if none was named, and has commas between several. ``dry_run``: whether nothing
    will be changed.
    """

    kind: Literal["started"] = "started"
    operation: OperationName
    plldb_version: str
    target: Target
    stack_name: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRefused:
    """A function was left as it is; the others go on.

    Attributes:
        function: its name.
        reason: a stable word for programs, for example ``held``, ``layers``, ``gone``.
        message: why, as the end of a sentence that begins with the function's name.
        holder: who holds it, where ``reason`` is ``held``, with commas between several; else empty.
        since: since when, in POSIX seconds; 0 where nobody holds it.
        shared_by_conditions: whether a session with conditions of its own can hold it beside them.
    """

    kind: Literal["function_refused"] = "function_refused"
    function: str
    reason: str
    message: str
    holder: str = ""
    since: int = 0
    shared_by_conditions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionArmed:
    """A version was published while the function was armed, and cannot be changed any more.

    It runs the deployed code, since the agent starts in ``$LATEST`` only. ``aliases`` are those that point
    at it.
    """

    kind: Literal["version_armed"] = "version_armed"
    function: str
    function_version: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionHolder:
    """Who holds a function, alone or with others who have other conditions.

    Attributes:
        who, host: the ARN of the caller, and the name of the machine.
        stack: for which stack, with commas between several.
        since, lease_until: POSIX seconds.
        where: the conditions on which invocations are taken; empty if all are.
    """

    who: str
    host: str
    stack: str
    since: int
    lease_until: int
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A function has nothing of plldb's on it, or nothing of this caller's.

    ``how``: it had and was restored, it had nothing, or there is no such function any more. A session that
    ends has nothing to do either with what somebody else holds by now. ``left``: ``others``, who hold it on
    other conditions, go on with it.
    """

    kind: Literal["restored"] = "restored"
    function: str
    how: Literal["restored", "nothing-to-do", "gone", "left"]
    others: tuple[FunctionHolder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFunction:
    """A function that somebody holds, or that still has plldb's settings.

    Attributes:
        function: its name.
        armed: whether plldb's settings are on it.
        holders: who holds it, in the order in which they are asked for an invocation; empty if nobody does.
        versions: published versions that keep plldb's layer, with the aliases that point at each.
    """

    function: str
    armed: bool
    holders: tuple[FunctionHolder, ...] = ()
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOverPlanned:
    """These functions will be restored though other people hold them; nothing has been changed yet."""

    kind: Literal["take_over_planned"] = "take_over_planned"
    functions: tuple[HeldFunction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreFinished:
    """Restoring is done.

    ``restored`` counts functions that were changed, ``refused`` those left armed, ``shared`` those that
    others go on with.
    """

    kind: Literal["restore_finished"] = "restore_finished"
    restored: int
    refused: int
    shared: int = 0

    @property
    def outcome(self) -> Literal["restored", "unchanged", "not_restored"]:
        """The result in a word: ``not_restored`` if any function was left armed."""
        if self.refused:
            return "not_restored"
        return "restored" if self.restored else "unchanged"


RestoreEvent = Started | TakeOverPlanned | FunctionRefused | VersionArmed | Restored | RestoreFinished
"""What `restore` may yield."""
