"""The IAM policies that docs/permissions.md offers."""

from __future__ import annotations

import json
import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]
DOCS = ROOT / "docs"
POLICIES = ROOT / "plldb" / "bootstrap" / "policies"
NAMES = ["setup", "destroy", "read-only"]
ALL = [*NAMES, "attach", "restore", "invoke"]

# IAM quota: characters of a managed policy, white space not counted.
LONGEST_MANAGED_POLICY = 6144
NO_NARROWER = {"CloudFormationLogGroupList"}


def statements_of(name: str) -> list[dict[str, Any]]:
    policy = json.loads((POLICIES / f"{name}.json").read_text("utf-8"))
    assert policy["Version"] == "2012-10-17"
    found: list[dict[str, Any]] = policy["Statement"]
    return found


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


LOOKS = ("PartsRead", "HeldFunctions")
"""The statements by which setup, status and destroy look at parts of the stack; they change nothing."""


def allowed(name: str) -> list[str]:
    return list(chain.from_iterable(listed(statement["Action"]) for statement in statements_of(name)))


@pytest.mark.parametrize("name", ALL)
def test_every_statement_has_a_name_of_its_own(name: str) -> None:
    sids = [statement["Sid"] for statement in statements_of(name)]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)


@pytest.mark.parametrize("name", ALL)
def test_every_statement_is_explained(name: str) -> None:
    page = (DOCS / "permissions.md").read_text("utf-8")
    missing = [
        statement["Sid"]
        for statement in statements_of(name)
        if not {f"`{statement['Sid']}`", f"`…{statement['Sid'].removeprefix('CloudFormation')}`"}
        & set(re.findall("`[^`]+`", page))
    ]
    assert missing == []


@pytest.mark.parametrize("name", ALL)
def test_no_action_is_given_twice_or_by_wildcard(name: str) -> None:
    # What plldb itself looks at stands apart from what CloudFormation may do: that has a condition.
    own = [each for each in statements_of(name) if each["Sid"] not in LOOKS]
    given = [(action, str(each["Resource"])) for each in own for action in listed(each["Action"])]
    assert sorted(set(given)) == sorted(given)
    actions = allowed(name)
    assert name not in NAMES or len(set(given)) == len({action for action, _ in given})
    assert not [action for action in actions if "*" in action]


@pytest.mark.parametrize("name", NAMES)
def test_resources_are_bound_to_what_plldb_makes(name: str) -> None:
    for statement in statements_of(name):
        if statement["Sid"] in NO_NARROWER:
            assert statement["Condition"]
            continue
        for resource in listed(statement["Resource"]):
            own = re.search("plldb|PLLDB|::/apis|::/tags/|AWSServiceRoleForAPIGateway", resource)
            assert own, f"{statement['Sid']}: {resource}"


@pytest.mark.parametrize("name", NAMES)
def test_what_cloudformation_does_cannot_be_done_directly(name: str) -> None:
    services = {"apigateway", "dynamodb", "iam", "lambda", "logs"}
    for statement in statements_of(name):
        if statement["Sid"] in LOOKS:
            continue
        if {action.split(":")[0] for action in listed(statement["Action"])} & services:
            assert statement["Sid"].startswith("CloudFormation")
            assert statement["Condition"], statement["Sid"]


def test_role_can_be_passed_to_lambda_only() -> None:
    (statement,) = [each for each in statements_of("setup") if each["Action"] == "iam:PassRole"]
    assert statement["Resource"] == "arn:aws:iam::*:role/plldb-PLLDB*"
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def test_read_only_changes_nothing() -> None:
    assert not [a for a in allowed("read-only") if not re.search(":(Describe|Get|List)[A-Z]|:GET$", a)]


@pytest.mark.parametrize("name", ALL)
def test_policy_fits_into_a_managed_policy(name: str) -> None:
    text = (POLICIES / f"{name}.json").read_text("utf-8")
    assert len(re.sub(r"\s", "", text)) <= LONGEST_MANAGED_POLICY


def test_whoever_debugs_writes_sessions_of_their_own_only() -> None:
    (statement,) = [each for each in statements_of("attach") if "PLLDBSessions" in str(each["Resource"])]
    # A request without a leading key, as a Scan, would pass the first condition alone.
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "${aws:userid}#*"},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
