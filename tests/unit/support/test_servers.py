"""Servers start, tell why they do not, and leave nothing behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import servers, supervise

# Prints its own and its child's process id, and would run for a minute.
PARENT = (
    "import os, subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print(os.getpid(), child.pid, flush=True);"
    "time.sleep(60)"
)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
@pytest.mark.parametrize("kill", [False, True])
def test_a_supervised_command_ends_with_whoever_started_it(kill: bool) -> None:
    # The starter is a process of its own, so that it can be killed like a crashed test run.
    command = [sys.executable, supervise.__file__, sys.executable, "-c", PARENT]
    starter = (
        f"import subprocess, sys; subprocess.Popen({command!r}, stdin=subprocess.PIPE); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert all(is_running(pid) for pid in pids)
        if kill:
            process.kill()
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(pid) for pid in pids)


async def test_a_server_that_ends_early_is_an_error_with_its_output() -> None:
    command = (sys.executable, "-c", "print('no such port'); raise SystemExit(3)")
    with pytest.raises(servers.ServerError, match=r"(?s)Broken ended with exit code 3.*no such port"):
        await enter(command, seconds=10)


async def test_a_server_that_is_not_ready_in_time_is_an_error() -> None:
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    with pytest.raises(servers.ServerError, match="Broken was not ready within 0 s"):
        await enter(command, seconds=0.2)


async def enter(command: tuple[str, ...], *, seconds: float) -> None:
    port = servers.find_free_port()
    async with servers.running("Broken", command, {}, port, "/", seconds):
        raise AssertionError("it got ready")


async def test_a_ready_server_gets_no_aws_settings_and_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    port = servers.find_free_port()
    code = (
        "import http.server, os; print(sorted(os.environ), flush=True);"
        f"http.server.test(http.server.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"
    )
    async with servers.running("Web", (sys.executable, "-c", code), {}, port, "/", 20) as server:
        assert "AWS_" not in server.output
        assert "TMPDIR" in server.output
        folder = server.log.parent
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)
    assert not folder.exists()


def test_the_address_of_a_websocket_api_has_its_id_and_stage() -> None:
    url = "wss://abc123.execute-api.eu-west-1.amazonaws.com/live"
    address = "ws://127.0.0.1:4566/_aws/execute-api/abc123/live"
    assert servers.websocket_address("http://127.0.0.1:4566", url) == address
