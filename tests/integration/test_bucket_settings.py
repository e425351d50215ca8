"""Settings of the bucket as AWS shows and takes them, and moto does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from tests.support.answers import error
from tests.support.behaviours import Answer, on
from tests.support.environment import REGION
from tests.support.proxy import Proxy
from tests.support.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import OpenClient, RunPlldb
    from tests.support.behaviours import Forward, Rule
    from tests.support.operations import Call

S3 = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
NEW_ON_AWS = {
    "GetPublicAccessBlock": f"<PublicAccessBlockConfiguration {S3}><BlockPublicAcls>true</BlockPublicAcls>"
    "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>"
    "<RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>",
    # No ApplyServerSideEncryptionByDefault: a rule may hold this alone.
    "GetBucketEncryption": f"<ServerSideEncryptionConfiguration {S3}><Rule><BlockedEncryptionTypes>"
    "<EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>"
    "</ServerSideEncryptionConfiguration>",
    "GetBucketOwnershipControls": f"<OwnershipControls {S3}><Rule>"
    "<ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>",
}


def say(text: str, **headers: str) -> Callable[[Call], Response]:
    """An answer of S3's with this body."""
    told = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return lambda _: Response(status=200, reason="OK", headers=told, body=text.encode())


def refuse(code: str, message: str, status: int = 400) -> Answer:
    return Answer(lambda call: error(call, status, code, message))


def as_new_on_aws() -> list[Rule]:
    return [on(Answer(say(text)), operation) for operation, text in NEW_ON_AWS.items()]


async def reverse_lists(call: Call, forward: Forward) -> Response:
    """S3 keeps no order of the lists in a policy, and answers a list of one as a string or the other way."""
    answer = await forward(call)
    policy = json.loads(answer.body)
    for statement in policy["Statement"]:
        statement["Resource"] = [*reversed(statement["Resource"])]
        statement["Action"] = ["s3:*"]
    return answer.with_body(json.dumps(policy).encode())


async def test_what_is_right_is_read_and_not_written_on_a_new_bucket_and_an_old_one(
    plldb_cli: RunPlldb, endpoint: str
) -> None:
    denied = (
        "User: arn:x is not authorized to perform: s3:… with an explicit deny in a service control policy"
    )
    writes = [name.replace("Get", "Put", 1) for name in NEW_ON_AWS]
    organisation = on(refuse("AccessDenied", denied, 403), *writes)
    async with Proxy(endpoint, *as_new_on_aws(), organisation) as proxy:
        env: dict[str, str | None] = {"AWS_ENDPOINT_URL": proxy.url}
        new = await plldb_cli("bootstrap", "setup", "--output", "json", env=env)
        assert new.code == 0, new
        ready = next(json.loads(line) for line in new.stdout.splitlines() if '"bucket_ready"' in line)
        assert (ready["created"], ready["repaired"]) == (
            True,
            ["versioning", "TLS only", "old versions expire"],
        )
        proxy.use(*as_new_on_aws(), organisation, on(reverse_lists, "GetBucketPolicy"))
        proxy.forget()
        for arguments in (["bootstrap", "setup"], ["bootstrap", "setup", "--dry-run"], ["doctor"]):
            again = await plldb_cli(*arguments, env=env)
            assert not {"repair", "lacks"} & set(again.stdout.split()), again
            assert "Error" not in again.stderr, again
        assert not [each for each in proxy.records if each.operation.startswith("Put")]


@pytest.mark.parametrize(
    ("operation", "found", "refusal", "named"),
    [
        (
            "BucketPolicy",
            json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "Backup",
                            "Effect": "Allow",
                            "Principal": {"AWS": "AROAEXAMPLE1234567890"},
                            "Action": "s3:GetObject",
                            "Resource": "arn:aws:s3:::b/*",
                        }
                    ],
                }
            ),
            ("MalformedPolicy", "Invalid principal in policy"),
            "the statement 'Backup' names AROAEXAMPLE1234567890, which no longer exists",
        ),
        (
            "BucketLifecycleConfiguration",
            f"<LifecycleConfiguration {S3}><Rule><ID>archive</ID><Status>Enabled</Status><Filter/>"
            "<Transition><Days>10</Days><StorageClass>STANDARD_IA</StorageClass></Transition></Rule>"
            "</LifecycleConfiguration>",
            ("InvalidArgument", "'Days' in Transition action must be greater than or equal to 30"),
            "the rule 'archive'",
        ),
    ],
)
async def test_what_others_set_and_s3_does_not_take_back_is_named_and_nothing_says_run_again(
    plldb_cli: RunPlldb,
    endpoint: str,
    operation: str,
    found: str,
    refusal: tuple[str, str],
    named: str,
) -> None:
    rules = [on(Answer(say(found)), f"Get{operation}"), on(refuse(*refusal), f"Put{operation}")]
    async with Proxy(endpoint, *rules) as proxy:
        done = await plldb_cli("bootstrap", "setup", env={"AWS_ENDPOINT_URL": proxy.url, "COLUMNS": "400"})
    assert done.code == 1, done
    told = " ".join(done.stderr.split())
    assert refusal[1] in told, done
    assert named in told, done
    assert "again" not in told


async def test_a_lifecycle_rule_of_the_old_form_and_the_settings_of_the_document_go_back_as_they_were(
    plldb_cli: RunPlldb, open_client: OpenClient, account: str, endpoint: str
) -> None:
    bucket = f"plldb-core-infrastructure-{REGION}-{account}"
    s3 = await open_client("s3")
    await s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    written: dict[str, Any] = {}

    async def as_s3(call: Call, forward: Forward) -> Response:
        """S3 takes no document with rules of both forms, and forgets what is not said again."""
        rules = ElementTree.fromstring(call.request.body or b"").findall("{*}Rule")
        written["filtered"] = [rule.find("{*}Prefix") is None for rule in rules]
        written["size"] = call.request.header("x-amz-transition-default-minimum-object-size")
        if len(set(written["filtered"])) > 1:
            return error(call, 400, "MalformedXML", "The XML you provided was not well-formed")
        return await forward(call)

    old = (
        f"<LifecycleConfiguration {S3}><Rule><ID>theirs</ID><Status>Enabled</Status><Prefix>x/</Prefix>"
        "<Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>"
    )
    size = "varies_by_storage_class"
    answer = say(old, x_amz_transition_default_minimum_object_size=size)
    read = on(Answer(answer), "GetBucketLifecycleConfiguration")
    async with Proxy(endpoint, read, on(as_s3, "PutBucketLifecycleConfiguration")) as proxy:
        done = await plldb_cli("bootstrap", "setup", env={"AWS_ENDPOINT_URL": proxy.url})
    assert done.code == 0, done
    assert written == {"filtered": [True, True], "size": size}
    found = await s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    theirs = next(rule for rule in found["Rules"] if rule["ID"] == "theirs")
    assert (theirs["Filter"], theirs["Expiration"]) == ({"Prefix": "x/"}, {"Days": 9})
