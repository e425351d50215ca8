"""The real program against MiniStack, which runs what it deploys. Talks to MiniStack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support import servers
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ministack() -> AsyncIterator[str]:
    """The URL of a MiniStack, one for all tests; each test has an account of its own."""
    async with servers.ministack() as server:
        yield server.url


@pytest.fixture
def endpoint(ministack: str) -> str:
    """Where AWS is."""
    return ministack


@pytest_asyncio.fixture
async def proxy(ministack: str) -> AsyncIterator[Proxy]:
    """A proxy before MiniStack; a test that wants it sets AWS_ENDPOINT_URL to its URL."""
    async with Proxy(ministack) as proxy:
        yield proxy
