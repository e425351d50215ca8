"""What every test has: an environment without the developer's AWS settings. Talks to processes.

AWS is a MiniStack that all tests of a run share, each in an account of its own. Folders where it is
something else have their own ``endpoint`` and, if need be, ``credentials``; `aws_env`, `plldb_cli` and
`open_client` build on these.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol

import hypothesis
import pytest
import pytest_asyncio

from tests.support import program, servers
from tests.support.environment import REGION, Credentials, aws_settings, invent_account, isolated
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

# How long an example takes says nothing on a machine that others use, too. The examples are the same in each
# run, so that one says of the next what it will find; --hypothesis-profile=explore looks for others.
_UNTIMED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("explore", _UNTIMED)
hypothesis.settings.register_profile("plldb", _UNTIMED, derandomize=True)
hypothesis.settings.load_profile("plldb")

OpenClient = Callable[..., Awaitable[Any]]


class RunPlldb(Protocol):
    """Runs the program to its end; ``env`` is added to `aws_env`, a value of None takes a variable away.

    It is a process only if ``process`` says so, or where nothing else would do: it waits for input, works
    in a folder, is another plldb (PYTHONPATH), or ends at its command line.
    """

    async def __call__(
        self,
        *arguments: str,
        env: dict[str, str | None] | None = None,
        cwd: Path | None = None,
        seconds: float = 120.0,
        stdin: str | None = None,
        process: bool = False,
    ) -> program.Finished: ...


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test can reach a real account, whatever the developer is signed in to."""
    wanted = isolated(os.environ, tmp_path)
    for name in os.environ.keys() - wanted.keys():
        monkeypatch.delenv(name)
    for name in wanted.keys() - os.environ.keys() | {key for key in wanted if key.startswith("AWS_")}:
        monkeypatch.setenv(name, wanted[name])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ministack() -> AsyncIterator[str]:
    """The URL of a MiniStack, one for all tests; started by the first test that asks for it."""
    async with servers.ministack() as server:
        yield server.url


@pytest.fixture
def endpoint(ministack: str) -> str:
    """Where AWS is."""
    return ministack


@pytest_asyncio.fixture
async def proxy(ministack: str) -> AsyncIterator[Proxy]:
    """A proxy before MiniStack; without rules it passes everything through."""
    async with Proxy(ministack) as proxy:
        yield proxy


@pytest.fixture
def account() -> str:
    """An account of AWS that no other test uses."""
    return invent_account()


@pytest.fixture
def credentials(account: str) -> Credentials:
    """Credentials of that account."""
    return Credentials(access_key_id=account)


@pytest.fixture
def aws_env(
    isolated_environment: None, monkeypatch: pytest.MonkeyPatch, endpoint: str, credentials: Credentials
) -> dict[str, str]:
    """The emulator as AWS, for this process and, as a dict, for others."""
    for name, value in aws_settings(endpoint, credentials).items():
        monkeypatch.setenv(name, value)
    return dict(os.environ)


@pytest.fixture
def plldb_cli(aws_env: dict[str, str], tmp_path: Path) -> RunPlldb:
    """The installed program; as a process it has a folder of its own."""

    async def run(
        *arguments: str,
        env: dict[str, str | None] | None = None,
        cwd: Path | None = None,
        seconds: float = 120.0,
        stdin: str | None = None,
        process: bool = False,
    ) -> program.Finished:
        merged = {**aws_env, **(env or {})}
        present = {key: value for key, value in merged.items() if value is not None}
        if (
            not process
            and cwd is None
            and stdin is None
            and "PYTHONPATH" not in present
            and "attach" not in arguments
        ):
            from tests.support import command  # the tests of the wheel have no plldb of their own

            if done := await command.run(*arguments, env=present, seconds=seconds):
                return done
        return await program.run(*arguments, env=present, cwd=cwd or tmp_path, seconds=seconds, stdin=stdin)

    return run


@pytest_asyncio.fixture
async def open_client(aws_env: dict[str, str]) -> AsyncIterator[OpenClient]:
    """Opens an aiobotocore client of a service, to see what the emulator holds; closed with the test.

    Further settings are those of `create_client`, such as the ``endpoint_url`` of an API's @connections.
    """
    from tests.support.sessions import make_session  # the tests of the wheel have no aiobotocore

    session = make_session()
    async with AsyncExitStack() as clients:

        async def open_client(service: str, **settings: Any) -> Any:
            usual = {"region_name": REGION, "endpoint_url": aws_env["AWS_ENDPOINT_URL"]}
            client = session.create_client(service, **usual | settings)
            return await clients.enter_async_context(client)

        yield open_client
