"""The real program, a proxy that does it harm, and MiniStack behind. Talks to MiniStack."""

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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ministack_auth() -> AsyncIterator[str]:
    """The URL of a MiniStack that checks signatures and IAM policies; its root key is test/test."""
    async with servers.ministack(auth=True) as server:
        yield server.url


@pytest_asyncio.fixture
async def proxy(ministack: str) -> AsyncIterator[Proxy]:
    """The proxy that stands for AWS; without rules it passes everything through."""
    async with Proxy(ministack) as proxy:
        yield proxy


@pytest.fixture
def endpoint(proxy: Proxy) -> str:
    """Where AWS is: the proxy."""
    return proxy.url
