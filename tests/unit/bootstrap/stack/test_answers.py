"""botocore's dicts become plldb's values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from plldb.bootstrap.errors import StackStuckError
from plldb.bootstrap.stack.answers import failed_event, raw_event, snapshot_of
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


def test_the_reason_of_a_hook_is_told() -> None:
    hook = {
        "HookType": "Corp::Rule::Hook",
        "HookStatusReason": "no tag owner",
        "EventType": "HOOK_INVOCATION_ERROR",
    }
    assert raw_event(cast("Any", EVENT | hook)).reason == "no tag owner"
    more = {"ResourceStatusReason": "The following hook(s) failed: [Corp::Rule::Hook]"}
    found = failed_event(cast("Any", FAILED | hook | more))
    assert found is not None
    assert found.reason == "no tag owner"
