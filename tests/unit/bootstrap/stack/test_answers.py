"""botocore's dicts become plldb's values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import botocore.session
import pytest
from botocore.model import ListShape, Shape, StringShape, StructureShape

from plldb.bootstrap.errors import StackStuckError
from plldb.bootstrap.stack.answers import (
    body_in,
    changes_in,
    events_in,
    failed_event,
    failures_in,
    raw_event,
    snapshot_in,
    snapshot_of,
)
from tests.unit.bootstrap.stack.histories import STACK_ID

NOW = datetime(2026, 11, 23, tzinfo=UTC)
STACK: dict[str, Any] = {
    "StackName": "plldb",
    "StackId": STACK_ID,
    "StackStatus": "CREATE_COMPLETE",
    "CreationTime": NOW,
}
EVENT: dict[str, Any] = {"StackId": STACK_ID, "EventId": "e", "StackName": "plldb", "Timestamp": NOW}
FAILED: dict[str, Any] = {"EventId": "e", "Timestamp": NOW, "LogicalResourceId": "Table"}


def test_a_stack_with_the_least_that_cloudformation_tells() -> None:
    found = snapshot_of(cast("Any", STACK))
    assert (found.stack_id, found.status, found.created) == (STACK_ID, "CREATE_COMPLETE", NOW)
    assert (found.tags, found.outputs, found.updated, found.protected) == ((), (), None, False)
    assert (found.status_reason, found.ours, found.plldb_version) == ("", False, None)


def test_a_stack_with_everything() -> None:
    more = {
        "StackStatusReason": "because",
        "EnableTerminationProtection": True,
        "LastUpdatedTime": NOW,
        "Tags": [
            {"Key": "plldb:component", "Value": "bootstrap"},
            {"Key": "plldb:version", "Value": "1.2"},
        ],
        "Outputs": [{"OutputKey": "WebSocketUrl", "OutputValue": "wss://x"}],
    }
    found = snapshot_of(cast("Any", STACK | more))
    assert (found.protected, found.updated, found.status_reason) == (True, NOW, "because")
    assert (found.ours, found.plldb_version) == (True, "1.2")
    assert found.outputs == (("WebSocketUrl", "wss://x"),)


def test_a_status_of_the_future_needs_a_newer_plldb() -> None:
    with pytest.raises(StackStuckError, match="has the status TELEPORT_COMPLETE") as raised:
        snapshot_of(cast("Any", STACK | {"StackStatus": "TELEPORT_COMPLETE"}))
    assert (raised.value.stack, raised.value.status) == ("plldb", "TELEPORT_COMPLETE")
    assert "newer plldb" in str(raised.value.hint)


def test_an_event_with_the_least_that_cloudformation_tells() -> None:
    found = raw_event(cast("Any", EVENT))
    assert (found.event_id, found.timestamp, found.is_stack) == ("e", NOW, False)
    assert {found.logical_id, found.physical_id, found.reason, found.token, found.operation_id} == {""}
    assert not found.status.settled


def test_the_stack_is_known_by_its_physical_id_and_not_by_its_type() -> None:
    nested = {"PhysicalResourceId": "arn:nested", "ResourceType": "AWS::CloudFormation::Stack"}
    assert not raw_event(cast("Any", EVENT | nested)).is_stack
    assert raw_event(cast("Any", EVENT | {"PhysicalResourceId": STACK_ID})).is_stack


def test_an_event_keeps_what_classifies_it() -> None:
    more = {
        "ResourceStatus": "CREATE_COMPLETE",
        "ClientRequestToken": "t",
        "OperationId": "o",
        "DetailedStatus": "CONFIGURATION_COMPLETE",
    }
    found = raw_event(cast("Any", EVENT | more))
    assert (found.status.complete, found.token, found.operation_id) == (True, "t", "o")
    assert found.detailed_status == "CONFIGURATION_COMPLETE"


def test_a_validation_failure_is_told_with_its_place_in_the_template() -> None:
    more = {"ValidationStatusReason": "no such key", "ValidationPath": "/Resources/Table"}
    found = failed_event(cast("Any", FAILED | more | {"ResourceStatusReason": "another"}))
    assert found is not None
    assert (found.logical_id, found.reason) == ("Table", "no such key (at /Resources/Table)")


def test_a_failed_resource_is_told_with_its_reason() -> None:
    more = {"ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "exists", "ResourceType": "T"}
    found = failed_event(cast("Any", FAILED | more))
    assert found is not None
    assert (found.status, found.reason, found.resource_type) == ("CREATE_FAILED", "exists", "T")


@pytest.mark.parametrize("lacking", [{}, {"LogicalResourceId": None, "ResourceStatusReason": "x"}])
def test_an_event_without_reason_or_resource_is_no_failure(lacking: dict[str, Any]) -> None:
    event = {key: value for key, value in (FAILED | lacking).items() if value is not None}
    assert failed_event(cast("Any", event)) is None


def test_a_hook_is_told_with_its_reason_and_whether_it_only_warns() -> None:
    hook = {
        "HookType": "Corp::Rule::Hook",
        "HookStatus": "HOOK_COMPLETE_FAILED",
        "HookStatusReason": "no tag owner",
        "ResourceStatus": "CREATE_IN_PROGRESS",
    }
    found = raw_event(cast("Any", EVENT | hook))
    assert (found.hook_type, found.reason, found.is_cause) == ("Corp::Rule::Hook", "no tag owner", True)
    assert not raw_event(cast("Any", EVENT | hook | {"HookFailureMode": "WARN"})).is_cause


def test_an_invocation_of_a_hook_that_failed_is_told_also_when_it_names_no_resource() -> None:
    hook = {"EventId": "e", "Timestamp": NOW, "EventType": "HOOK_INVOCATION_ERROR", "HookType": "Corp::Hook"}
    told = {
        "HookStatusReason": "no tag owner",
        "ResourceStatusReason": "The following hook(s) failed: [Corp]",
    }
    found = failed_event(cast("Any", hook | told))
    assert found is not None
    assert (found.logical_id, found.hook_type, found.reason) == ("Corp::Hook", "Corp::Hook", "no tag owner")
    assert failed_event(cast("Any", hook | told | {"HookFailureMode": "WARN"})) is None


# --- the service model ----------------------------------------------------------------------------------

READ: dict[str, Callable[[Any], object]] = {
    "DescribeStacks": snapshot_in,
    "DescribeStackEvents": events_in,
    "DescribeEvents": failures_in,
    "DescribeChangeSet": changes_in,
    "GetTemplate": body_in,
}
MODEL = botocore.session.get_session().get_service_model("cloudformation")


def least(shape: Shape, *, optional_lists: bool) -> Any:
    """What the model requires and nothing else; perhaps with lists, each of one such member."""
    match shape:
        case StructureShape():
            wanted = {
                name: member
                for name, member in shape.members.items()
                if name in shape.required_members or (optional_lists and isinstance(member, ListShape))
            }
            return {name: least(each, optional_lists=optional_lists) for name, each in wanted.items()}
        case ListShape():
            return [least(shape.member, optional_lists=optional_lists)]
        case StringShape(enum=[first, *_]):
            return first
        case _:
            return {"timestamp": NOW, "boolean": False, "integer": 0}.get(shape.type_name, "x")


@pytest.mark.parametrize("optional_lists", [False, True])
@pytest.mark.parametrize("operation", READ)
def test_an_answer_with_no_more_than_the_model_requires_is_read(operation: str, optional_lists: bool) -> None:
    shape = MODEL.operation_model(operation).output_shape
    assert shape is not None
    READ[operation](least(shape, optional_lists=optional_lists))
