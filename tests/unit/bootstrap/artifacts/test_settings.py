"""Each setting of the bucket: right, wrong, missing; what others put there stays."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from plldb.bootstrap.artifacts.settings import (
    LIFECYCLE_RULE,
    PUBLIC_ACCESS_BLOCK,
    Bucket,
    all_repairs,
    look_at_lifecycle,
    look_at_policy,
    survey_settings,
    tls_statement,
)
from plldb.errors import AccessDeniedError
from tests.unit.aws.fakes import ACCOUNT, Answer, Client, aws, refused

MISSING: dict[str, list[Answer]] = {
    "get_public_access_block": [refused("NoSuchPublicAccessBlockConfiguration", status=404)],
    "get_bucket_versioning": [{}],
    "get_bucket_encryption": [refused("ServerSideEncryptionConfigurationNotFoundError", status=404)],
    "get_bucket_ownership_controls": [refused("OwnershipControlsNotFoundError", status=404)],
    "get_bucket_policy": [refused("NoSuchBucketPolicy", status=404)],
    "get_bucket_lifecycle_configuration": [refused("NoSuchLifecycleConfiguration", status=404)],
}
PUTS = [
    "put_public_access_block",
    "put_bucket_versioning",
    "put_bucket_encryption",
    "put_bucket_ownership_controls",
    "put_bucket_policy",
    "put_bucket_lifecycle_configuration",
]
OTHER_STATEMENT = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
OTHER_RULE = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 1}}


def bucket(answers: dict[str, list[Answer]], partition: str = "aws") -> tuple[Bucket, Client]:
    client = Client("s3", {**{put: [{}] for put in PUTS}, **answers})
    name = f"plldb-core-infrastructure-eu-west-1-{ACCOUNT}"
    return Bucket(
        aws=aws(),
        s3=cast("Any", client),
        name=name,
        region="eu-west-1",
        partition=partition,
        owner=ACCOUNT,
    ), client


def policy(*statements: Any) -> dict[str, Any]:
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [*statements]})}


def right(ours: Bucket) -> dict[str, list[Answer]]:
    return {
        "get_public_access_block": [{"PublicAccessBlockConfiguration": PUBLIC_ACCESS_BLOCK}],
        "get_bucket_versioning": [{"Status": "Enabled"}],
        "get_bucket_encryption": [
            {
                "ServerSideEncryptionConfiguration": {
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
                }
            }
        ],
        "get_bucket_ownership_controls": [
            {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}
        ],
        "get_bucket_policy": [policy(OTHER_STATEMENT, tls_statement(ours))],
        "get_bucket_lifecycle_configuration": [{"Rules": [OTHER_RULE, LIFECYCLE_RULE]}],
    }


async def test_a_bucket_that_is_right_needs_nothing() -> None:
    ours, _ = bucket({})
    safe, client = bucket(right(ours))
    assert await survey_settings(safe) == ((), "aws:kms")
    assert all(asked.startswith("get_") for asked, _ in client.asked)


async def test_every_setting_that_was_never_made_is_put_right_as_for_a_new_bucket() -> None:
    ours, client = bucket(MISSING)
    repairs, encryption = await survey_settings(ours)
    assert encryption is None
    client.asked.clear()
    for repair in repairs:
        await repair.apply()
    found = sorted(client.asked, key=str)
    assert sorted(asked for asked, _ in found) == sorted(PUTS)
    client.asked.clear()
    for repair in all_repairs(ours):
        await repair.apply()
    assert sorted(client.asked, key=str) == found


@pytest.mark.parametrize(
    ("get", "answer"),
    [
        (
            "get_public_access_block",
            {"PublicAccessBlockConfiguration": PUBLIC_ACCESS_BLOCK | {"BlockPublicAcls": False}},
        ),
        ("get_bucket_versioning", {"Status": "Suspended"}),
        (
            "get_bucket_ownership_controls",
            {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
        ),
        ("get_bucket_policy", policy()),
        ("get_bucket_lifecycle_configuration", {"Rules": [LIFECYCLE_RULE | {"Status": "Disabled"}]}),
    ],
)
async def test_each_setting_that_is_wrong_is_noticed(get: str, answer: dict[str, Any]) -> None:
    ours, _ = bucket({})
    wrong, _ = bucket(right(ours) | {get: [answer]})
    repairs, _ = await survey_settings(wrong)
    assert len(repairs) == 1


@pytest.mark.parametrize(
    ("found", "others"),
    [
        ([OTHER_STATEMENT], [OTHER_STATEMENT]),
        ([{"Sid": "PlldbTlsOnly", "Effect": "Allow"}, OTHER_STATEMENT], [OTHER_STATEMENT]),
        ([{"Effect": "Deny"}], [{"Effect": "Deny"}]),
    ],
)
async def test_other_statements_of_the_policy_stay(found: list[Any], others: list[Any]) -> None:
    ours, client = bucket({"get_bucket_policy": [policy(*found)]})
    repair = await look_at_policy(ours)
    assert repair is not None
    await repair.apply()
    written = json.loads(client.asked[-1][1]["Policy"])
    assert written == {"Version": "2012-10-17", "Statement": [*others, tls_statement(ours)]}


async def test_a_policy_of_a_single_statement_without_a_list_is_understood() -> None:
    ours, client = bucket({"get_bucket_policy": [{"Policy": json.dumps({"Statement": OTHER_STATEMENT})}]})
    repair = await look_at_policy(ours)
    assert repair is not None
    await repair.apply()
    assert json.loads(client.asked[-1][1]["Policy"])["Statement"] == [OTHER_STATEMENT, tls_statement(ours)]


async def test_other_lifecycle_rules_stay() -> None:
    stale = LIFECYCLE_RULE | {"Status": "Disabled"}
    ours, client = bucket({"get_bucket_lifecycle_configuration": [{"Rules": [stale, OTHER_RULE]}]})
    repair = await look_at_lifecycle(ours)
    assert repair is not None
    await repair.apply()
    assert client.asked[-1][1]["LifecycleConfiguration"] == {"Rules": [OTHER_RULE, LIFECYCLE_RULE]}


def test_the_tls_statement_covers_bucket_and_objects_in_every_partition() -> None:
    ours, _ = bucket({}, partition="aws-cn")
    statement = tls_statement(ours)
    arn = f"arn:aws-cn:s3:::{ours.name}"
    assert statement["Resource"] == [arn, f"{arn}/*"]
    assert (statement["Effect"], statement["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )


async def test_every_request_carries_the_expected_owner() -> None:
    ours, client = bucket(MISSING)
    await survey_settings(ours)
    for repair in all_repairs(ours):
        await repair.apply()
    assert len(client.asked) == 12
    assert {parameters["ExpectedBucketOwner"] for _, parameters in client.asked} == {ACCOUNT}


@pytest.mark.parametrize("get", MISSING)
async def test_a_refusal_is_not_taken_for_a_setting_that_is_missing(get: str) -> None:
    denied: list[Answer] = [refused("AccessDenied", status=403)]
    ours, _ = bucket(MISSING | {get: denied})
    with pytest.raises(AccessDeniedError):
        await survey_settings(ours)
