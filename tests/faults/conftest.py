"""The real program, a proxy that does it harm, and MiniStack behind. Talks to MiniStack.

``pytest tests/faults --write-report`` (``scripts/test -e faults -- --write-report``) writes what the run
found to docs/reliability.md; without the option nothing of the checkout changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.faults.baseline import Baseline, record_baseline
from tests.faults.report import Report
from tests.support import servers
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REPORT = pytest.StashKey[Report]()
RELIABILITY = Path(__file__).parents[2] / "docs" / "reliability.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-report", action="store_true", help="write docs/reliability.md from this run")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    if not config.getoption("--write-report", default=False):
        return
    report = config.stash[REPORT]
    if exitstatus or report.missing():
        terminalreporter.write_line("no report is written unless the whole of tests/faults is run and passes")
        return
    RELIABILITY.write_text(report.render(), encoding="utf-8")
    terminalreporter.write_line(f"wrote {RELIABILITY}")


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """Where results go that the report tells."""
    return pytestconfig.stash[REPORT]


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def baseline(ministack: str) -> Baseline:
    """What each command does when nothing goes wrong."""
    return await record_baseline(ministack)


@pytest_asyncio.fixture
async def proxy(ministack: str) -> AsyncIterator[Proxy]:
    """The proxy that stands for AWS; without rules it passes everything through."""
    async with Proxy(ministack) as proxy:
        yield proxy


@pytest.fixture
def endpoint(proxy: Proxy) -> str:
    """Where AWS is: the proxy."""
    return proxy.url
