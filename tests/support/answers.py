"""The errors that AWS answers with, in the form of each protocol. Pure.

An answer is a function from a `Call` to the `Response` that AWS would give, or to None where it does not
apply; `behaviours.Answer` makes a behaviour of the proxy out of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.support.wire import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.operations import Call

# S3 operation → the IAM action that allows it, where they differ (Service Authorization Reference, S3).
_S3_ACTIONS = {
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
}
# Their errors say what they are in a header.
_REST_JSON = ("apigateway", "lambda")
_VERSIONED = {"GetObject": "GetObjectVersion", "DeleteObject": "DeleteObjectVersion"}


def error(call: Call, status: int, code: str, message: str) -> Response:
    """An error in the form of the call's protocol: S3's XML, the Query protocol's XML, or JSON."""
    if call.service == "s3":
        return _respond(
            call, status, f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        )
    if call.request.header("x-amz-target") or call.service in _REST_JSON:
        return _respond(call, status, json.dumps({"__type": code, "message": message}))
    kind = "Sender" if status < 500 else "Receiver"
    inner = f"<Type>{kind}</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
    return _respond(call, status, f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>")


def server_error(call: Call) -> Response:
    """HTTP 500, the kind that goes away by itself."""
    code = "InternalError" if call.service == "s3" else "InternalFailure"
    return error(call, 500, code, "We encountered an internal error. Please try again.")


def unavailable(call: Call) -> Response:
    """HTTP 503: of S3 the SlowDown of a bucket under load, of the others ServiceUnavailable."""
    if call.service == "s3":
        return error(call, 503, "SlowDown", "Please reduce your request rate.")
    return error(call, 503, "ServiceUnavailable", "Service is unable to handle request.")


def throttled(call: Call) -> Response:
    """Too many requests: of S3 the SlowDown, of the others Throttling with HTTP 400."""
    return unavailable(call) if call.service == "s3" else error(call, 400, "Throttling", "Rate exceeded")


def expired_token(call: Call) -> Response:
    """The credentials were temporary, and their time is over."""
    if call.service == "s3":
        return error(call, 400, "ExpiredToken", "The provided token has expired.")
    return error(call, 403, "ExpiredToken", "The security token included in the request is expired")


def access_denied(call: Call) -> Response:
    """IAM does not allow the action; says which action and on what, as AWS does.

    DeleteObjects is the exception: S3 answers 200 and denies each key in the body.
    """
    if call.operation == "DeleteObjects":
        return _deny_each_key(call)
    return error(call, 403, "AccessDenied", _denial(call, _resource(call)))


def owner_guard(owners: Mapping[str, str]) -> _OwnerGuard:
    """S3 with its bucket owners enforced; ``owners`` names the account of each bucket of somebody else.

    A bucket that is not named belongs to the caller. Refused is a request whose ExpectedBucketOwner is
    not the owner, and any request to a bucket of somebody else.
    """
    return _OwnerGuard(owners)


class _OwnerGuard:
    """The answer that `owner_guard` makes."""

    def __init__(self, owners: Mapping[str, str]) -> None:
        self._owners = dict(owners)

    def __call__(self, call: Call) -> Response | None:
        if call.service != "s3" or not call.bucket:
            return None
        owner = self._owners.get(call.bucket, call.account)
        if call.operation == "CreateBucket":
            return None if owner == call.account else _bucket_taken(call)
        expected = call.request.header("x-amz-expected-bucket-owner") or owner
        return (
            None if expected == owner == call.account else error(call, 403, "AccessDenied", "Access Denied")
        )


def _bucket_taken(call: Call) -> Response:
    message = (
        "The requested bucket name is not available. The bucket namespace is shared by all users of the"
        " system. Please select a different name and try again."
    )
    return error(call, 409, "BucketAlreadyExists", message)


def iam_action(call: Call) -> str:
    """The IAM action that allows the call, for example ``s3:ListBucketVersions``."""
    name = _S3_ACTIONS.get(call.operation, call.operation) if call.service == "s3" else call.operation
    if "versionId=" in call.request.target:
        name = _VERSIONED.get(name, name)
    return f"{call.service}:{name}"


def _denial(call: Call, resource: str) -> str:
    action = iam_action(call)
    return (
        f"User: arn:aws:iam::{call.account}:user/developer is not authorized to perform: {action}"
        f" on resource: {resource} because no identity-based policy allows the {action} action"
    )


def _resource(call: Call) -> str:
    if call.service == "s3":
        path = urlsplit(call.request.target).path.strip("/")
        return f'"arn:aws:s3:::{path}"'
    if call.service == "cloudformation":
        name = call.parameters.get("StackName", "*")
        arn = f"arn:aws:cloudformation:{call.region}:{call.account}:stack/{name}/*"
        return name if name.startswith("arn:") else arn
    return "*"


def _deny_each_key(call: Call) -> Response:
    root = ElementTree.fromstring(call.request.body or b"<Delete/>")
    namespace = root.tag.rpartition("}")[0] + "}" if "}" in root.tag else ""
    errors = "".join(_deny_key(call, found, namespace) for found in root.findall(f"{namespace}Object"))
    return _respond(call, 200, f"<DeleteResult>{errors}</DeleteResult>")


def _deny_key(call: Call, found: ElementTree.Element, namespace: str) -> str:
    key = found.findtext(f"{namespace}Key", "")
    version = found.findtext(f"{namespace}VersionId", "")
    message = _denial(call, f'"arn:aws:s3:::{call.bucket}/{key}"')
    return (
        f"<Error><Key>{escape(key)}</Key><VersionId>{escape(version)}</VersionId>"
        f"<Code>AccessDenied</Code><Message>{escape(message)}</Message></Error>"
    )


def _respond(call: Call, status: int, text: str) -> Response:
    body = b"" if call.request.method == "HEAD" else text.encode()
    kind = "application/json" if text.startswith("{") else "text/xml"
    headers = [("Content-Type", kind), ("x-amzn-RequestId", f"proxy-{call.number}")]
    if call.service in _REST_JSON:
        headers.append(("x-amzn-ErrorType", json.loads(text)["__type"]))
    return Response(status=status, reason="", headers=tuple(headers), body=body)
