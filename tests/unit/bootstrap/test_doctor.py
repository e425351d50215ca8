"""What the doctor makes of a policy and of a clock."""

from __future__ import annotations

import pytest

from plldb.aws.session import Target
from plldb.bootstrap.doctor import clock_finding, concrete_arn, context_entries

TARGET = Target(
    account="123456789012", region="eu-west-1", partition="aws-cn", caller_arn="arn", endpoint_url=None
)


@pytest.mark.parametrize(
    ("arn", "concrete"),
    [
        ("*", "*"),
        ("arn:aws:s3:::plldb-*", "arn:aws-cn:s3:::plldb-*"),
        ("arn:aws:iam::*:role/plldb-*", "arn:aws-cn:iam::123456789012:role/plldb-*"),
        ("arn:aws:logs:*:*:log-group:/a:*", "arn:aws-cn:logs:eu-west-1:123456789012:log-group:/a:*"),
    ],
)
def test_open_places_of_a_policy_are_filled_in_for_the_simulation(arn: str, concrete: str) -> None:
    assert concrete_arn(arn, TARGET) == concrete


def test_conditions_of_a_policy_are_told_to_the_simulator() -> None:
    statement = {
        "Condition": {
            "ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]},
            "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"},
        }
    }
    assert [entry["ContextKeyType"] for entry in context_entries(statement)] == ["stringList", "string"]


@pytest.mark.parametrize(("skew", "verdict"), [(3, "ok"), (-90, "warning"), (400, "problem")])
def test_a_wrong_clock_is_told_by_how_wrong_it_is(skew: float, verdict: str) -> None:
    assert clock_finding(skew).verdict == verdict
