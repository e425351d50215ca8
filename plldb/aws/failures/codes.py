"""What an error code of AWS means and the way out: one table. Pure.

Codes are from the lists of common errors in the API references of CloudFormation, S3, IAM, STS, Lambda and
DynamoDB ("Common Errors", "List of error codes"), throttling also from botocore's retry mode "standard".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from plldb.errors import AccessDeniedError, AwsError, Hint

MeaningKind = Literal["throttled", "failing", "clock", "credentials", "denied", "refused"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error code means.

    Attributes:
        kind: ``throttled`` and ``failing`` may go away; ``clock`` and ``credentials`` are about who asks;
            ``denied`` is IAM's; ``refused`` is everything else.
        hint: the way out; None where it depends on more than the code.
    """

    kind: MeaningKind
    hint: Hint | None = None


_WAIT = Hint("wait", "AWS is overloaded or failing; try again in a while.")
THROTTLED = Meaning("throttled", _WAIT)
FAILING = Meaning("failing", _WAIT)
CLOCK = Meaning(
    "clock",
    Hint("set-clock", "Set the clock of this machine right; AWS allows it to be wrong by some minutes only."),
)
CREDENTIALS = Meaning("credentials")
DENIED = Meaning("denied")
# These come and go with what others do.
_CHANGED = Meaning("refused", Hint("run-again", "Try again: something has changed meanwhile."))
# AWS says the same as long as that is so.
_REFUSED = Meaning("refused", Hint("fix-cause", "Fix what AWS names; until then the answer stays the same."))
_ACCOUNT = Meaning(
    "refused",
    Hint(
        "check-account",
        "This is about the account, not about permissions: see its messages and bills in the AWS console, or "
        "ask AWS Support.",
    ),
)
_SERVICE = Meaning(
    "refused",
    Hint(
        "check-account",
        "The account is not signed up for this service, or not yet: finish its registration and payment "
        "method in the AWS console, and check that the region is enabled for it.",
    ),
)
_REGION = Meaning(
    "refused",
    Hint("check-account", "Enable the region in the account settings of the AWS console, or choose another."),
)
_QUOTA = Meaning(
    "refused",
    Hint(
        "raise-limit", "Remove what is not needed, or raise that limit in the AWS console (Service Quotas)."
    ),
)

_ROWS: tuple[tuple[Meaning, str], ...] = (
    # OperationAborted: with it S3 asks to wait while another change to the same bucket or key is under
    # way. After a bucket was deleted that takes minutes.
    (
        THROTTLED,
        """BandwidthLimitExceeded OperationAborted PriorRequestNotComplete RequestLimitExceeded SlowDown
        RequestThrottled RequestThrottledException ProvisionedThroughputExceededException ServiceUnavailable
        ThrottledException Throttling ThrottlingException TooManyRequestsException""",
    ),
    (FAILING, "InternalError InternalFailure RequestTimeout RequestTimeoutException"),
    (CLOCK, "RequestExpired RequestInTheFuture RequestTimeTooSkewed"),
    # HEAD has no body: there S3's code is the status, 400 for a token that has expired, 403 for a right that
    # is missing.
    (
        CREDENTIALS,
        """400 AuthFailure ExpiredToken ExpiredTokenException IncompleteSignature InvalidAccessKeyId
        InvalidClientTokenId InvalidIdentityToken InvalidSecurity InvalidSignatureException InvalidToken
        MissingAuthenticationToken MissingSecurityHeader SignatureDoesNotMatch TokenRefreshRequired
        UnauthorizedException UnrecognizedClientException""",
    ),
    (DENIED, "AccessDenied AccessDeniedException ForbiddenException UnauthorizedOperation 403"),
    (_SERVICE, "NotSignedUp OptInRequired SubscriptionRequiredException"),
    (_ACCOUNT, "AccountProblem AllAccessDisabled Blocked InvalidPayer PendingVerification"),
    (_REGION, "RegionDisabledException"),
    (
        _QUOTA,
        """CodeStorageExceededException LimitExceeded LimitExceededException ResourceLimitExceeded
        ServiceQuotaExceededException TooManyBuckets""",
    ),
    (
        _CHANGED,
        """ConcurrentModificationException ConditionalRequestConflict NoSuchBucket NoSuchKey NoSuchUpload
        NoSuchVersion OperationInProgressException ResourceConflictException ResourceInUseException
        StaleRequestException TransactionConflictException""",
    ),
)
MEANINGS = {code: meaning for meaning, codes in _ROWS for code in codes.split()}
"""Every code that plldb knows; `meaning_of` says what the others mean."""

# A region that is not enabled for the account knows nobody of it.
UNKNOWN_CALLER_CODES = frozenset({"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"})
# Most services have no code of their own for a wrong clock; they call the signature wrong and say why.
_CLOCK_MESSAGE = re.compile(r"Signature (expired|not yet current)")
_NAMED_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:\w+)")
# S3 calls these a denial, too.
_NOT_BY_IAM = re.compile(r"object lock|Mfa Authentication", re.IGNORECASE)
_BARE_DENIAL = re.compile(r"\w+: Access Denied(?: \(while |$)")  # in brackets: what we add
_DENIED_BY = re.compile(r"explicit deny in (?:an? )?([\w -]+?)(?:[.:,]|$)")

# S3's API names differ from its IAM actions; elsewhere plldb needs, both are the same.
# Source: the "Actions" table of the service authorization reference for Amazon S3.
S3_ACTIONS = {
    "DeleteObjects": "s3:DeleteObjectVersion",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectVersions": "s3:ListBucketVersions",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}


def meaning_of(code: str, http_status: int = 0, message: str = "") -> Meaning:
    """Return what an answer means: by its code, or by its HTTP status where the code is unknown."""
    if http_status == 429:  # some services call that by the code of a quota
        return THROTTLED
    found = MEANINGS.get(code)
    if found is CREDENTIALS and _CLOCK_MESSAGE.search(message):
        return CLOCK
    if found:
        return found
    if http_status == 503:
        return THROTTLED
    if http_status >= 500:
        return FAILING
    return _CHANGED if http_status == 409 else _REFUSED


def denied_action(message: str, service: str, operation: str) -> str:
    """Return the IAM action that a refusal is about: the one it names, else the operation's own."""
    if named := _NAMED_ACTION.search(message):
        return named[1]
    return S3_ACTIONS.get(operation, f"{service}:{operation}")


def denied_hint(message: str, action: str) -> Hint:
    """Return the way out of a refusal that AWS calls a denial."""
    if _NOT_BY_IAM.search(message):
        return Hint("look-at-bucket", "No right helps here: a lock or MFA delete of the bucket keeps it.")
    if denied_by := _DENIED_BY.search(message):
        return Hint(
            "check-account",
            f"The {denied_by[1]} denies {action} whatever else allows it: ask whoever manages that policy.",
        )
    return Hint("allow-action", f"The caller needs the IAM action {action}.")


def is_bare_denial(error: AwsError) -> bool:
    """Tell whether S3 said "Access Denied" and no more, as it does if the owner is not the expected one.

    Within an account it names the right that is missing, the policy that denies it, a lock, or MFA
    (Amazon S3 user guide, "Troubleshoot access denied (403 Forbidden) errors").
    """
    bare = _BARE_DENIAL.match(error.message) is not None
    return bare and isinstance(error, AccessDeniedError) and error.aws_code == "AccessDenied"
