"""All requests to AWS: account and region, clients, repetition. Talks to AWS.

botocore's exceptions end here: what leaves this module is a `plldb.errors.PlldbError`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar

from aiobotocore.session import AioSession
from botocore import exceptions as boto

from plldb.aws.clients import Clients
from plldb.aws.credentials import finds_new_source
from plldb.aws.errors import TryAgainError, translate
from plldb.aws.failures.unreachable import CHECK_NETWORK, NO_ANSWER, perhaps_sent
from plldb.aws.own_session import make_session
from plldb.aws.pace import RequestPace
from plldb.aws.place import Place, Target
from plldb.aws.regions import check_known, dns_suffix, find_region, is_foreign, is_known
from plldb.aws.websockets import Posts, WebSocket, download, download_to, open_posts, open_websocket
from plldb.errors import AwsError, CredentialsError, Hint, SettingsError, UnreachableError

if TYPE_CHECKING:
    from types_aiobotocore_cloudformation import CloudFormationClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sts import STSClient

log = logging.getLogger(__name__)

PERHAPS_DONE = Hint(
    "run-again",
    "It was sent once, and may have been done: look what came of it before you send it again.",
)

BETWEEN_CLIENTS = 0.002
"""Seconds for connections to go on, and for answers to be read, before the next client is made."""

LONGEST_DOWNLOAD = 300.0
"""Seconds for a package to be downloaded."""

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
        self._downloads = asyncio.Semaphore(2)
        self._stack = stack
        self._clients = Clients(session, place, region, pace, stack)

    async def cloudformation(self) -> CloudFormationClient:
        """Return the client for CloudFormation."""
        client: CloudFormationClient = await self.client("cloudformation")
        return client

    async def s3(self) -> S3Client:
        """Return the client for S3."""
        client: S3Client = await self.client("s3")
        return client

    async def prepare(self, *services: str) -> None:
        """Make the clients that are needed next, while the first requests are under way."""
        await asyncio.sleep(self.pace.head_start)
        for service in services:
            await self.client(service)
            await asyncio.sleep(BETWEEN_CLIENTS)

    async def client(self, service: str, *, read_timeout: float | None = None) -> Any:
        """Return the client for any service; those that plldb uses all the time have their own methods.

        ``read_timeout``, in seconds, is for answers that take long.
        """
        return await self.repeat(lambda: self._clients.get(service, read_timeout))

    async def check_region(self) -> None:
        """Check that AWS has this region.

        Raises:
            SettingsError: it has not; the nearest name is told.
        """
        sts = await self.client("sts")
        check_known(self._session, self.region, sts.meta.endpoint_url)

    async def read_target(self) -> Target:
        """Ask AWS who the caller is.

        Raises:
            CredentialsError: there are none, or AWS does not accept them.
            SettingsError: the account is another one than the place names.
        """
        sts: STSClient = await self.client("sts")
        identity = await self.call(sts.get_caller_identity)
        account, arn = identity.get("Account"), identity.get("Arn", "")
        if not account or arn.count(":") < 5:
            raise AwsError("GetCallerIdentity: the answer names no account.", hint=CHECK_NETWORK)
        self._check_account(account)
        self._clients.account = account
        who = self._clients.who
        foreign = [url for url in self._clients.endpoints if is_foreign(self._session, url)]
        return Target(
            account=account,
            region=self.region,
            partition=arn.split(":")[1],
            caller_arn=arn,
            endpoint_url=next(iter(foreign), None),
            profile=who.profile,
            credentials=who.source,
        )

    def _check_account(self, account: str) -> None:
        wanted = self._place.account
        if wanted and account != wanted:
            raise SettingsError(
                f"The credentials belong to the account {account}, not to {wanted}.",
                hint=Hint("set-profile", f"Use a profile or credentials of the account {wanted}."),
            )

    async def read_clock_skew(self) -> float:
        """Return by how many seconds this machine's clock is ahead of AWS's; 0 if the answer tells no time.

        Raises:
            AwsError: AWS refused, or could not be reached.
        """
        sts: STSClient = await self.client("sts")
        answer = await self.call(sts.get_caller_identity)
        told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return (datetime.now(UTC) - parsedate_to_datetime(told)).total_seconds() if told else 0.0

    def dns_suffix(self, partition: str) -> str:
        """Return the domain of a partition's endpoints, for example ``amazonaws.com``."""
        return dns_suffix(self._session, partition)

    async def attempt(self, method: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Send one request once.

        Raises:
            TryAgainError: AWS throttles, failed, or did not answer.
            AwsError: AWS refused.
        """
        return await self._attempt(_names(method), lambda: method(*args, **kwargs))

    async def send_once(
        self, method: Callable[..., Awaitable[Any]], body: str, /, **kwargs: Any
    ) -> tuple[Any, bytes]:
        """Send one request, once whatever comes of it; return the answer, and its stream ``body``, read.

        Raises:
            UnreachableError: AWS throttles, failed, or did not answer; the hint says if it may be done.
            AwsError: AWS refused.
        """

        async def send() -> tuple[Any, bytes]:
            answer = await method(**kwargs)
            return answer, await answer[body].read()

        try:
            return await self._attempt(_names(method), send)
        except TryAgainError as again:
            error = again.error
            perhaps_done = perhaps_sent(again.__cause__) and not again.throttled
            raise UnreachableError(
                error.message.replace(" keeps answering ", " answers ", 1),  # it was asked once
                service=error.service,
                operation=error.operation,
                aws_code=error.aws_code,
                hint=PERHAPS_DONE if perhaps_done else error.hint,
            ) from again.__cause__

    async def _attempt(self, names: tuple[str, str], send: Callable[[], Awaitable[T]]) -> T:
        service, operation = names
        loop = asyncio.get_running_loop()
        began, login = loop.time(), self._clients.login
        try:
            await self._clients.renew_credentials()
            answer = await send()
            log.info("%s %s: %d ms", service, operation, (loop.time() - began) * 1000)
            return answer
        except (boto.BotoCoreError, boto.ClientError, *NO_ANSWER, OSError) as error:
            # Only what is safe to show: neither parameters nor headers.
            log.info("%s %s: %s", service, operation, type(error).__name__)
            found = translate(error, service=service, operation=operation, who=self._clients.who)
            if isinstance(found, CredentialsError) and await self._clients.take_new_login(login):
                raise TryAgainError(found, throttled=False) from error
            raise found from error

    @property
    def finds_new_credentials(self) -> bool:
        """Whether a new login is found while this program runs: not if variables gave the credentials.

        Nor if the keys of another profile did, or somebody who was asked for an MFA code.
        """
        if self._place.session is not None or self._clients.who.source in ("", "env"):
            return False
        profiles = self._session.full_config.get("profiles", {})
        return self._clients.who.source != "assume-role" or finds_new_source(
            profiles, self._session.profile or "default"
        )

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

    async def open_posts(self, url: str) -> Posts:
        """Return what posts to connections of the WebSocket API with this management endpoint, see `post`.

        Raises:
            SettingsError: a setting is in the way.
        """
        connect, answer = self.pace.connect_timeout, self.pace.read_timeout
        return await open_posts(self._session, self._stack, url, self.region, connect=connect, answer=answer)

    async def post(self, posts: Posts, connection: str, data: bytes) -> None:
        """Post to a connection, once; raises what `attempt` raises."""

        async def send() -> None:
            credentials = self._clients.credentials
            await posts.post(connection, data, credentials and await credentials.get_frozen_credentials())

        await self._attempt(("apigatewaymanagementapi", "PostToConnection"), send)

    async def open_websocket(
        self, url: str, headers: Mapping[str, str], *, seconds: float, ping: float
    ) -> WebSocket:
        """Open a WebSocket as `plldb.aws.websockets.open_websocket` does."""
        return await open_websocket(self._session, url, headers, seconds=seconds, ping=ping)

    async def download(self, url: str, *, most: int, end: int | None = None) -> bytes | None:
        """Return what is at a signed address, as `plldb.aws.websockets.download` does; two at a time."""
        async with self._downloads:  # as many as a stack has functions would fill the memory
            seconds = self.pace.read_timeout
            return await download(self._session, url, seconds=seconds, most=most, end=end)

    async def download_to(self, file: IO[bytes], url: str, *, most: int) -> bool:
        """Write what is at a signed address to a file; return whether all of it is there."""
        async with self._downloads:
            return await download_to(self._session, file, url, seconds=LONGEST_DOWNLOAD, most=most)


@asynccontextmanager
async def open_aws(place: Place, pace: RequestPace) -> AsyncIterator[Aws]:
    """Open AWS at a place; what it leaves open is found as the AWS tools find it.

    Raises:
        SettingsError: no region, one that AWS has not, an unknown profile, or a malformed configuration file.
    """
    if place.session and place.profile:
        raise SettingsError(
            f"Both a session and the profile {place.profile!r} were given.",
            hint=Hint("set-profile", "Give one of them: a session already has its profile."),
        )
    session = place.session or make_session(place.profile)
    region = find_region(session, place.region)
    if place.session is None:
        # Whatever fetches credentials does so in this region, too, however it was given.
        session.set_config_variable("region", region)
    async with AsyncExitStack() as stack:
        aws = Aws(session, place, region, pace, stack)
        if not is_known(session, region):
            await aws.check_region()
        yield aws


def _names(method: Callable[..., object]) -> tuple[str, str]:
    meta = method.__self__.meta  # type: ignore[attr-defined]
    return meta.service_model.service_name, meta.method_to_api_mapping[method.__name__]
