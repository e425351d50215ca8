"""The table of settings: what is right, what is written, what of others stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from plldb.bootstrap.artifacts.lifecycle import LIFECYCLE_RULE
from plldb.bootstrap.artifacts.policy import tls_statement
from plldb.bootstrap.artifacts.settings import (
    ALL_REPAIRS,
    PUBLIC_ACCESS_BLOCK,
    SETTINGS,
    survey_settings,
    write_settings,
)
from plldb.bootstrap.errors import BucketError
from plldb.errors import AccessDeniedError, AwsError, UnreachableError
from tests.unit.aws.fakes import ACCOUNT, Answer, refused
from tests.unit.bootstrap.artifacts.buckets import NEVER_MADE, bucket

ARN = "arn:aws:s3:::b"
THEIRS = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
OLD_RULE = {"ID": "theirs", "Status": "Enabled", "Prefix": "x/", "Expiration": {"Days": 1}}
PUTS: dict[str, list[Answer]] = {setting.write: [{}] for setting in SETTINGS}


def policy(*statements: Any) -> dict[str, Any]:
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [*statements]})}


def encryption(**rule: Any) -> dict[str, Any]:
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


KMS = encryption(ApplyServerSideEncryptionByDefault={"SSEAlgorithm": "aws:kms"})
RIGHT: dict[str, list[Answer]] = {
    "get_public_access_block": [{"PublicAccessBlockConfiguration": PUBLIC_ACCESS_BLOCK}],
    "get_bucket_versioning": [{"Status": "Enabled"}],
    "get_bucket_encryption": [KMS],
    "get_bucket_ownership_controls": [
        {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}
    ],
    "get_bucket_policy": [policy(THEIRS, tls_statement(ARN))],
    "get_bucket_lifecycle_configuration": [{"Rules": [OLD_RULE, LIFECYCLE_RULE]}],
}


@pytest.mark.parametrize(
    ("get", "answer", "algorithm"),
    [
        ("get_bucket_encryption", KMS, "aws:kms"),
        # Optional members of the model that are left out.
        ("get_bucket_encryption", encryption(BlockedEncryptionTypes={"EncryptionType": ["SSE-C"]}), None),
        ("get_bucket_encryption", encryption(ApplyServerSideEncryptionByDefault={}), None),
        # S3 gives lists back in another order, and in another form.
        ("get_bucket_policy", policy(tls_statement(ARN) | {"Resource": [f"{ARN}/*", ARN]}), "aws:kms"),
        ("get_bucket_policy", policy(tls_statement(ARN) | {"Action": ["s3:*"]}), "aws:kms"),
    ],
)
async def test_a_bucket_that_is_right_in_whichever_form_needs_nothing(
    get: str, answer: Answer, algorithm: str | None
) -> None:
    safe, client = bucket(**RIGHT | {get: [answer]})
    survey = await survey_settings(safe)
    assert (survey.repairs, survey.encryption) == ((), algorithm)
    assert all(asked.startswith("get_") for asked, _ in client.asked)


@pytest.mark.parametrize("answer", [{}, None])
async def test_what_was_never_made_is_written_with_the_expected_owner(answer: Answer | None) -> None:
    answers = {setting.read: [answer] for setting in SETTINGS} if answer is not None else NEVER_MADE
    ours, client = bucket(**answers, **PUTS)
    survey = await survey_settings(ours)
    assert survey.repairs == ALL_REPAIRS
    await write_settings(ours, survey.repairs)
    assert [asked for asked, _ in client.asked] == [*NEVER_MADE, *PUTS]
    assert {parameters["ExpectedBucketOwner"] for _, parameters in client.asked} == {ACCOUNT}


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
        ("get_bucket_policy", policy(tls_statement(ARN) | {"Effect": "Allow"})),
        ("get_bucket_lifecycle_configuration", {"Rules": [LIFECYCLE_RULE | {"Status": "Disabled"}]}),
    ],
)
async def test_each_setting_that_is_wrong_is_noticed(get: str, answer: Answer) -> None:
    wrong, _ = bucket(**RIGHT | {get: [answer]})
    survey = await survey_settings(wrong)
    assert [repair.setting.read for repair in survey.repairs] == [get]


@pytest.mark.parametrize("get", NEVER_MADE)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused("AccessDenied", status=403), AccessDeniedError),
        (ConnectTimeoutError(endpoint_url="x"), UnreachableError),
    ],
)
async def test_a_failure_is_not_taken_for_a_setting_that_was_never_made(
    get: str, answer: Answer, error: type[Exception]
) -> None:
    ours, _ = bucket(**NEVER_MADE | {get: [answer]})
    with pytest.raises(error):
        await survey_settings(ours)


GONE_PRINCIPAL = THEIRS | {"Principal": {"AWS": "AROAEXAMPLE1234567890"}}


@pytest.mark.parametrize(
    ("read", "write", "refusal", "named"),
    [
        (
            {"get_bucket_policy": [policy(THEIRS, GONE_PRINCIPAL | {"Sid": "Old"})]},
            "put_bucket_policy",
            refused("MalformedPolicy", "Invalid principal in policy"),
            "Invalid principal in policy.*: the statement 'Old' names AROAEXAMPLE1234567890, which no longer",
        ),
        (
            {"get_bucket_policy": [policy(THEIRS)]},
            "put_bucket_policy",
            refused(
                "AccessDenied", "not authorized to perform: s3:PutBucketPolicy … BlockPublicPolicy …", 403
            ),
            "the statement 'Theirs'",
        ),
        (
            {"get_bucket_lifecycle_configuration": [{"Rules": [OLD_RULE, {"Status": "Enabled"}]}]},
            "put_bucket_lifecycle_configuration",
            refused("InvalidRequest", "'Days' in a rule is less than 'Days' in another"),
            "is less than.*: the rule 'theirs'; the rule no. 2.$",
        ),
    ],
)
async def test_what_s3_does_not_take_because_of_others_is_named_with_a_way_out(
    read: dict[str, list[Answer]], write: str, refusal: Answer, named: str
) -> None:
    ours, _ = bucket(**RIGHT | read, **PUTS | {write: [refusal]})
    survey = await survey_settings(ours)
    with pytest.raises(BucketError, match=named) as raised:
        await write_settings(ours, survey.repairs)
    assert raised.value.hint is not None
    assert raised.value.hint.kind == "look-at-bucket"
    assert "again" not in raised.value.hint.text


async def test_what_s3_does_not_take_of_plldb_alone_says_what_s3_says() -> None:
    ours, _ = bucket(**NEVER_MADE, **PUTS | {"put_bucket_policy": [refused("MalformedPolicy", "no")]})
    with pytest.raises(AwsError, match=r"no \(MalformedPolicy\)"):
        await write_settings(ours, ALL_REPAIRS)
