"""What every operation tells of itself and of the stack. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from plldb.aws.place import Target
from plldb.bootstrap.stack.statuses import NO_STATUS, StackStatus, Status

OperationName = Literal["setup", "destroy", "watch", "doctor"]


StackOperation = Literal["create", "update", "delete", "rollback", "import"]


StartedBy = Literal["this_run", "plldb", "others"]
"""Who began an operation: this very run, another run of plldb, or anybody else (a console, another tool)."""


ActionName = Literal["attach", "continue_rollback", "remove", "create", "update", "delete", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Who acts where. The first event of setup, destroy and watch, before anything is changed.

    doctor tells it as soon as AWS has said who the caller is. ``dry_run`` says that nothing will be
    changed.
    """

    kind: Literal["started"] = "started"
    operation: OperationName
    plldb_version: str
    target: Target
    stack_name: str
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One resource that failed. ``seconds`` it took; ``template_line`` counts from 1 in template.yaml.

    ``hook_type`` is the CloudFormation Hook that refused it, empty if none did.
    """

    logical_id: str
    resource_type: str
    physical_id: str
    status: Status
    reason: str
    timestamp: datetime
    seconds: float | None
    template_line: int | None
    hook_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousFailure:
    """Why an earlier operation left the stack in ``status``; told before plldb clears it away."""

    kind: Literal["previous_failure"] = "previous_failure"
    stack_name: str
    status: StackStatus
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDecided:
    """What happens next to the stack, and why. ``status`` is None if there is no stack."""

    kind: Literal["action_decided"] = "action_decided"
    action: ActionName
    stack_name: str
    status: StackStatus | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStarted:
    """An operation of CloudFormation on the stack is followed from here on.

    ``resources`` is how many resources it may touch, None if that is not known; ``past`` says that it has
    ended already and is told again.
    """

    kind: Literal["operation_started"] = "operation_started"
    operation: StackOperation
    stack_name: str
    stack_id: str
    started_by: StartedBy
    resources: int | None
    past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StackEvent:
    """One event of the stack, exactly as CloudFormation has it, each exactly once, oldest first.

    ``seconds`` is how long the resource took, on the event that ends its work, else None;
    ``is_stack`` marks events of the stack itself; ``started_by`` is of the operation that it belongs to;
    ``template_line`` counts from 1 in template.yaml, None if the resource is not in it; ``hook_type`` and
    ``hook_status`` are of the CloudFormation Hook that the event tells of, empty if it tells of none.
    """

    kind: Literal["stack_event"] = "stack_event"
    event_id: str
    timestamp: datetime
    logical_id: str
    physical_id: str
    resource_type: str
    status: Status
    reason: str
    detailed_status: str
    is_stack: bool
    started_by: StartedBy
    seconds: float | None
    template_line: int | None
    hook_type: str = ""
    hook_status: Status = NO_STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsDelayed:
    """AWS throttles or fails reads, or does not know a new stack yet; the next attempt is in ``seconds``."""

    kind: Literal["events_delayed"] = "events_delayed"
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFinished:
    """The operation that `OperationStarted` announced has come to its end, good or bad."""

    kind: Literal["operation_finished"] = "operation_finished"
    operation: StackOperation
    stack_name: str
    stack_id: str
    started_by: StartedBy
    status: Status
    seconds: float | None


StreamEvent = (
    Started
    | PreviousFailure
    | ActionDecided
    | OperationStarted
    | StackEvent
    | EventsDelayed
    | OperationFinished
)
"""What every operation that follows the stack may yield."""
