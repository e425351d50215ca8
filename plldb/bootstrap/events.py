"""What bootstrap tells the world: a closed union of frozen values. Pure.

``SetupEvent``, ``DestroyEvent``, ``WatchEvent`` and ``DoctorEvent`` name what each operation may yield. The
last event carries the result; failures are raised, not yielded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from plldb.aws.place import Target
from plldb.bootstrap.stack.statuses import NO_STATUS, StackStatus, Status
from plldb.errors import Hint

OperationName = Literal["setup", "destroy", "watch", "doctor"]
StackOperation = Literal["create", "update", "delete", "rollback", "import"]
StartedBy = Literal["this_run", "plldb", "others"]
"""Who began an operation: this very run, another run of plldb, or anybody else (a console, another tool)."""
PartType = Literal["AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::ApiGatewayV2::Api"]
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


# --- stages of a setup --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketReady:
    """The artifact bucket exists, is ours and is safe.

    ``repaired`` names the settings that were put right; of a new bucket those that it did not have already.
    """

    kind: Literal["bucket_ready"] = "bucket_ready"
    bucket: str
    created: bool
    repaired: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketDelayed:
    """S3 needs time, and plldb waits for it, for ``seconds`` at most.

    ``reason`` is "name_in_use" while S3 is still deleting, or creating, a bucket of that name, and
    "versioning" while versioning, which was just turned on, is not in effect yet.
    """

    kind: Literal["bucket_delayed"] = "bucket_delayed"
    bucket: str
    reason: Literal["name_in_use", "versioning"]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactReady:
    """One package lies in the bucket. ``uploaded`` is False if the same bytes were there already."""

    kind: Literal["artifact_ready"] = "artifact_ready"
    function_name: str
    bucket: str
    key: str
    version_id: str
    size: int
    uploaded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePublished:
    """The rendered template was uploaded; CloudFormation reads exactly this version."""

    kind: Literal["template_published"] = "template_published"
    bucket: str
    key: str
    version_id: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPart:
    """A table, a function or the API of the stack; ``name`` is what its service knows it by."""

    logical_id: str
    resource_type: PartType
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsMissing:
    """Somebody has deleted these by hand. Setup takes them out of the stack, and then makes them anew.

    ``renewed`` names, by their logical ids, all the resources that this is done with: what refers to what is
    missing as well.
    """

    kind: Literal["parts_missing"] = "parts_missing"
    stack_name: str
    missing: tuple[StackPart, ...]
    renewed: tuple[str, ...]


# --- the stack ----------------------------------------------------------------------------------------


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


# --- the end of a setup -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a finished setup gives: where debuggers connect, the ARN of the layer with their agent.

    ``outputs`` are those of the stack, value by name.
    """

    stack_name: str
    stack_id: str
    account: str
    region: str
    plldb_version: str
    bucket: str
    websocket_url: str
    agent_layer_arn: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFinished:
    """Setup is done. ``changed`` is False if there was nothing to change."""

    kind: Literal["setup_finished"] = "setup_finished"
    changed: bool
    deployment: Deployment

    @property
    def outcome(self) -> Literal["deployed", "unchanged"]:
        """The result in a word."""
        return "deployed" if self.changed else "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPlan:
    """What setup would do with one package: upload it as new, upload it as changed, or leave it."""

    function_name: str
    key: str
    change: Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """One resource that setup would add, modify or remove (CloudFormation's words, in small letters).

    ``replacement`` is a word, not a truth value.
    """

    action: str
    logical_id: str
    resource_type: str
    replacement: Literal["true", "false", "conditional"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPlanned:
    """The end of a dry run: what setup would do. Nothing was changed.

    ``changes`` are what CloudFormation says of an update, and all resources of the template if there is no
    stack yet; otherwise it is empty. ``missing`` is what somebody has deleted by hand.
    """

    kind: Literal["setup_planned"] = "setup_planned"
    bucket: str
    bucket_change: Literal["create", "repair", "none"]
    repairs: tuple[str, ...]
    artifacts: tuple[ArtifactPlan, ...]
    action: ActionName
    reason: str
    missing: tuple[StackPart, ...] = ()
    changes: tuple[ResourceChange, ...]

    @property
    def outcome(self) -> Literal["planned"]:
        """The result in a word."""
        return "planned"


# --- destroy ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalPlanned:
    """What destroy is about to remove; nothing has been changed yet, so this is the place to stop.

    The last event of a dry run.
    ``stack_status`` is None if there is no stack, ``bucket`` is None if there is no bucket.
    ``versions`` counts object versions in the bucket, ``more`` says that there are more than that.
    ``foreign`` names what lies in the bucket outside ``plldb/``; it keeps the bucket in place.
    """

    kind: Literal["removal_planned"] = "removal_planned"
    stack_name: str
    stack_status: StackStatus | None
    bucket: str | None
    keep_bucket: bool
    versions: int
    more: bool
    foreign: tuple[str, ...]

    @property
    def outcome(self) -> Literal["planned"]:
        """The result of a dry run in a word."""
        return "planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketEmptied:
    """A page of versions and delete markers was removed; ``versions`` counts all so far."""

    kind: Literal["bucket_emptied"] = "bucket_emptied"
    bucket: str
    versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketDeleted:
    """The artifact bucket is gone."""

    kind: Literal["bucket_deleted"] = "bucket_deleted"
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketKept:
    """The bucket stays, because it was asked for or because something outside ``plldb/`` lies in it."""

    kind: Literal["bucket_kept"] = "bucket_kept"
    bucket: str
    reason: Literal["asked", "foreign"]
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyFinished:
    """Destroy is done. ``changed`` is False if nothing was there; ``bucket_kept`` if the bucket stays."""

    kind: Literal["destroy_finished"] = "destroy_finished"
    changed: bool
    bucket_kept: bool

    @property
    def outcome(self) -> Literal["removed", "unchanged"]:
        """The result in a word."""
        return "removed" if self.changed else "unchanged"


# --- watch --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFinished:
    """Watch is done. ``status`` is that of the stack now, None if there is no stack."""

    kind: Literal["watch_finished"] = "watch_finished"
    stack_name: str
    status: StackStatus | None

    @property
    def outcome(self) -> Literal["watched"]:
        """The result in a word."""
        return "watched"


# --- doctor ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the doctor found; ``check`` names what was examined.

    ``remedy`` is the way out, None if none is needed or known.
    """

    kind: Literal["finding"] = "finding"
    check: str
    verdict: Literal["ok", "warning", "problem", "unknown"]
    message: str
    remedy: Hint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFinished:
    """The examination is done; how many findings are problems, and how many warnings."""

    kind: Literal["doctor_finished"] = "doctor_finished"
    problems: int
    warnings: int

    @property
    def outcome(self) -> Literal["ready", "not_ready"]:
        """The result in a word: whether a setup can begin."""
        return "not_ready" if self.problems else "ready"


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

SetupEvent = (
    StreamEvent
    | BucketDelayed
    | BucketReady
    | ArtifactReady
    | PartsMissing
    | TemplatePublished
    | SetupPlanned
    | SetupFinished
)
"""What `setup` may yield."""
DestroyEvent = StreamEvent | RemovalPlanned | BucketEmptied | BucketDeleted | BucketKept | DestroyFinished
"""What `destroy` may yield."""
WatchEvent = StreamEvent | WatchFinished
"""What `watch` may yield."""
DoctorEvent = Started | Finding | DoctorFinished
"""What `doctor` may yield."""
Event = SetupEvent | DestroyEvent | WatchEvent | DoctorEvent
"""Everything that bootstrap can say."""
Result = SetupFinished | SetupPlanned | DestroyFinished | RemovalPlanned | WatchFinished | DoctorFinished
"""The last event of each operation."""


# --- status -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapStatus:
    """One look at what is deployed.

    ``deployed_version`` is the plldb version that the stack was made by; ``created`` and ``updated``
    are UTC; ``failures`` is what failed in the last operation and left the stack in its status, root cause
    first; ``missing`` is what somebody has deleted by hand, ``unexamined`` says why some parts could not be
    looked at; ``healthy`` says that the stack is there, made by plldb, whole and at rest, has its bucket, and
    that nothing is known to be missing.
    """

    kind: Literal["bootstrap_status"] = "bootstrap_status"
    target: Target
    stack_name: str
    stack_status: StackStatus | None
    status_reason: str
    made_by_plldb: bool
    installed_version: str
    deployed_version: str | None
    created: datetime | None
    updated: datetime | None
    outputs: Mapping[str, str]
    bucket: str
    bucket_exists: bool
    healthy: bool
    failures: tuple[Failure, ...] = ()
    missing: tuple[StackPart, ...] = ()
    unexamined: tuple[str, ...] = ()

    @property
    def outcome(self) -> Literal["healthy", "unhealthy", "not_deployed"]:
        """The result in a word."""
        if self.stack_status is None or not self.made_by_plldb:
            return "not_deployed"
        return "healthy" if self.healthy else "unhealthy"
