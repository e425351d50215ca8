"""The clients of one session, and the credentials that they share. Talks to AWS for credentials.

botocore's exceptions end here: what leaves this module is a `plldb.errors.PlldbError`, or a bug.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore import exceptions as boto

from plldb.aws.connections import Connections, open_socket
from plldb.aws.failures.making import client_error, credentials_error, malformed_endpoint
from plldb.aws.failures.sign_in import SignedIn
from plldb.aws.failures.unreachable import NO_ANSWER
from plldb.aws.own_session import certificates, make_session
from plldb.aws.pace import RequestPace
from plldb.aws.place import Place
from plldb.errors import PlldbError

log = logging.getLogger(__name__)

IN_FILES = ("shared-credentials-file", "config-file")
"""botocore's words for sources that it reads only once: whoever signs in again writes the file anew."""


class Clients:
    """Clients are made at first use and shared; they are closed with ``stack``.

    Attributes:
        account: id of the account in which plldb began, and has changed things; empty until that is known.
    """

    def __init__(
        self, session: AioSession, place: Place, region: str, pace: RequestPace, stack: AsyncExitStack
    ) -> None:
        self.account = ""
        self._session: Any = session  # its stubs know services by literal names only
        self._place = place
        self._region = region
        self._pace = pace
        self._stack = stack
        self._connections = Connections(stack)
        self._clients: dict[tuple[str, float | None], Any] = {}
        self._credentials: Any = None
        self._making = asyncio.Lock()
        self._failure: Exception | None = None
        self._signing_in = asyncio.Lock()
        self._foreign = ""

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoint of each client so far."""
        return tuple(str(client.meta.endpoint_url) for client in self._clients.values())

    @property
    def login(self) -> tuple[str, str | None]:
        """What tells one login from the next; of sources that find the next by themselves always the same."""
        if self.who.source not in IN_FILES:
            return "", None
        return self._credentials.access_key, self._credentials.token

    @property
    def credentials(self) -> Any:
        """The credentials that all clients share; None if there are none, or no client was made yet."""
        return self._credentials

    @property
    def who(self) -> SignedIn:
        """How the caller is signed in, as far as it is known."""
        return SignedIn(source=getattr(self._credentials, "method", ""), profile=self._session.profile)

    async def get(self, service: str, read_timeout: float | None = None) -> Any:
        """Return the client for a service.

        ``read_timeout`` is how many seconds an answer may take where that is not `RequestPace.read_timeout`.

        Raises:
            SettingsError: a setting makes it impossible.
            CredentialsError: what should give the credentials does not.
        """
        before = self._failure
        async with self._making:
            if self._failure and self._failure is not before:
                raise self._failure  # while this waited: a program, or a person, is not asked twice at once
            key = service, read_timeout
            try:
                if key not in self._clients:
                    self._clients[key] = await self._make(*key)
            except Exception as error:
                self._failure = error
                raise
            return self._clients[key]

    async def renew_credentials(self) -> None:
        """Renew credentials whose time is nearly over, apart from the request that they are for.

        Raises:
            TryAgainError: what gives them may do so later.
            PlldbError: it does not.
        """
        if self._credentials is None:
            return
        try:
            await self._credentials.get_frozen_credentials()
        except Exception as error:  # a source may run any program (credential_process)
            raise credentials_error(error, self._session, self.who) from error

    async def take_new_login(self, refused: tuple[str, str | None]) -> bool:
        """Use what somebody has signed in with meanwhile, in the same account; return whether there is that.

        ``refused`` is the `login` that AWS does not accept.
        """
        async with self._signing_in:
            if self.login != refused:
                return True  # another request has found it
            found = await self._find_new_credentials()
            if found is None or not await self._is_of_account(found):
                return False
            held = self._credentials
            held.access_key, held.secret_key, held.token = _keys_of(found)
            return self.login != refused

    async def _find_new_credentials(self) -> Any:
        """Return the credentials that the file has now, if they are others than those in use; else None.

        The other sources look for new ones themselves, but for variables, which nobody else can change.
        """
        held = self._credentials
        if self._place.session is not None or getattr(held, "method", "") not in IN_FILES:
            return None
        try:
            found = await make_session(self._place.profile).get_credentials()
        except Exception:  # noqa: BLE001 - as above; perhaps the file is being written at this moment
            return None
        if found is None or found.method not in IN_FILES or _keys_of(found) == _keys_of(held):
            return None
        return found

    async def _is_of_account(self, found: Any) -> bool:
        if not self.account:
            return True
        try:
            account = await self._ask_account(found)
        except (PlldbError, boto.BotoCoreError, boto.ClientError, *NO_ANSWER, OSError):
            return False  # perhaps AWS says so next time
        if account != self.account and found.access_key != self._foreign:
            self._foreign = found.access_key  # said once: every request asks until somebody signs in again
            log.warning("the new credentials belong to another account, and are not used")
        return account == self.account

    async def _ask_account(self, found: Any) -> str:
        """Ask AWS whose credentials these are, while every other request goes on with those in use."""
        access_key, secret_key, token = _keys_of(found)
        context = self._session.create_client(
            "sts",
            region_name=self._region,
            endpoint_url=self._place.endpoint_url or None,
            verify=certificates(self._session),
            config=self._config(),
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=token,
        )
        async with context as sts:
            return str((await sts.get_caller_identity()).get("Account", ""))

    async def _make(self, service: str, read_timeout: float | None) -> Any:
        if self._place.session is None:
            await self._load_credentials()
        try:
            verify = certificates(self._session)
            context = self._session.create_client(
                service,
                region_name=self._region,
                endpoint_url=self._place.endpoint_url or None,
                verify=verify,
                config=self._config(read_timeout),
            )
            client = await self._stack.enter_async_context(context)
            # A caller's session finds them with its first client, so that a role is assumed in that region.
            self._credentials = await self._session.get_credentials()
        except PlldbError:
            raise
        except Exception as error:
            # What a setting of the wrong shape causes is any exception of Python's.
            found = client_error(error, self._region, self._session, self.who)
            if found is None:
                raise
            raise found from error
        _check_endpoint(client.meta.endpoint_url)
        return client

    async def _load_credentials(self) -> None:
        """Find the credentials, once. None at all are told by the first request that is to be signed."""
        try:
            self._credentials = await self._session.get_credentials()
        except Exception as error:  # as above
            raise credentials_error(error, self._session, self.who) from error

    def _config(self, read_timeout: float | None = None) -> AioConfig:
        theirs = getattr(self._session.get_default_client_config(), "http_session_cls", AIOHTTPSession)
        # A caller's session may have another backend set: that stays.
        ours: Any = {"http_session_cls": self._connections.for_client} if theirs is AIOHTTPSession else {}
        if ours and read_timeout:  # networks forget a connection on which nothing comes for minutes
            ours["connector_args"] = {"socket_factory": open_socket}
        return AioConfig(
            connect_timeout=self._pace.connect_timeout,
            read_timeout=read_timeout or self._pace.read_timeout,
            # `Aws.call` repeats requests itself: it tells throttling from failure, and the follower
            # of the event stream must not be held up inside a request.
            retries={"total_max_attempts": 1},
            max_pool_connections=32,
            user_agent_extra="plldb",
            **ours,
        )


def _keys_of(credentials: Any) -> tuple[str, str, str | None]:
    return credentials.access_key, credentials.secret_key, credentials.token


def _check_endpoint(url: str) -> None:
    """Find what botocore would stumble over with every request only."""
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in ("http", "https") or parts.port == 0
    except ValueError:  # a port that is none
        wrong = True
    if wrong:
        raise malformed_endpoint(url)
