"""What CloudFormation answers, as plldb's own values: botocore's dicts stop here. Pure.

Only what its service model requires is there for certain; a test goes through the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from plldb.bootstrap.errors import StackStuckError
from plldb.bootstrap.events.setup import ResourceChange
from plldb.bootstrap.events.stack import Failure
from plldb.bootstrap.stack.decide import StackSnapshot
from plldb.bootstrap.stack.history import RawEvent
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.errors import Hint

if TYPE_CHECKING:
    from types_aiobotocore_cloudformation.type_defs import (
        DescribeChangeSetOutputTypeDef,
        DescribeEventsOutputTypeDef,
        DescribeStackEventsOutputTypeDef,
        DescribeStacksOutputTypeDef,
        GetTemplateOutputTypeDef,
        OperationEventTypeDef,
        StackEventTypeDef,
        StackTypeDef,
    )

WARN = "WARN"
"""The failure mode of a hook or a validation that stops nothing."""
_REPLACEMENT: dict[str, Literal["true", "conditional"]] = {"True": "true", "Conditional": "conditional"}


def snapshot_in(answer: DescribeStacksOutputTypeDef) -> StackSnapshot | None:
    """Return the stack of an answer to DescribeStacks; None if there is none in it.

    Raises:
        StackStuckError: it has a status that this plldb does not know.
    """
    return next((snapshot_of(stack) for stack in answer.get("Stacks", [])), None)


def events_in(page: DescribeStackEventsOutputTypeDef) -> list[RawEvent]:
    """Return the events of an answer to DescribeStackEvents, newest first."""
    return [raw_event(event) for event in page.get("StackEvents", [])]


def failures_in(answer: DescribeEventsOutputTypeDef) -> list[Failure]:
    """Return the failures of an answer to DescribeEvents."""
    found = [failed_event(event) for event in answer.get("OperationEvents", [])]
    return [failure for failure in found if failure]


def body_in(answer: GetTemplateOutputTypeDef) -> str:
    """Return the text of an answer to GetTemplate; empty if there is none."""
    # botocore makes a dict of a template in JSON; plldb's own is YAML.
    body: object = answer.get("TemplateBody")
    return body if isinstance(body, str) else ""


def changes_in(answer: DescribeChangeSetOutputTypeDef) -> list[ResourceChange]:
    """Return the changes of an answer to DescribeChangeSet."""
    found = [each["ResourceChange"] for each in answer.get("Changes", []) if "ResourceChange" in each]
    return [
        ResourceChange(
            action=change.get("Action", "").lower(),
            logical_id=change.get("LogicalResourceId", ""),
            resource_type=change.get("ResourceType", ""),
            replacement=_REPLACEMENT.get(change.get("Replacement", ""), "false"),
        )
        for change in found
    ]


def snapshot_of(found: StackTypeDef) -> StackSnapshot:
    """Return a stack of DescribeStacks.

    Raises:
        StackStuckError: it has a status that this plldb does not know.
    """
    try:
        status = StackStatus(found["StackStatus"])
    except ValueError as error:
        raise StackStuckError(
            f"The stack {found['StackName']} has the status {found['StackStatus']}, "
            "which this plldb does not know.",
            stack=found["StackName"],
            status=found["StackStatus"],
            hint=Hint("upgrade", "Install a newer plldb."),
        ) from error
    return StackSnapshot(
        stack_id=found.get("StackId", found["StackName"]),
        name=found["StackName"],
        status=status,
        status_reason=found.get("StackStatusReason", ""),
        protected=found.get("EnableTerminationProtection", False),
        tags=tuple((tag["Key"], tag["Value"]) for tag in found.get("Tags", [])),
        outputs=tuple(
            (each.get("OutputKey", ""), each.get("OutputValue", "")) for each in found.get("Outputs", [])
        ),
        created=found["CreationTime"],
        updated=found.get("LastUpdatedTime"),
    )


def raw_event(event: StackEventTypeDef) -> RawEvent:
    """Return an event of DescribeStackEvents."""
    return RawEvent(
        event_id=event["EventId"],
        timestamp=event["Timestamp"],
        logical_id=event.get("LogicalResourceId", ""),
        physical_id=event.get("PhysicalResourceId", ""),
        resource_type=event.get("ResourceType", ""),
        status=Status(event.get("ResourceStatus", "")),
        reason=event.get("HookStatusReason") or event.get("ResourceStatusReason", ""),
        detailed_status=event.get("DetailedStatus", ""),
        is_stack=event.get("PhysicalResourceId") == event["StackId"],
        token=event.get("ClientRequestToken", ""),
        operation_id=event.get("OperationId", ""),
        hook_type=event.get("HookType", ""),
        hook_status=Status(event.get("HookStatus", "")),
        hook_warns=event.get("HookFailureMode") == WARN,
    )


def failed_event(event: OperationEventTypeDef) -> Failure | None:
    """Return a failed event of DescribeEvents; None if it names nothing, gives no reason, or only warns.

    ``EventType`` HOOK_INVOCATION_ERROR, VALIDATION_ERROR or PROVISIONING_ERROR: each has its own members.
    """
    reason = (
        event.get("ValidationStatusReason")
        or event.get("HookStatusReason")
        or event.get("ResourceStatusReason", "")
    )
    # A hook that is for whole stacks names no resource.
    name = event.get("LogicalResourceId") or event.get("HookType")
    timestamp = event.get("Timestamp")
    warns = WARN in (event.get("HookFailureMode"), event.get("ValidationFailureMode"))
    if not reason or not name or timestamp is None or warns:
        return None
    path = event.get("ValidationPath")
    status = event.get("ResourceStatus") or event.get("HookStatus") or event.get("ValidationStatus", "FAILED")
    return Failure(
        logical_id=name,
        resource_type=event.get("ResourceType", ""),
        physical_id=event.get("PhysicalResourceId", ""),
        status=Status(status),
        reason=f"{reason} (at {path})" if path else reason,
        timestamp=timestamp,
        seconds=None,
        template_line=None,
        hook_type=event.get("HookType", ""),
    )
