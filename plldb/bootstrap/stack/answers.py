"""What CloudFormation answers, as plldb's own values: botocore's dicts stop here. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.bootstrap.errors import StackStuckError
from plldb.bootstrap.events import Failure
from plldb.bootstrap.stack.decide import StackSnapshot
from plldb.bootstrap.stack.history import RawEvent
from plldb.bootstrap.stack.statuses import StackStatus, Status

if TYPE_CHECKING:
    from types_aiobotocore_cloudformation.type_defs import (
        OperationEventTypeDef,
        StackEventTypeDef,
        StackTypeDef,
    )


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
            hint="Install a newer plldb.",
        ) from error
    return StackSnapshot(
        stack_id=found["StackId"],
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
        # A CloudFormation Hook gives its reason in a member of its own.
        reason=event.get("ResourceStatusReason") or event.get("HookStatusReason", ""),
        detailed_status=event.get("DetailedStatus", ""),
        is_stack=event.get("PhysicalResourceId") == event["StackId"],
        token=event.get("ClientRequestToken", ""),
        operation_id=event.get("OperationId", ""),
    )


def failed_event(event: OperationEventTypeDef) -> Failure | None:
    """Return a failed event of DescribeEvents, None if it names no resource or no reason."""
    reason = (
        event.get("ValidationStatusReason")
        or event.get("HookStatusReason")
        or event.get("ResourceStatusReason", "")
    )
    if not reason or "LogicalResourceId" not in event:
        return None
    path = event.get("ValidationPath")
    return Failure(
        logical_id=event["LogicalResourceId"],
        resource_type=event.get("ResourceType", ""),
        physical_id=event.get("PhysicalResourceId", ""),
        status=Status(event.get("ResourceStatus") or event.get("ValidationStatus", "FAILED")),
        reason=f"{reason} (at {path})" if path else reason,
        timestamp=event["Timestamp"],
        seconds=None,
        template_line=None,
    )
