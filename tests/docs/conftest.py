"""What the documentation says, held against the program. Talks to MiniStack and moto."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support import servers

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
