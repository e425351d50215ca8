"""Each request is named after the AWS operation that it is."""

from __future__ import annotations

import pytest

from tests.support.operations import Call, identify_call
from tests.support.wire import Request

SCOPE = "AWS4-HMAC-SHA256 Credential={}/20261123/eu-west-1/{}/aws4_request, SignedHeaders=host"


def identify(method: str, target: str, service: str = "s3", body: bytes = b"", **headers: str) -> Call:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    authorization = ("Authorization", SCOPE.format("123456789012", service))
    return identify_call(Request(method=method, target=target, headers=(authorization, *pairs), body=body))


@pytest.mark.parametrize(
    ("request_line", "operation"),
    [
        ("GET /", "ListBuckets"),
        ("PUT /b", "CreateBucket"),
        ("HEAD /b", "HeadBucket"),
        ("DELETE /b", "DeleteBucket"),
        ("GET /b?versioning", "GetBucketVersioning"),
        ("PUT /b?versioning", "PutBucketVersioning"),
        ("PUT /b?publicAccessBlock", "PutPublicAccessBlock"),
        ("GET /b?encryption=", "GetBucketEncryption"),
        ("PUT /b?ownershipControls", "PutBucketOwnershipControls"),
        ("PUT /b?lifecycle", "PutBucketLifecycleConfiguration"),
        ("GET /b?policy", "GetBucketPolicy"),
        ("GET /b?versions&prefix=plldb%2F", "ListObjectVersions"),
        ("GET /b?uploads", "ListMultipartUploads"),
        ("GET /b?list-type=2", "ListObjectsV2"),
        ("GET /b", "ListObjects"),
        ("POST /b?delete", "DeleteObjects"),
        ("PUT /b/k/l", "PutObject"),
        ("GET /b/k?versionId=1", "GetObject"),
        ("HEAD /b/k", "HeadObject"),
        ("DELETE /b/k?uploadId=1", "AbortMultipartUpload"),
        ("POST /b/k?uploads", "CreateMultipartUpload"),
        ("PUT /b/k?partNumber=1&uploadId=1", "UploadPart"),
        ("GET /b/k?tagging", "GetObjectTagging"),
    ],
)
def test_s3_requests_are_named_by_method_path_and_query(request_line: str, operation: str) -> None:
    method, target = request_line.split(" ")
    assert identify(method, target).operation == operation


def test_a_query_request_is_named_by_its_action() -> None:
    form = "application/x-www-form-urlencoded; charset=utf-8"
    call = identify("POST", "/", "cloudformation", b"Action=CreateStack&StackName=a%2Fb", content_type=form)
    assert (call.service, call.operation, call.account) == ("cloudformation", "CreateStack", "123456789012")
    assert (call.region, call.parameters["StackName"]) == ("eu-west-1", "a/b")


def test_a_json_request_is_named_by_its_target_header() -> None:
    call = identify("POST", "/", "dynamodb", b"{}", x_amz_target="DynamoDB_20120810.DescribeTable")
    assert call.operation == "DescribeTable"


def test_an_unsigned_request_has_a_path_for_a_name() -> None:
    call = identify_call(Request(method="GET", target="/health?x=1", headers=(), body=b""))
    assert (call.service, call.operation, call.account) == ("", "GET /health", "")


def test_bucket_and_key_are_read_from_the_path() -> None:
    call = identify("PUT", "/bucket/plldb/a%20b.zip")
    assert (call.bucket, call.key) == ("bucket", "plldb/a b.zip")
