"""What `setup` tells: its stages, its plan, its result. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plldb.bootstrap.events.stack import ActionName, StreamEvent

PartType = Literal["AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::ApiGatewayV2::Api"]


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
