"""What AWS holds and what we want: what to do. Pure.

The two tables below are the whole of what setup and destroy make of a stack's status;
``docs/states.md`` is checked against them by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from plldb.bootstrap.errors import StackNotOursError, StackStuckError
from plldb.bootstrap.stack.statuses import StackStatus as S
from plldb.errors import Hint

OWNER_TAG = "plldb:component"
OWNER_VALUE = "bootstrap"
VERSION_TAG = "plldb:version"


DEPLOYED = "template, code and tags are what they should be"
DIFFERS = "template, code or tags differ"
MISSING = "what somebody has deleted is taken out of the stack first, and then made anew"


class Step(Enum):
    """What to do about a stack in a certain status; the value says why, for people."""

    CREATE = "there is no stack yet"
    UPDATE = "the stack is settled"
    NOTHING = "there is no stack"
    DELETE = "the stack is there"
    ATTACH = "an operation is running on the stack; it is followed to its end first"
    REMOVE = "a stack in this status can only be deleted and made anew"
    CONTINUE_ROLLBACK = "the rollback of an update stopped half-way; it is continued first"
    REFUSE = "only a person can decide what becomes of an import that failed to roll back"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSnapshot:
    """The stack as DescribeStacks saw it. ``protected``: termination protection is on."""

    stack_id: str
    name: str
    status: S
    status_reason: str
    protected: bool
    tags: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    created: datetime
    updated: datetime | None

    @property
    def ours(self) -> bool:
        """Whether plldb created it."""
        return (OWNER_TAG, OWNER_VALUE) in self.tags

    @property
    def plldb_version(self) -> str | None:
        """The plldb version that last deployed it."""
        return dict(self.tags).get(VERSION_TAG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look at the stack has shown, passed on as a value; to know more, look again.

    Attributes:
        snapshot: the stack; None if there is none.
        body: text of the template that it was made from, empty if CloudFormation has none; None if it was
            not read.
        event_ids: ids of its newest events: what comes after them belongs to what is done next. None if
            they were not read.
    """

    snapshot: StackSnapshot | None
    body: str | None = None
    event_ids: frozenset[str] | None = None

    @property
    def status(self) -> S | None:
        """The status of the stack; None if there is none."""
        return self.snapshot.status if self.snapshot else None


_RUNNING: dict[S | None, Step] = {
    S.CREATE_IN_PROGRESS: Step.ATTACH,
    S.ROLLBACK_IN_PROGRESS: Step.ATTACH,
    S.DELETE_IN_PROGRESS: Step.ATTACH,
    S.UPDATE_IN_PROGRESS: Step.ATTACH,
    S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: Step.ATTACH,
    S.UPDATE_ROLLBACK_IN_PROGRESS: Step.ATTACH,
    S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: Step.ATTACH,
    S.IMPORT_IN_PROGRESS: Step.ATTACH,
    S.IMPORT_ROLLBACK_IN_PROGRESS: Step.ATTACH,
}

SETUP: Mapping[S | None, Step] = {
    None: Step.CREATE,
    **_RUNNING,
    # What a change set leaves that was never executed: an empty stack, which cannot be updated.
    S.REVIEW_IN_PROGRESS: Step.REMOVE,
    S.CREATE_FAILED: Step.REMOVE,
    S.ROLLBACK_FAILED: Step.REMOVE,
    S.ROLLBACK_COMPLETE: Step.REMOVE,
    S.DELETE_FAILED: Step.REMOVE,
    S.DELETE_COMPLETE: Step.CREATE,
    S.UPDATE_ROLLBACK_FAILED: Step.CONTINUE_ROLLBACK,
    S.CREATE_COMPLETE: Step.UPDATE,
    S.UPDATE_COMPLETE: Step.UPDATE,
    S.UPDATE_FAILED: Step.UPDATE,
    S.UPDATE_ROLLBACK_COMPLETE: Step.UPDATE,
    S.IMPORT_COMPLETE: Step.UPDATE,
    S.IMPORT_ROLLBACK_COMPLETE: Step.UPDATE,
    S.IMPORT_ROLLBACK_FAILED: Step.REFUSE,
}

DESTROY: Mapping[S | None, Step] = {
    None: Step.NOTHING,
    **_RUNNING,
    S.REVIEW_IN_PROGRESS: Step.DELETE,
    S.CREATE_FAILED: Step.DELETE,
    S.ROLLBACK_FAILED: Step.DELETE,
    S.ROLLBACK_COMPLETE: Step.DELETE,
    S.DELETE_FAILED: Step.DELETE,
    S.DELETE_COMPLETE: Step.NOTHING,
    # What is to go needs no repair first; CloudFormation deletes from here, too.
    S.UPDATE_ROLLBACK_FAILED: Step.DELETE,
    S.CREATE_COMPLETE: Step.DELETE,
    S.UPDATE_COMPLETE: Step.DELETE,
    S.UPDATE_FAILED: Step.DELETE,
    S.UPDATE_ROLLBACK_COMPLETE: Step.DELETE,
    S.IMPORT_COMPLETE: Step.DELETE,
    S.IMPORT_ROLLBACK_COMPLETE: Step.DELETE,
    S.IMPORT_ROLLBACK_FAILED: Step.DELETE,
}


# Watching changes nothing: it follows what runs, and replays the last operation otherwise.
WATCH: Mapping[S | None, Step] = {
    status: Step.ATTACH if step is Step.ATTACH else Step.NOTHING for status, step in SETUP.items()
}


def decide(snapshot: StackSnapshot | None, table: Mapping[S | None, Step]) -> Step:
    """Decide what to do about the stack.

    Raises:
        StackNotOursError: plldb did not create it.
        StackStuckError: plldb must not go on by itself.
    """
    if snapshot is None:
        return table[None]
    if not snapshot.ours:
        raise StackNotOursError(
            f"There is a stack named {snapshot.name} ({snapshot.status}) which plldb did not create; "
            "it was not touched.",
            stack=snapshot.name,
            status=snapshot.status,
            hint=Hint(
                "choose-place",
                "Use another account or region, or delete that stack if you are sure that nobody needs it.",
            ),
        )
    step = table[snapshot.status]
    if step is Step.REFUSE:
        raise StackStuckError(
            f"The stack {snapshot.name} is {snapshot.status}: {step.value}.",
            stack=snapshot.name,
            status=snapshot.status,
            hint=Hint("delete-stack", "Look at it in the CloudFormation console, or delete all of it."),
        )
    if snapshot.protected and step in (Step.REMOVE, Step.DELETE):
        raise StackStuckError(
            f"The stack {snapshot.name} ({snapshot.status}) has termination protection on; it stays.",
            stack=snapshot.name,
            status=snapshot.status,
            hint=Hint(
                "unprotect-stack", "If it may go, turn off its termination protection.", about=snapshot.name
            ),
        )
    return step


def wanted_tags(version: str, users: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the tags that the stack is to have: plldb's own and the user's."""
    return tuple(sorted({**users, OWNER_TAG: OWNER_VALUE, VERSION_TAG: version}.items()))


def users_tags(snapshot: StackSnapshot | None) -> dict[str, str]:
    """Return the tags of the stack that are not plldb's own."""
    tags = snapshot.tags if snapshot else ()
    return {key: value for key, value in tags if key not in (OWNER_TAG, VERSION_TAG)}


def is_deployed(
    snapshot: StackSnapshot, deployed_body: str | None, body: str, tags: tuple[tuple[str, str], ...]
) -> bool:
    """Tell whether the stack is already what we want it to be.

    The text of the template is compared, which asks nothing of CloudFormation; where it stores the
    text otherwise than it was sent, CloudFormation itself will say that there is nothing to update.
    """
    failed = snapshot.status is S.UPDATE_FAILED
    return not failed and deployed_body == body and tuple(sorted(snapshot.tags)) == tags
