"""The bucket policy: equal whatever S3 makes of its form; what others wrote stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.bootstrap.artifacts.policy import has_tls_statement, tls_statement, with_tls_statement

ARN = "arn:aws-cn:s3:::b"
WANTED: dict[str, Any] = {
    "Sid": "PlldbTlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "S3:*",
    "Resource": ["arn:aws-cn:s3:::b", "arn:aws-cn:s3:::b/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
THEIRS = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}


def policy(statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements, **more})


def test_the_tls_statement_covers_bucket_and_objects_in_every_partition() -> None:
    assert tls_statement(ARN) == WANTED


one_or_list = st.sampled_from([lambda value: value, lambda value: [value]])


@given(
    resources=st.permutations(WANTED["Resource"]),
    action=st.sampled_from(["s3:*", "S3:*"]),
    principal=st.sampled_from(["*", {"AWS": "*"}, {"AWS": ["*"]}]),
    value=st.sampled_from(["false", ["false"], False]),
    key=st.sampled_from(["aws:SecureTransport", "aws:securetransport"]),
    form=one_or_list,
    order=st.permutations(list(WANTED)),
)
def test_a_statement_that_means_the_same_is_right(
    resources: list[str], action: str, principal: Any, value: Any, key: str, form: Any, order: list[str]
) -> None:
    found = WANTED | {"Resource": resources, "Action": form(action), "Principal": principal}
    found |= {"Condition": {"Bool": {key: value}}}
    assert has_tls_statement(policy([THEIRS, {name: found[name] for name in order}]), ARN)


@pytest.mark.parametrize(
    "other",
    [
        {"Effect": "Allow"},
        {"Resource": ["arn:aws-cn:s3:::b"]},
        {"Principal": {"AWS": "1"}},
        {"Condition": {}},
    ],
)
def test_a_statement_that_means_something_else_is_not(other: dict[str, Any]) -> None:
    assert not has_tls_statement(policy([WANTED | other]), ARN)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ([THEIRS], [THEIRS]),
        (THEIRS, [THEIRS]),
        ([WANTED | {"Effect": "Allow"}, THEIRS], [THEIRS]),
        ([{"Effect": "Deny"}], [{"Effect": "Deny"}]),
    ],
)
def test_other_statements_stay_and_so_does_what_is_of_the_whole_document(found: Any, kept: list[Any]) -> None:
    # In a policy of 2008 ${…} is text: another version would change what the statements of others mean.
    written = json.loads(with_tls_statement(policy(found, Version="2008-10-17", Id="theirs"), ARN))
    assert written == {"Version": "2008-10-17", "Id": "theirs", "Statement": [*kept, WANTED]}
    assert json.loads(with_tls_statement("", ARN)) == {"Version": "2012-10-17", "Statement": [WANTED]}
