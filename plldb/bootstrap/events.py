"""What bootstrap tells the world: a closed union of frozen values. Pure.

``SetupEvent``, ``DestroyEvent``, ``WatchEvent`` and ``DoctorEvent`` name what each operation may yield. The
last event carries the result; failures are raised, not yielded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from plldb.aws.session import Target
from plldb.bootstrap.stack.statuses import EventStatus, StackStatus

OperationName = Literal["setup", "destroy", "watch"]
StackOperation = Literal["create", "update", "delete", "rollback", "import"]
ActionName = Literal["attach", "continue-rollback", "remove", "create", "update", "delete", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Who acts where. The first event of setup, destroy and watch, before anything is changed.

    ``dry_run`` says that nothing will be changed.
    """

    operation: OperationName
    plldb_version: str
    target: Target
    stack_name: str
    dry_run: bool


# --- stages of a setup --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketReady:
    """The artifact bucket exists, is ours and is safe.

    ``repaired`` names the settings that were put right; all of them for a new bucket.
    """

    bucket: str
    created: bool
    repaired: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactReady:
    """One package lies in the bucket. ``uploaded`` is False if the same bytes were there already."""

    function_name: str
    bucket: str
    key: str
    version_id: str
    size: int
    uploaded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePublished:
    """The rendered template was uploaded; CloudFormation reads exactly this version."""

    bucket: str
    key: str
    version_id: str
    size: int


# --- the stack ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One resource that failed. ``seconds`` it took; ``template_line`` counts from 1 in template.yaml."""

    logical_id: str
    resource_type: str
    physical_id: str
    status: EventStatus
    reason: str
    timestamp: datetime
    seconds: float | None
    template_line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFailure:
    """Why an earlier operation left the stack in ``status``; told before plldb clears it away."""

    stack_name: str
    status: StackStatus
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDecided:
    """What happens next to the stack, and why. ``status`` is None if there is no stack."""

    action: ActionName
    stack_name: str
    status: StackStatus | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStarted:
    """An operation of CloudFormation on the stack is followed from here on.

    ``ours`` is False for one that this run did not begin, ``by_plldb`` then says that another run of plldb
    did; ``resources`` is how many resources it may touch, None if that is not known; ``past`` says that it
    has ended already and is told again.
    """

    operation: StackOperation
    stack_name: str
    stack_id: str
    ours: bool
    resources: int | None
    by_plldb: bool
    past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StackEvent:
    """One event of the stack, exactly as CloudFormation has it, each exactly once, oldest first.

    ``seconds`` is how long the resource took, on the event that ends its work, else None;
    ``is_stack`` marks events of the stack itself; ``ours`` is False for somebody else's operation;
    ``template_line`` counts from 1 in template.yaml, None if the resource is not in it.
    """

    event_id: str
    timestamp: datetime
    logical_id: str
    physical_id: str
    resource_type: str
    status: EventStatus
    reason: str
    detailed_status: str
    is_stack: bool
    ours: bool
    seconds: float | None
    template_line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingSlowed:
    """AWS throttles or fails reads of the events; the next attempt is in ``seconds``."""

    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFinished:
    """The operation that `OperationStarted` announced has come to its end, good or bad."""

    operation: StackOperation
    stack_name: str
    stack_id: str
    ours: bool
    status: EventStatus
    seconds: float | None


# --- the end of a setup -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a finished setup gives. ``outputs`` are the outputs of the stack as (name, value) pairs."""

    stack_name: str
    stack_id: str
    account: str
    region: str
    plldb_version: str
    bucket: str
    websocket_url: str
    outputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFinished:
    """Setup is done. ``changed`` is False if there was nothing to change."""

    changed: bool
    deployment: Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPlan:
    """What setup would do with one package: upload it as new, upload it as changed, or leave it."""

    function_name: str
    key: str
    change: Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """One resource that an update would change. ``replacement`` is a word, not a truth value."""

    action: str
    logical_id: str
    resource_type: str
    replacement: Literal["true", "false", "conditional"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPlanned:
    """The end of a dry run: what setup would do. Nothing was changed.

    ``changes`` is empty unless ``action`` is an update.
    """

    bucket: str
    bucket_change: Literal["create", "repair", "none"]
    repairs: tuple[str, ...]
    artifacts: tuple[ArtifactPlan, ...]
    action: ActionName
    reason: str
    changes: tuple[ResourceChange, ...]


# --- destroy ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalPlanned:
    """What destroy is about to remove; nothing has been changed yet, so this is the place to stop.

    ``stack_status`` is None if there is no stack, ``bucket`` is None if there is no bucket.
    ``versions`` counts object versions in the bucket, ``more`` says that there are more than that.
    ``foreign`` names what lies in the bucket outside ``plldb/``; it keeps the bucket in place.
    """

    stack_name: str
    stack_status: StackStatus | None
    bucket: str | None
    keep_bucket: bool
    versions: int
    more: bool
    foreign: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketEmptied:
    """A page of versions and delete markers was removed; ``versions`` counts all so far."""

    bucket: str
    versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketDeleted:
    """The artifact bucket is gone."""

    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketKept:
    """The bucket stays, because it was asked for or because something outside ``plldb/`` lies in it."""

    bucket: str
    reason: Literal["asked", "foreign"]
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyFinished:
    """Destroy is done. ``changed`` is False if nothing was there; ``bucket_kept`` if the bucket stays."""

    changed: bool
    bucket_kept: bool


# --- watch --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFinished:
    """Watch is done. ``status`` is that of the stack now, None if there is no stack."""

    stack_name: str
    status: StackStatus | None


# --- doctor ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the doctor found; ``check`` names what was examined, ``remedy`` the way out."""

    check: str
    verdict: Literal["ok", "warning", "problem", "unknown"]
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFinished:
    """The examination is done; how many findings are problems, and how many warnings."""

    problems: int
    warnings: int


StreamEvent = (
    Started | PastFailure | ActionDecided | OperationStarted | StackEvent | PollingSlowed | OperationFinished
)
"""What every operation that follows the stack may yield."""

SetupEvent = StreamEvent | BucketReady | ArtifactReady | TemplatePublished | SetupPlanned | SetupFinished
"""What `setup` may yield."""
DestroyEvent = StreamEvent | RemovalPlanned | BucketEmptied | BucketDeleted | BucketKept | DestroyFinished
"""What `destroy` may yield."""
WatchEvent = StreamEvent | WatchFinished
"""What `watch` may yield."""
DoctorEvent = Finding | DoctorFinished
"""What `doctor` may yield."""
Event = SetupEvent | DestroyEvent | WatchEvent | DoctorEvent
"""Everything that bootstrap can say."""


# --- status -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapStatus:
    """One look at what is deployed.

    ``deployed_version`` is the plldb version that the stack was made by; ``created`` and ``updated``
    are UTC; ``healthy`` says that the stack is there, ours, whole and at rest, and has its bucket.
    """

    target: Target
    stack_name: str
    stack_status: StackStatus | None
    status_reason: str
    ours: bool
    installed_version: str
    deployed_version: str | None
    created: datetime | None
    updated: datetime | None
    outputs: tuple[tuple[str, str], ...]
    bucket: str
    bucket_exists: bool
    healthy: bool
