"""A pytest fixture that gives a bootstrapped stack, on MiniStack or on moto.

``pytest pytest_fixture.py`` uses the emulator at AWS_ENDPOINT_URL; without one it starts a moto server
(``pip install pytest 'moto[server]'``). moto makes the tables, roles and functions, but no WebSocket API.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from aiobotocore.session import AioSession

from plldb import bootstrap

# Emulators answer at once: there is no reason to wait between two looks at the stack.
PACE = bootstrap.Pace(poll=0.05, poll_eager=0.05)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Where the emulated AWS is."""
    if given := os.environ.get("AWS_ENDPOINT_URL"):
        yield given
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)])
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def wait_for(port: int) -> None:
    """Return when something listens there."""
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")


@pytest.fixture
def deployment(endpoint: str) -> Iterator[bootstrap.Deployment]:
    """A bootstrapped stack, removed again after the test."""
    session = AioSession()
    session.set_credentials("test", "test")
    place = bootstrap.Place(session=session, region="eu-west-1", endpoint_url=endpoint)

    async def deploy() -> bootstrap.Deployment:
        done = await bootstrap.result(bootstrap.setup(place, pace=PACE))
        assert isinstance(done, bootstrap.SetupFinished)
        return done.deployment

    async def remove() -> None:
        await bootstrap.result(bootstrap.destroy(place, pace=PACE))

    yield asyncio.run(deploy())
    asyncio.run(remove())


def test_tables_have_their_names(deployment: bootstrap.Deployment) -> None:
    """What a test of your own would look like."""
    outputs = deployment.outputs
    assert outputs["SessionsTableName"] == "PLLDBSessions"
    assert outputs["DebuggerTableName"] == "PLLDBDebugger"
