"""What IAM's simulator is asked, and what its answers mean."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

import pytest

from plldb.aws.place import Target
from plldb.bootstrap.permissions import (
    arns_of_stack,
    as_list,
    concrete_arns,
    context_entries,
    denied_actions,
)

TARGET = Target(
    account="123456789012", region="eu-west-1", partition="aws", caller_arn="arn", endpoint_url=None
)
CHINA = Target(
    account="123456789012", region="cn-north-1", partition="aws-cn", caller_arn="arn", endpoint_url=None
)
ROLES = ["PLLDBDebuggerRole", "PLLDBManagerRole"]
FUNCTIONS = ["plldb-lease-reaper", "plldb-ws-api-connect", "plldb-ws-api-default"]

# As docs/permissions.md advises whoever has one account and one region.
NARROWED = {
    "plldb-core-infrastructure-*": ["plldb-core-infrastructure-eu-west-1-123456789012"],
    "role/plldb-PLLDB*": [f"role/plldb-{role}-*" for role in ROLES],
    "plldb-ws-api-*": FUNCTIONS,
}


def statements_of(policy: str) -> list[dict[str, Any]]:
    document = json.loads((files("plldb.bootstrap.policies") / f"{policy}.json").read_text("utf-8"))
    found: list[dict[str, Any]] = document["Statement"]
    return found


def narrow(arn: str) -> list[str]:
    arn = arn.replace(":*:*:", ":eu-west-1:123456789012:").replace("iam::*:", "iam::123456789012:")
    arn = arn.replace("apigateway:*::", "apigateway:eu-west-1::")
    for wide, narrower in NARROWED.items():
        if wide in arn:
            return [arn.replace(wide, each) for each in narrower]
    return [arn]


@pytest.mark.parametrize("policy", ["setup", "destroy", "read-only"])
def test_a_policy_narrowed_as_the_page_advises_allows_all_that_is_simulated(policy: str) -> None:
    names = arns_of_stack(TARGET, ROLES, FUNCTIONS)
    for statement in statements_of(policy):
        patterns = [each for arn in as_list(statement["Resource"]) for each in narrow(arn)]
        for pattern in as_list(statement["Resource"]):
            asked = concrete_arns(pattern, TARGET, names)
            assert asked, f"nothing is simulated for {pattern}"
            assert pattern == "*" or not any("*" in arn for arn in asked)
            assert all(any(fnmatchcase(arn, each) for each in patterns) for arn in asked), asked


def test_names_are_those_of_the_partition_and_region_of_the_target() -> None:
    names = arns_of_stack(CHINA, ROLES, FUNCTIONS)
    assert concrete_arns("arn:aws:s3:::plldb-core-infrastructure-*", CHINA, names) == [
        "arn:aws-cn:s3:::plldb-core-infrastructure-cn-north-1-123456789012"
    ]
    assert concrete_arns("arn:aws:dynamodb:*:*:table/PLLDBSessions", CHINA, names) == [
        "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/PLLDBSessions"
    ]
    assert concrete_arns("*", CHINA, names) == ["*"]


def test_an_action_that_is_denied_for_one_resource_only_is_missing() -> None:
    allowed = {"EvalResourceName": "a", "EvalResourceDecision": "allowed"}
    denied = {"EvalResourceName": "b", "EvalResourceDecision": "implicitDeny"}
    results = [
        {"EvalActionName": "s3:A", "EvalDecision": "allowed", "ResourceSpecificResults": [allowed]},
        {"EvalActionName": "s3:B", "EvalDecision": "allowed", "ResourceSpecificResults": [allowed, denied]},
        {"EvalActionName": "s3:C", "EvalDecision": "explicitDeny"},
    ]
    assert denied_actions({"EvaluationResults": results}) == {"s3:B", "s3:C"}
    assert denied_actions({}) == set()


def test_conditions_of_a_policy_are_told_to_the_simulator() -> None:
    statement = {
        "Condition": {
            "ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]},
            "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"},
        }
    }
    assert [entry["ContextKeyType"] for entry in context_entries(statement)] == ["stringList", "string"]
