"""Functions in sandboxes, and an API behind API Gateway's limits: the test cloud. Talks to MiniStack."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from plldb import bootstrap
from tests.cloud.shop import LOCAL, open_shop
from tests.cloud.world import World, open_world
from tests.e2e.holdings import BRISK, collect
from tests.support.cloud import Cloud, find_obstacle, start_cloud
from tests.support.environment import Credentials, aws_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.conftest import OpenClient


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_cloud() -> AsyncIterator[Cloud]:
    """One cloud for all tests; each test has an account of its own."""
    if obstacle := find_obstacle():
        pytest.skip(obstacle)
    async with start_cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(one_cloud: Cloud) -> Iterator[Cloud]:
    """The cloud with API Gateway's own rules."""
    yield one_cloud
    one_cloud.reset_rules()


@pytest.fixture
def endpoint(cloud: Cloud) -> str:
    """Where AWS is."""
    return cloud.url


@pytest.fixture
def aws_env(
    isolated_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    cloud: Cloud,
    endpoint: str,
    credentials: Credentials,
    tmp_path: Path,
) -> dict[str, str]:
    """The cloud as AWS, for this process and, as a dict, for others."""
    settings = aws_settings(endpoint, credentials)
    settings |= {"AWS_CA_BUNDLE": str(cloud.ca), "SSL_CERT_FILE": str(cloud.ca)}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path / ".cache")}


@pytest.fixture(scope="session")
def set_up() -> set[str]:
    """The accounts that have plldb's stack."""
    return set()


@pytest_asyncio.fixture
async def world(
    aws_env: dict[str, str], cloud: Cloud, open_client: OpenClient, account: str, set_up: set[str]
) -> AsyncIterator[World]:
    """plldb's stack in the test's account; a file of tests that share an account has one stack."""
    if account not in set_up:
        await collect(bootstrap.setup(pace=BRISK))
        set_up.add(account)
    async with open_world(cloud.url, open_client) as world:
        yield world


@pytest_asyncio.fixture
async def names(world: World, open_client: OpenClient) -> dict[str, str]:
    """The functions of the stack ``shop``: name by logical id."""
    return await open_shop(open_client)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project on this machine, with the handler of that stack."""
    (tmp_path / "index.py").write_text(LOCAL)
    return tmp_path
