"""The real program, a proxy that injects faults, and MiniStack behind. Talks to MiniStack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.faults.baseline import Baseline, record_baseline
from tests.support import servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.proxy import Proxy


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ministack_auth() -> AsyncIterator[str]:
    """The URL of a MiniStack that checks signatures and IAM policies; its root key is test/test."""
    async with servers.ministack(auth=True) as server:
        yield server.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def baseline(ministack: str) -> Baseline:
    """What each command does when nothing goes wrong."""
    return await record_baseline(ministack)


@pytest.fixture
def endpoint(proxy: Proxy) -> str:
    """Where AWS is: the proxy."""
    return proxy.url
