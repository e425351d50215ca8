"""The doorway to AWS: session, account and region, clients, retries, errors. Talks to AWS.

botocore's exceptions end here: what leaves this module is a `plldb.errors.PlldbError`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from plldb.connections import Connections
from plldb.errors import AccessDeniedError, AwsError, CredentialsError, SettingsError, UnreachableError
from plldb.models import find_models_quickly
from plldb.pace import Pace

if TYPE_CHECKING:
    from types_aiobotocore_cloudformation import CloudFormationClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sts import STSClient

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

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
_NO_ANSWER = (
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
_UNREADABLE = (OSError, json.JSONDecodeError)
# How people's own settings make botocore's HTTP client fail; no attempt more would help.
_BAD_CERTIFICATES = (FileNotFoundError, IsADirectoryError, PermissionError)
_SIGN_IN = (
    "Sign in again (for example `aws sso login`), or set AWS_PROFILE or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)
_AGAIN = (
    "Run the same command again: something may have changed meanwhile. "
    "If that does not help, `plldb --verbose bootstrap …` shows what led to it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who acts where. ``endpoint_url`` is None where AWS itself is meant."""

    account: str
    region: str
    partition: str
    caller_arn: str
    endpoint_url: str | None


class TryAgainError(Exception):
    """A request failed in a way that may go away. Never leaves plldb."""

    def __init__(self, error: AwsError, *, throttled: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.throttled = throttled


class Aws:
    """One account and region as seen through one session. Made by `open_aws`.

    Clients are made at first use and shared; they are closed with the `open_aws` block.
    """

    def __init__(
        self, session: AioSession, region: str, endpoint_url: str | None, pace: Pace, stack: AsyncExitStack
    ) -> None:
        self.region = region
        self.pace = pace
        self._session = session
        self._endpoint_url = endpoint_url
        self._stack = stack
        self._connections = Connections(stack)
        self._clients: dict[str, Any] = {}
        self._making = asyncio.Lock()

    async def cloudformation(self) -> CloudFormationClient:
        """Return the client for CloudFormation."""
        client: CloudFormationClient = await self._client("cloudformation")
        return client

    async def s3(self) -> S3Client:
        """Return the client for S3."""
        client: S3Client = await self._client("s3")
        return client

    async def prepare_s3(self) -> None:
        """Make the client for S3, which is needed next, while the first requests are under way."""
        await asyncio.sleep(self.pace.head_start)
        await self.s3()

    async def read_target(self) -> Target:
        """Ask AWS who the caller is.

        Raises:
            CredentialsError: there are none, or AWS does not accept them.
        """
        sts: STSClient = await self._client("sts")
        identity = await self.call(sts.get_caller_identity)
        return Target(
            account=identity["Account"],
            region=self.region,
            partition=identity["Arn"].split(":")[1],
            caller_arn=identity["Arn"],
            endpoint_url=self._endpoint_url or os.environ.get("AWS_ENDPOINT_URL"),
        )

    async def read_clock_skew(self) -> float:
        """Return by how many seconds this machine's clock is ahead of AWS's.

        Raises:
            AwsError: AWS refused, or could not be reached.
        """
        sts: STSClient = await self._client("sts")
        answer = await self.call(sts.get_caller_identity)
        told = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return (datetime.now(UTC) - told).total_seconds()

    def dns_suffix(self, partition: str) -> str:
        """Return the domain of a partition's endpoints, for example ``amazonaws.com``."""
        # botocore deprecates its endpoint resolver for others; the data is open to all, and cached.
        partitions = self._session.get_data("endpoints")["partitions"]
        return next(str(each["dnsSuffix"]) for each in partitions if each["partition"] == partition)

    async def attempt(self, method: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Send one request once.

        Raises:
            TryAgainError: AWS throttles, failed, or did not answer.
            AwsError: AWS refused.
        """
        service, operation = _names(method)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await method(*args, **kwargs)
            log.info("%s %s: %d ms", service, operation, (loop.time() - began) * 1000)
            return answer
        except (boto.BotoCoreError, boto.ClientError, *_NO_ANSWER, *_UNREADABLE) as error:
            # Only what is safe to show: neither parameters nor headers.
            log.info("%s %s: %s", service, operation, type(error).__name__)
            raise translate(error, service=service, operation=operation) from error

    async def call(self, method: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Send one request, again and again as `Pace` says while its failure may go away.

        Raises:
            UnreachableError: AWS throttles or fails for too long, or cannot be reached.
            AwsError: AWS refused.
        """
        return await self.repeat(lambda: self.attempt(method, *args, **kwargs))

    async def repeat(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Do something again and again as `Pace` says while it raises `TryAgainError`.

        Raises:
            UnreachableError: for too long.
        """
        pace, loop = self.pace, asyncio.get_running_loop()
        give_up = loop.time() + pace.throttled_for
        failures, longest = 0, pace.first_wait
        while True:
            try:
                return await attempt()
            except TryAgainError as again:
                # Throttling says that AWS works and wants us to wait; only other failures count.
                failures += not again.throttled
                if failures >= pace.attempts or loop.time() >= give_up:
                    raise again.error from again.__cause__
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret
            longest = min(longest * 2, pace.longest_wait)

    async def client(self, service: str) -> Any:
        """Return the client for any service; those that plldb uses all the time have their own methods."""
        return await self._client(service)

    async def _client(self, service: str) -> Any:
        async with self._making:
            if service not in self._clients:
                self._clients[service] = await self._make_client(service)
            return self._clients[service]

    async def _make_client(self, service: str) -> Any:
        config = AioConfig(
            connect_timeout=self.pace.connect_timeout,
            read_timeout=self.pace.read_timeout,
            # `call` repeats requests itself: it tells throttling from failure, and the follower
            # of the event stream must not be held up inside a request.
            retries={"total_max_attempts": 1},
            max_pool_connections=32,
            user_agent_extra="plldb",
            **self._http(),
        )
        session: Any = self._session  # its stubs know services by literal names only
        context = session.create_client(
            service, region_name=self.region, endpoint_url=self._endpoint_url, config=config
        )
        try:
            client = await self._stack.enter_async_context(context)
        except (boto.BotoCoreError, ValueError, OSError) as error:
            raise _settings_error(error, self.region) from error
        _check_endpoint(client.meta.endpoint_url)
        return client

    def _http(self) -> dict[str, Any]:
        theirs = getattr(self._session.get_default_client_config(), "http_session_cls", AIOHTTPSession)
        # A caller's session may have another backend set: that stays.
        return {"http_session_cls": self._connections.for_client} if theirs is AIOHTTPSession else {}


@asynccontextmanager
async def open_aws(
    *,
    session: AioSession | None,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    pace: Pace,
) -> AsyncIterator[Aws]:
    """Open the standard AWS chain of credentials and settings, with these overrides.

    Raises:
        SettingsError: no region, an unknown profile, or a malformed configuration file.
    """
    if session is None:
        session = AioSession(profile=profile)
        find_models_quickly(session)
    elif profile is not None:
        raise SettingsError(
            f"Both a session and the profile {profile!r} were given.",
            hint="Give one of them: a session already has its profile.",
        )
    async with AsyncExitStack() as stack:
        yield Aws(session, _find_region(session, region), endpoint_url, pace, stack)


def _find_region(session: AioSession, region: str | None) -> str:
    try:
        # botocore knows AWS_DEFAULT_REGION only; AWS's other tools put AWS_REGION first.
        found = region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    except (boto.BotoCoreError, ValueError) as error:
        raise _settings_error(error, region) from error
    if not found:
        raise SettingsError(
            "No AWS region is set.",
            hint="Pass --region, set AWS_REGION, or put `region = …` into your profile in ~/.aws/config.",
        )
    return str(found)


def _check_endpoint(url: str) -> None:
    """Find what botocore would stumble over with every request only."""
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in ("http", "https") or parts.port == 0
    except ValueError:  # a port that is none
        wrong = True
    if wrong:
        raise SettingsError(
            f"{url!r} cannot be an endpoint.",
            hint="Endpoints look like http://localhost:4566; set or unset AWS_ENDPOINT_URL.",
        )


def _settings_error(error: Exception, region: str | None) -> SettingsError | CredentialsError:
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
            return SettingsError(
                f"AWS settings: {_one_line(error)}",
                hint="Check AWS_ENDPOINT_URL, the other AWS_… variables, and your profile in ~/.aws/config.",
            )


def _unreadable_credentials(error: Exception, **where: str) -> CredentialsError:
    # What a credential_process wrote may be the secret itself; where JSON ended says nothing of it.
    what = error if isinstance(error, OSError) else f"a credential_process wrote no JSON: {error}"
    return CredentialsError(
        f"AWS credentials: {what}",
        hint="Check credential_process in your profile, and the file that AWS_WEB_IDENTITY_TOKEN_FILE or "
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names.",
        **where,
    )


def _names(method: Callable[..., object]) -> tuple[str, str]:
    meta = method.__self__.meta  # type: ignore[attr-defined]
    return meta.service_model.service_name, meta.method_to_api_mapping[method.__name__]


def translate(error: Exception, *, service: str, operation: str) -> AwsError | SettingsError | TryAgainError:
    """Return the plldb error that a failed request means. Pure."""
    if isinstance(error, boto.ClientError):
        return _translate_answer(error, service, operation)
    where = {"service": service, "operation": operation}
    if isinstance(error, _NO_CREDENTIALS):
        return CredentialsError(f"AWS credentials: {_one_line(error)}", hint=_SIGN_IN, **where)
    if setting := _setting_of(error):
        return setting
    if isinstance(error, json.JSONDecodeError) or getattr(error, "filename", None) is not None:
        return _unreadable_credentials(error, **where)
    if isinstance(error, (*_NO_ANSWER, OSError)):
        unreachable = UnreachableError(
            f"{operation}: no usable answer from {service}: {_one_line(error)}",
            hint="Check the network, the region and AWS_ENDPOINT_URL, then run the same command again.",
            **where,
        )
        return TryAgainError(unreachable, throttled=False)
    if isinstance(error, boto.ProfileNotFound | boto.ConfigParseError | boto.InvalidRegionError):
        return _settings_error(error, None)
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
        return CredentialsError(
            f"{operation}: AWS does not accept the credentials: {message}", hint=_SIGN_IN, **where
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
        unreachable = UnreachableError(
            f"{operation}: {service} keeps answering {code or http_status}: {message}",
            hint="AWS is overloaded or failing; run the same command again in a while.",
            **where,
        )
        return TryAgainError(unreachable, throttled=throttled)
    return AwsError(f"{operation}: {message} ({code})", hint=_AGAIN, **where)


def denied_action(message: str, service: str, operation: str) -> str:
    """Return the IAM action that a refusal is about: the one it names, else the operation's own. Pure."""
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
