"""The doorway to AWS: session, account and region, clients, repeated requests. Talks to AWS.

botocore's exceptions end here: what leaves this module is a `plldb.errors.PlldbError`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore import exceptions as boto

from plldb.aws.connections import Connections
from plldb.aws.errors import (
    NO_ANSWER,
    UNREADABLE,
    TryAgainError,
    settings_error,
    strange_credentials,
    translate,
)
from plldb.aws.own_session import certificates, make_session
from plldb.aws.pace import RequestPace
from plldb.aws.place import Place, Target
from plldb.aws.websockets import WebSocket, open_websocket
from plldb.errors import Hint, SettingsError

if TYPE_CHECKING:
    from types_aiobotocore_cloudformation import CloudFormationClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sts import STSClient

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class Aws:
    """One account and region as seen through one session. Made by `open_aws`.

    Clients are made at first use and shared; they are closed with the `open_aws` block.
    """

    def __init__(
        self, session: AioSession, place: Place, region: str, pace: RequestPace, stack: AsyncExitStack
    ) -> None:
        self.region = region
        self.pace = pace
        self._session = session
        self._place = place
        self._stack = stack
        self._connections = Connections(stack)
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._credentials: Any = None
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
            SettingsError: the account is another one than the place names.
        """
        sts: STSClient = await self._client("sts")
        identity = await self.call(sts.get_caller_identity)
        self._check_account(identity["Account"])
        partition = identity["Arn"].split(":")[1]
        return Target(
            account=identity["Account"],
            region=self.region,
            partition=partition,
            caller_arn=identity["Arn"],
            endpoint_url=self._foreign_endpoint(partition),
            profile=self._session.profile,
            credentials=getattr(self._credentials, "method", ""),
        )

    def _check_account(self, account: str) -> None:
        wanted = self._place.account
        if wanted and account != wanted:
            raise SettingsError(
                f"The credentials belong to the account {account}, not to {wanted}.",
                hint=Hint("set-profile", f"Use a profile or credentials of the account {wanted}."),
            )

    def _foreign_endpoint(self, partition: str) -> str | None:
        """Return an endpoint that is not AWS's, wherever it is set: there are many places for that."""
        found = self._partition(partition)
        variants = [
            each["dnsSuffix"] for each in found["defaults"].get("variants", []) if "dnsSuffix" in each
        ]
        domains = tuple(f".{each}" for each in (found["dnsSuffix"], *variants))
        urls = [str(client.meta.endpoint_url) for client in self._clients.values()]
        return next((url for url in urls if not (urlsplit(url).hostname or "").endswith(domains)), None)

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
        return str(self._partition(partition)["dnsSuffix"])

    def _partition(self, name: str) -> dict[str, Any]:
        # botocore deprecates its endpoint resolver for others; the data is open to all, and cached.
        partitions = self._session.get_data("endpoints")["partitions"]
        return next(each for each in partitions if each["partition"] == name)

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
            await self._renew_credentials()
            answer = await method(*args, **kwargs)
            log.info("%s %s: %d ms", service, operation, (loop.time() - began) * 1000)
            return answer
        except (boto.BotoCoreError, boto.ClientError, *NO_ANSWER, *UNREADABLE) as error:
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

    async def client(self, service: str, *, endpoint_url: str | None = None) -> Any:
        """Return the client for any service; those that plldb uses all the time have their own methods.

        ``endpoint_url`` is for a service that has an endpoint for each of its resources.
        """
        return await self._client(service, endpoint_url)

    async def open_websocket(
        self, url: str, headers: Mapping[str, str], *, seconds: float, ping: float
    ) -> WebSocket:
        """Open a WebSocket as `plldb.aws.websockets.open_websocket` does."""
        return await open_websocket(self._session, url, headers, seconds=seconds, ping=ping)

    async def _client(self, service: str, endpoint_url: str | None = None) -> Any:
        async with self._making:
            key = service, endpoint_url
            if key not in self._clients:
                self._clients[key] = await self._make_client(service, endpoint_url)
            return self._clients[key]

    async def _make_client(self, service: str, endpoint_url: str | None) -> Any:
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
        await self._load_credentials()
        session: Any = self._session  # its stubs know services by literal names only
        context = session.create_client(
            service,
            region_name=self.region,
            endpoint_url=endpoint_url or self._place.endpoint_url or None,
            verify=certificates(self._session),
            config=config,
        )
        try:
            client = await self._stack.enter_async_context(context)
        except Exception as error:  # what a setting of the wrong shape causes is any exception of Python's
            raise settings_error(error, self.region, self._session) from error
        _check_endpoint(client.meta.endpoint_url)
        return client

    async def _load_credentials(self) -> None:
        """Find the credentials, once. None at all are told by the first request that is to be signed."""
        if self._clients:
            return
        session: Any = self._session
        # A role is assumed in the region of the session's first client, as botocore notes it while it makes
        # that; nothing public says so to a session of somebody else's without changing its configuration.
        session._last_client_region_used = session._last_client_region_used or self.region
        try:
            self._credentials = await session.get_credentials()
        except (boto.BotoCoreError, ValueError, OSError) as error:
            raise settings_error(error, self.region, self._session) from error
        except Exception as error:
            raise strange_credentials(error) from error

    async def _renew_credentials(self) -> None:
        """Renew credentials whose time is nearly over, apart from the request that they are for."""
        if self._credentials is None:
            return
        try:
            await self._credentials.get_frozen_credentials()
        except (boto.BotoCoreError, boto.ClientError, *NO_ANSWER, *UNREADABLE):
            raise
        except Exception as error:
            raise strange_credentials(error) from error

    def _http(self) -> dict[str, Any]:
        theirs = getattr(self._session.get_default_client_config(), "http_session_cls", AIOHTTPSession)
        # A caller's session may have another backend set: that stays.
        return {"http_session_cls": self._connections.for_client} if theirs is AIOHTTPSession else {}


@asynccontextmanager
async def open_aws(place: Place, pace: RequestPace) -> AsyncIterator[Aws]:
    """Open AWS at a place; what it leaves open is found as the AWS tools find it.

    Raises:
        SettingsError: no region, an unknown profile, or a malformed configuration file.
    """
    session = place.session
    if session is None:
        session = make_session(place.profile)
    elif place.profile:
        raise SettingsError(
            f"Both a session and the profile {place.profile!r} were given.",
            hint=Hint("set-profile", "Give one of them: a session already has its profile."),
        )
    async with AsyncExitStack() as stack:
        yield Aws(session, place, _find_region(session, place.region), pace, stack)


def _find_region(session: AioSession, region: str | None) -> str:
    try:
        # botocore knows AWS_DEFAULT_REGION only; AWS's other tools put AWS_REGION first.
        # What a program has set on its own session comes before both.
        own = session.instance_variables().get("region")
        found = (
            region or own or os.environ.get("AWS_REGION", "").strip() or session.get_config_variable("region")
        )
    except Exception as error:
        raise settings_error(error, region, session) from error
    if not found:
        raise SettingsError(
            "No AWS region is set.",
            hint=Hint(
                "set-region", "Set AWS_REGION, or put `region = …` into your profile in ~/.aws/config."
            ),
        )
    if (
        not isinstance(found, str) or found != found.lower()
    ):  # botocore lets it pass, and S3 refuses a bucket of that name
        raise settings_error(boto.InvalidRegionError(region_name=found), str(found))
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
            hint=Hint(
                "set-endpoint", "Endpoints look like http://localhost:4566; set or unset AWS_ENDPOINT_URL."
            ),
        )


def _names(method: Callable[..., object]) -> tuple[str, str]:
    meta = method.__self__.meta  # type: ignore[attr-defined]
    return meta.service_model.service_name, meta.method_to_api_mapping[method.__name__]
