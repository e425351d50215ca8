"""Which AWS operation a request is, by whom and where. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Set

    from tests.support.wire import Request

# Subresource of a bucket → what the S3 API calls it; the method gives the verb (Get, Put, Delete).
_BUCKET_PARTS = {
    "accelerate": "BucketAccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCors",
    "encryption": "BucketEncryption",
    "lifecycle": "BucketLifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "notification": "BucketNotificationConfiguration",
    "object-lock": "ObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "PublicAccessBlock",
    "replication": "BucketReplication",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_OBJECT_PARTS = {"acl": "ObjectAcl", "tagging": "ObjectTagging", "attributes": "ObjectAttributes"}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}

_BUCKET_LISTS = {"versions": "ListObjectVersions", "uploads": "ListMultipartUploads"}
_BUCKET_PLAIN = {"GET": "ListObjects", "PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}
_OBJECT_PLAIN = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"}
_UPLOADS = {
    "GET": "ListParts",
    "PUT": "UploadPart",
    "POST": "CompleteMultipartUpload",
    "DELETE": "AbortMultipartUpload",
}

_SCOPE = re.compile(r"Credential=([^/\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that arrived at the proxy, and what it means to AWS.

    ``account`` is the access key id, which for MiniStack is the account; ``number`` counts all requests
    of the proxy from 1; ``connection`` counts the client's connections from 1.
    """

    request: Request
    service: str
    operation: str
    account: str
    region: str
    number: int = 0
    connection: int = 0

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a Query-protocol request."""
        return {key: values[0] for key, values in parse_qs(_form(self.request)).items()}

    @property
    def bucket(self) -> str:
        """The bucket of a path-style S3 request."""
        return _split_path(self.request)[0]

    @property
    def key(self) -> str:
        """The object key of a path-style S3 request."""
        return _split_path(self.request)[1]


def identify_call(request: Request, *, number: int = 0, connection: int = 0) -> Call:
    """Name the operation of a signed request; an unsigned one has no service, account and region."""
    account, region, service = _read_scope(request)
    return Call(
        request=request,
        service=service,
        operation=_name_operation(request, service),
        account=account,
        region=region,
        number=number,
        connection=connection,
    )


def _read_scope(request: Request) -> tuple[str, str, str]:
    presigned = parse_qs(urlsplit(request.target).query).get("X-Amz-Credential", [""])[0]
    found = _SCOPE.search(request.header("authorization") or f"Credential={presigned}")
    return (found[1], found[2], found[3]) if found else ("", "", "")


def _name_operation(request: Request, service: str) -> str:
    if service == "s3":
        return _name_s3_operation(request)
    if target := request.header("x-amz-target"):
        return target.rpartition(".")[2]
    for method, path, name in _rest_operations(service):
        if method == request.method and path.fullmatch(urlsplit(request.target).path):
            return name
    action = parse_qs(_form(request)).get("Action")
    return action[0] if action else f"{request.method} {urlsplit(request.target).path}"


@cache
def _rest_operations(service: str) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Method, path and name of each operation of a REST service, of botocore's description of it."""
    described = {"lambda": "lambda", "apigateway": "apigatewayv2"}.get(service)
    if described is None:
        return ()
    from botocore.session import get_session  # the tests of the wheel have no botocore

    model = get_session().get_service_model(described)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(http["requestUri"].partition("?")[0]))
        found.append((http["method"], re.compile(path), name))
    return tuple(found)


def _name_s3_operation(request: Request) -> str:
    bucket, key = _split_path(request)
    parts = parse_qs(urlsplit(request.target).query, keep_blank_values=True).keys()
    if not bucket:
        return "ListBuckets"
    return _name_object_operation(request, parts) if key else _name_bucket_operation(request.method, parts)


def _name_bucket_operation(method: str, parts: Set[str]) -> str:
    if method == "POST" and "delete" in parts:
        return "DeleteObjects"
    for part, name in (_BUCKET_LISTS | _BUCKET_PARTS).items():
        if part in parts:
            return name if part in _BUCKET_LISTS else _VERBS.get(method, method) + name
    return "ListObjectsV2" if "list-type" in parts else _BUCKET_PLAIN.get(method, method)


def _name_object_operation(request: Request, parts: Set[str]) -> str:
    if request.method == "POST" and "uploads" in parts:
        return "CreateMultipartUpload"
    if "uploadId" in parts:
        return _UPLOADS.get(request.method, request.method)
    for part, name in _OBJECT_PARTS.items():
        if part in parts:
            return _VERBS.get(request.method, request.method) + name
    if request.method == "PUT" and request.header("x-amz-copy-source"):
        return "CopyObject"
    return _OBJECT_PLAIN.get(request.method, request.method)


def _split_path(request: Request) -> tuple[str, str]:
    bucket, _, key = unquote(urlsplit(request.target).path).lstrip("/").partition("/")
    return bucket, key


def _form(request: Request) -> str:
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        return (request.body or b"").decode()
    return urlsplit(request.target).query
