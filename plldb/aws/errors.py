"""What a failure of AWS or botocore means, as one of plldb's errors. Pure.

botocore's exceptions end here: what leaves `plldb.aws.session` is a `plldb.errors.PlldbError`.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import aiohttp
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from plldb.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    Hint,
    SettingsError,
    UnreachableError,
)

if TYPE_CHECKING:
    from aiobotocore.session import AioSession

# The codes that botocore's "standard" retry mode counts as throttling, and HTTP's own word for it.
# And OperationAborted: with it S3 asks to wait while another change to the same bucket or key is under
# way. After a bucket was deleted that takes minutes.
THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "OperationAborted",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
TRANSIENT_CODES = frozenset({"InternalError", "InternalFailure", "RequestTimeout", "RequestTimeoutException"})
CREDENTIALS_CODES = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
UNKNOWN_CODES = frozenset({"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"})
CLOCK_CODES = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
# Most services have no code of their own for that; they call the signature wrong and say why.
_CLOCK_MESSAGE = re.compile(r"Signature (expired|not yet current)")
DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

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

# A refused connection is a ConnectionError of botocore's, and none of its HTTPClientErrors.
NO_ANSWER = (
    boto.HTTPClientError,
    boto.ConnectionError,
    ResponseParserError,
    aiohttp.ClientError,
    asyncio.TimeoutError,
)
_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.NoAuthTokenError,
    boto.SSOError,
)
# What reads credentials fails as Python does where botocore does not translate: a credential_process that
# cannot be started or writes no JSON, a token file that is not there.
UNREADABLE = (OSError, json.JSONDecodeError)
# How people's own settings make botocore's HTTP client fail; no attempt more would help.
_BAD_CERTIFICATES = (FileNotFoundError, IsADirectoryError, PermissionError)
_SIGN_IN = (
    "Sign in again (for example `aws sso login`), or set AWS_PROFILE or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)
_AGAIN = (
    "Run the same command again: something may have changed meanwhile. "
    "If that does not help, plldb's log shows what led to it."
)


class TryAgainError(Exception):
    """A request failed in a way that may go away. Never leaves plldb."""

    def __init__(self, error: AwsError, *, throttled: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.throttled = throttled


def settings_error(
    error: Exception, region: str | None, session: AioSession | None = None
) -> SettingsError | CredentialsError:
    """Return what it means that no client can be made.

    ``session`` tells which file and profile are in force, and which of their settings have another shape
    than botocore expects; it is asked for nothing secret.
    """
    match error:
        case boto.ProfileNotFound():
            profile = error.kwargs.get("profile", "")
            return SettingsError(
                f"The AWS profile {profile!r} does not exist.",
                hint="`aws configure list-profiles` shows those that do; set --profile or AWS_PROFILE.",
            )
        case boto.InvalidRegionError():
            return SettingsError(
                f"{region!r} cannot be a region.",
                hint="Regions look like eu-west-1; set --region or AWS_REGION.",
            )
        case boto.ConfigParseError() | boto.ConfigNotFound():
            return SettingsError(
                f"AWS configuration: {error}", hint="Mend that file, or set AWS_CONFIG_FILE."
            )
        case boto.NoCredentialsError() | boto.PartialCredentialsError() | boto.CredentialRetrievalError():
            return CredentialsError(f"AWS credentials: {_one_line(error)}", hint=_SIGN_IN)
        case OSError() | json.JSONDecodeError():
            return _unreadable_credentials(error)
        case _:
            # An exception of Python's may quote any value, a secret one among them.
            known = isinstance(error, boto.BotoCoreError | ValueError)
            what = _one_line(error) if known else f"one has the wrong shape ({type(error).__name__})"
            return SettingsError(
                f"AWS settings{_where_set(session)}: {what}.".replace("..", "."),
                hint=Hint(
                    "fix-settings",
                    "Check AWS_ENDPOINT_URL, the other AWS_… variables, and your profile in ~/.aws/config.",
                ),
            )


# Settings that are sections of their own; every other one is a single value.
_SECTIONS = frozenset({"s3", "proxies_config"})


def _where_set(session: AioSession | None) -> str:
    """Return file, profile and the settings in it whose shape is wrong, as far as they can be read."""
    if session is None:
        return ""
    try:
        path = session.get_config_variable("config_file")
        settings = session.get_scoped_config()
    except Exception:  # noqa: BLE001 - they are what cannot be read
        return ""
    wrong = [key for key, value in settings.items() if isinstance(value, dict) != (key in _SECTIONS)]
    keys = f", {', '.join(sorted(wrong))}" if wrong else ""
    return f" ({path}, profile {session.profile or 'default'}{keys})"


def _unreadable_credentials(error: Exception, **where: str) -> CredentialsError:
    # What a credential_process wrote may be the secret itself; where JSON ended says nothing of it.
    what = error if isinstance(error, OSError) else f"a credential_process wrote no JSON: {error}"
    return CredentialsError(
        f"AWS credentials: {what}",
        hint="Check credential_process in your profile, and the file that AWS_WEB_IDENTITY_TOKEN_FILE or "
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names.",
        **where,
    )


def strange_credentials(error: Exception) -> CredentialsError:
    """Return what it means that a source of credentials fails as botocore does not foresee.

    Such a failure may quote the secret itself, so only its type is told.
    """
    return CredentialsError(
        f"AWS credentials: what should give them gives something else ({type(error).__name__}).",
        hint="Check credential_process in your profile; run its command by hand.",
    )


def translate(error: Exception, *, service: str, operation: str) -> AwsError | SettingsError | TryAgainError:
    """Return the plldb error that a failed request means."""
    if isinstance(error, boto.ClientError):
        return _translate_answer(error, service, operation)
    where = {"service": service, "operation": operation}
    if isinstance(error, _NO_CREDENTIALS):
        return CredentialsError(f"AWS credentials: {_one_line(error)}", hint=_SIGN_IN, **where)
    if setting := _setting_of(error):
        return setting
    if isinstance(error, json.JSONDecodeError) or getattr(error, "filename", None) is not None:
        return _unreadable_credentials(error, **where)
    if isinstance(error, (*NO_ANSWER, OSError)):
        unreachable = UnreachableError(
            f"{operation}: no usable answer from {service}: {_one_line(error)}",
            hint="Check the network, the region and AWS_ENDPOINT_URL, then run the same command again.",
            **where,
        )
        return TryAgainError(unreachable, throttled=False)
    if isinstance(error, boto.ProfileNotFound | boto.ConfigParseError | boto.InvalidRegionError):
        return settings_error(error, None)
    return AwsError(f"{operation}: {_one_line(error)}", hint=_AGAIN, **where)


def _setting_of(error: Exception) -> SettingsError | None:
    """Return what is wrong if a setting of the caller keeps botocore from sending anything."""
    cause = error.kwargs.get("error") if isinstance(error, boto.HTTPClientError) else None
    if isinstance(cause, boto.InvalidProxiesConfigError):
        return SettingsError(
            "HTTP_PROXY or HTTPS_PROXY cannot be the URL of a proxy.",
            hint="Proxies look like http://localhost:3128; set or unset the variable.",
        )
    if isinstance(cause, _BAD_CERTIFICATES) or getattr(cause, "reason", "") == "NO_CERTIFICATE_OR_CRL_FOUND":
        return SettingsError(
            f"The certificates to trust cannot be read: {cause}",
            hint="Check the file that AWS_CA_BUNDLE, or ca_bundle in your profile, names.",
        )
    return None


def _translate_answer(error: boto.ClientError, service: str, operation: str) -> AwsError | TryAgainError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    # The first line only: what follows may repeat the signed headers, the session token among them.
    message = _first_line(str(error.response.get("Error", {}).get("Message", ""))) or code
    http_status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    where = {"service": service, "operation": operation, "aws_code": code}
    if code in CLOCK_CODES or (code in CREDENTIALS_CODES and _CLOCK_MESSAGE.search(message)):
        return CredentialsError(
            f"{operation}: AWS refuses the time of the request ({code}).",
            hint="Set the clock of this machine right; AWS allows it to be wrong by some minutes only.",
            **where,
        )
    if code in CREDENTIALS_CODES:
        if code == "IncompleteSignature":  # its one line repeats the Authorization header
            message = code
        # A region that is not enabled knows nobody of the account.
        region = " Or the region is not enabled for your account: choose another, or enable it."
        hint = _SIGN_IN + region * (code in UNKNOWN_CODES)
        return CredentialsError(
            f"{operation}: AWS does not accept the credentials: {message}", hint=hint, **where
        )
    if code in DENIED_CODES or http_status == 403:
        action = denied_action(message, service, operation)
        return AccessDeniedError(
            f"{operation}: {message}",
            action=action,
            hint=f"The caller needs the IAM action {action}; the whole policies are in "
            "plldb/bootstrap/policies of the installed package.",
            **where,
        )
    throttled = code in THROTTLING_CODES or http_status in (429, 503)
    if throttled or code in TRANSIENT_CODES or http_status >= 500:
        keeps = f"{operation}: {service} keeps answering {code or http_status}: {message}"
        return overloaded(keeps, throttled=throttled, **where)
    return AwsError(f"{operation}: {message} ({code})", hint=_AGAIN, **where)


def overloaded(message: str, *, throttled: bool, **where: str) -> TryAgainError:
    """Return what it means that AWS throttles or fails; ``where`` are fields of `AwsError`."""
    hint = "AWS is overloaded or failing; run the same command again in a while."
    return TryAgainError(UnreachableError(message, hint=hint, **where), throttled=throttled)


def denied_action(message: str, service: str, operation: str) -> str:
    """Return the IAM action that a refusal is about: the one it names, else the operation's own."""
    named = re.search(r"not authorized to perform:? ([a-z0-9-]+:\w+)", message)
    if named:
        return named[1]
    return S3_ACTIONS.get(operation, f"{service}:{operation}")


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _one_line(error: Exception) -> str:
    if isinstance(error, ResponseParserError):
        return "it sent something that is no answer of AWS"
    return " ".join(str(error).split()) or type(error).__name__
