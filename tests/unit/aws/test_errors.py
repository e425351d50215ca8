"""What a failed request means: one table of botocore's failures and plldb's errors."""

from __future__ import annotations

import aiohttp
import pytest
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from plldb.aws.errors import TryAgainError, translate
from plldb.aws.failures.codes import (
    MEANINGS,
    S3_ACTIONS,
    UNKNOWN_CALLER_CODES,
    denied_action,
    is_bare_denial,
)
from plldb.aws.failures.sign_in import SignedIn
from plldb.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsError,
    PlldbError,
    SettingsError,
    UnreachableError,
)
from tests.unit.aws.fakes import refused

DENIED = (
    "User: arn:aws:iam::123456789012:user/dev is not authorized to perform: {action} on resource: x "
    "because no identity-based policy allows the {action} action"
)


def codes_of(kind: str) -> list[str]:
    return sorted(code for code, meaning in MEANINGS.items() if meaning.kind == kind)


def meaning(error: Exception, source: str = "") -> PlldbError | TryAgainError:
    who = SignedIn(source=source, profile="work" if source else None)
    return translate(error, service="cloudformation", operation="CreateStack", who=who)


@pytest.mark.parametrize("code", codes_of("throttled"))
def test_throttling_is_tried_again_and_told_apart_from_failure(code: str) -> None:
    again = meaning(refused(code, "Rate exceeded"))
    assert isinstance(again, TryAgainError)
    assert again.throttled
    assert isinstance(again.error, UnreachableError)
    assert (again.error.service, again.error.operation, again.error.aws_code) == (
        "cloudformation",
        "CreateStack",
        code,
    )


@pytest.mark.parametrize(
    ("code", "status", "throttled"),
    [
        *((code, 400, False) for code in codes_of("failing")),
        ("InternalFailure", 500, False),
        ("Anything", 500, False),
        ("", 502, False),
        ("", 504, False),
        ("Anything", 503, True),
        ("503", 503, True),
        ("429", 429, True),
        ("LimitExceededException", 429, True),  # of @connections
        ("OperationAborted", 409, True),
    ],
)
def test_failures_of_the_server_are_tried_again(code: str, status: int, throttled: bool) -> None:
    again = meaning(refused(code, "", status))
    assert isinstance(again, TryAgainError)
    assert again.throttled is throttled
    assert again.error.hint
    assert again.error.hint.kind == "wait"


@pytest.mark.parametrize(
    "error",
    [
        boto.EndpointConnectionError(endpoint_url="https://x", error="refused"),
        boto.ConnectTimeoutError(endpoint_url="https://x"),
        boto.ReadTimeoutError(endpoint_url="https://x"),
        boto.ConnectionClosedError(endpoint_url="https://x"),
        boto.SSLError(endpoint_url="https://x", error=OSError("bad")),
        boto.ProxyConnectionError(proxy_url="https://x", error="bad"),
        boto.HTTPClientError(error="bad"),
        boto.ResponseStreamingError(error="cut"),
        ResponseParserError("Unable to parse response: <html>"),
        aiohttp.ClientPayloadError("Response payload is not completed"),
        aiohttp.ServerDisconnectedError(),
        TimeoutError(),
        ConnectionResetError(104, "Connection reset by peer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_usable_answer_is_tried_again_and_is_no_throttling(error: Exception) -> None:
    again = meaning(error)
    assert isinstance(again, TryAgainError)
    assert not again.throttled
    assert isinstance(again.error, UnreachableError)
    assert again.error.message.startswith("CreateStack: no usable answer from cloudformation: ")
    assert "AWS_ENDPOINT_URL" in str(again.error.hint)


@pytest.mark.parametrize("code", codes_of("credentials"))
@pytest.mark.parametrize("status", [400, 401, 403])
def test_credentials_that_aws_does_not_accept_are_that(code: str, status: int) -> None:
    error = meaning(refused(code, "The security token is expired\nx-amz-security-token:SECRET", status))
    assert isinstance(error, CredentialsError)
    assert "SECRET" not in str(error)
    # A region that is not enabled knows nobody of the account.
    assert ("not enabled" in str(error.hint)) == (code in UNKNOWN_CALLER_CODES)


@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        ("sso", "sign-in", "`aws sso login --profile work`"),
        ("login", "sign-in", "`aws login --profile work`"),
        ("env", "check-credentials", "AWS_ACCESS_KEY_ID"),
        ("shared-credentials-file", "check-credentials", "~/.aws/credentials"),
        ("config-file", "check-credentials", "~/.aws/config"),
        ("custom-process", "check-credentials", "credential_process"),
        ("assume-role", "check-credentials", "role_arn"),
        ("assume-role-with-web-identity", "check-credentials", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("iam-role", "check-credentials", "machine"),
        ("container-role", "check-credentials", "container"),
        ("explicit", "check-credentials", "that were given"),
        ("", "check-credentials", "AWS_PROFILE"),
    ],
)
def test_only_who_was_signed_in_is_asked_to_sign_in_again(source: str, kind: str, said: str) -> None:
    error = meaning(refused("ExpiredToken", "expired", 403), source)
    assert isinstance(error, CredentialsError)
    assert error.hint
    assert error.hint.kind == kind
    assert said in error.hint.text
    assert ("again" in error.hint.text) == (kind == "sign-in")


@pytest.mark.parametrize("code", codes_of("clock"))
def test_a_wrong_clock_is_told_as_that(code: str) -> None:
    error = meaning(refused(code, "Signature expired", 403))
    assert isinstance(error, CredentialsError)
    assert "clock" in str(error.hint)


@pytest.mark.parametrize(
    "message",
    [
        "Signature expired: 20261123T120000Z is now earlier than 20261123T121500Z (… - 15 min.)",
        "Signature not yet current: 20261123T130000Z is still later than 20261123T121500Z",
    ],
)
@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidSignatureException"])
def test_a_signature_refused_for_its_time_is_a_matter_of_the_clock(code: str, message: str) -> None:
    error = meaning(refused(code, message, 403))
    assert isinstance(error, CredentialsError)
    assert "clock" in str(error.hint)
    assert "Sign in" not in str(error.hint)


@pytest.mark.parametrize("code", ["ValidationError", "AccessDenied", "Throttling", "ExpiredToken", "Other"])
def test_of_what_aws_says_the_first_line_is_told(code: str) -> None:
    found = meaning(refused(code, "\n  The first line. \r\nx-amz-security-token:SECRET\n"))
    error = found.error if isinstance(found, TryAgainError) else found
    assert "The first line." in error.message
    assert "SECRET" not in error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("cause", "named"),
    [
        (boto.InvalidProxiesConfigError(), "HTTPS_PROXY"),
        (FileNotFoundError(2, "No such file or directory"), "AWS_CA_BUNDLE"),
    ],
)
def test_a_setting_that_keeps_the_client_from_sending_is_named_and_not_tried_again(
    cause: Exception, named: str
) -> None:
    found = meaning(boto.HTTPClientError(error=cause))
    assert isinstance(found, SettingsError)
    assert named in f"{found.message} {found.hint}"


@pytest.mark.parametrize(
    "error",
    [
        boto.NoCredentialsError(),
        boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        boto.CredentialRetrievalError(provider="process", error_msg="x"),
        boto.TokenRetrievalError(provider="sso", error_msg="x"),
        boto.SSOTokenLoadError(error_msg="x"),
        boto.UnauthorizedSSOTokenError(),
        boto.NoAuthTokenError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_credentials_is_a_credentials_error(error: Exception) -> None:
    found = meaning(error)
    assert isinstance(found, CredentialsError)
    assert found.operation == "CreateStack"


@pytest.mark.parametrize("code", codes_of("denied"))
def test_a_refusal_names_the_action_that_is_missing(code: str) -> None:
    error = meaning(refused(code, DENIED.format(action="iam:CreateRole"), 403))
    assert isinstance(error, AccessDeniedError)
    assert error.action == "iam:CreateRole"
    assert error.hint
    assert (error.hint.kind, "iam:CreateRole" in error.hint.text) == ("allow-action", True)


def test_a_denial_from_above_is_not_told_as_a_right_that_the_caller_lacks() -> None:
    said = (
        "User: x is not authorized to perform: s3:CreateBucket with an explicit deny in a service control "
        "policy"
    )
    error = meaning(refused("AccessDenied", said, 403))
    assert isinstance(error, AccessDeniedError)
    assert error.hint
    assert error.hint.kind == "check-account"
    assert "service control policy denies s3:CreateBucket" in error.hint.text


# The codes are those of issue 11, items 16 and 17.
@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        *((code, 403, "check-account") for code in ("OptInRequired", "SubscriptionRequiredException")),
        *((code, 403, "check-account") for code in ("NotSignedUp", "AccountProblem", "AllAccessDisabled")),
        ("TooManyBuckets", 400, "raise-limit"),
        ("LimitExceededException", 400, "raise-limit"),
        *((code, 400, "fix-cause") for code in ("InvalidRequest", "MalformedPolicy", "MalformedXML")),
        ("ValidationError", 400, "fix-cause"),
        ("NothingThatIsKnown", 403, "fix-cause"),
        ("NoSuchBucket", 404, "run-again"),
        ("ResourceConflictException", 409, "run-again"),
        ("NothingThatIsKnown", 409, "run-again"),
    ],
)
def test_what_aws_refuses_has_the_way_out_that_fits_and_speaks_of_no_rights(
    code: str, status: int, kind: str
) -> None:
    error = meaning(refused(code, "What AWS says", status))
    assert type(error) is AwsError
    assert error.message == f"CreateStack: What AWS says ({code})"
    assert error.hint
    assert error.hint.kind == kind
    assert "IAM" not in error.hint.text
    assert not is_bare_denial(error)


def test_only_a_bare_denial_may_mean_that_a_bucket_is_another_accounts() -> None:
    def bare(code: str, message: str) -> bool:
        error = meaning(refused(code, message, 403))
        assert isinstance(error, AwsError)
        return is_bare_denial(error)

    assert bare("AccessDenied", "Access Denied")
    assert not bare("AccessDenied", DENIED.format(action="s3:ListBucket"))
    assert not bare("InvalidAccessKeyId", "The key does not exist")
    assert not bare("403", "Forbidden")
    assert not bare("AccessDenied", "Access Denied because object protected by object lock.")


@pytest.mark.parametrize(
    "message",
    [
        "Access Denied because object protected by object lock.",
        "Mfa Authentication must be used for this request",
    ],
)
def test_a_lock_that_s3_calls_a_denial_does_not_speak_of_rights(message: str) -> None:
    error = meaning(refused("AccessDenied", message, 403))
    assert isinstance(error, AccessDeniedError)
    assert error.hint
    assert error.hint.kind == "look-at-bucket"


@pytest.mark.parametrize(
    ("message", "service", "operation", "action"),
    [
        (DENIED.format(action="s3:PutObject"), "s3", "HeadObject", "s3:PutObject"),
        ("not authorized to perform sts:AssumeRole on x", "cloudformation", "CreateStack", "sts:AssumeRole"),
        ("Access Denied", "cloudformation", "CreateStack", "cloudformation:CreateStack"),
        ("Access Denied", "sts", "GetCallerIdentity", "sts:GetCallerIdentity"),
        ("Access Denied", "s3", "PutObject", "s3:PutObject"),
        *(("Forbidden", "s3", operation, action) for operation, action in S3_ACTIONS.items()),
    ],
)
def test_the_action_is_the_one_named_or_that_of_the_operation(
    message: str, service: str, operation: str, action: str
) -> None:
    assert denied_action(message, service, operation) == action


def test_everything_else_that_aws_refuses_keeps_its_code_and_message() -> None:
    error = meaning(refused("ValidationError", "Stack [plldb] does not exist"))
    assert type(error) is AwsError
    assert error.message == "CreateStack: Stack [plldb] does not exist (ValidationError)"
    assert error.aws_code == "ValidationError"


def test_an_answer_without_a_message_is_told_by_its_code() -> None:
    assert str(meaning(refused("NoSuchBucket", ""))) == "CreateStack: NoSuchBucket (NoSuchBucket)"


def test_a_request_that_botocore_does_not_send_is_an_aws_error_on_one_line() -> None:
    error = meaning(boto.ParamValidationError(report="Missing\n  StackName"))
    assert type(error) is AwsError
    assert "\n" not in str(error)
