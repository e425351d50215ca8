"""Nobody is attached: the function runs as deployed, behind the agent."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.debugger.agent.sandbox import wait_until

if TYPE_CHECKING:
    from tests.unit.debugger.agent.sandbox import Sandbox

FUNCTION = str(Path(__file__).with_name("function.py"))
COMMAND = [sys.executable, FUNCTION]


@pytest.fixture
def alone(sandbox: Sandbox) -> Sandbox:
    """A sandbox for which no laptop is there, as `$connect` says it."""
    sandbox.gateway.handshake = 409
    return sandbox


def ask(sandbox: Sandbox, **event: object) -> object:
    return sandbox.lambda_.invoke("one", json.dumps(event).encode()).json


def test_the_runtime_is_initialised_before_lambda_is_asked_for_an_invocation(alone: Sandbox) -> None:
    initialised = alone.folder / "initialised"
    alone.start(COMMAND, INIT_UNTIL=str(initialised))
    wait_until(lambda: "runtime starts" in alone.log)
    assert alone.lambda_.nexts == 0
    initialised.touch()
    wait_until(lambda: alone.lambda_.nexts == 1)


def test_an_error_in_the_init_phase_reaches_lambda_as_it_is(alone: Sandbox) -> None:
    alone.start(COMMAND, INIT_ERROR="1")
    error = alone.lambda_.requests.get(timeout=60)
    assert error.path == "/2018-06-01/runtime/init/error"
    assert error.json == {"errorType": "Runtime.ImportModuleError"}
    assert alone.end() == 1
    assert alone.lambda_.nexts == 0


def test_the_runtime_sees_the_functions_own_deadline(alone: Sandbox) -> None:
    alone.start(COMMAND)
    for seconds, expected in ((899, 3), (2, 2)):
        headers = json.loads(alone.lambda_.invoke("one", b'{"do": "headers"}', seconds).body)
        left = int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time()
        assert expected - 1 < left <= expected
        assert headers["Lambda-Runtime-Aws-Request-Id"] == "one"


def test_at_the_functions_own_timeout_the_caller_reads_what_lambda_would_have_said(alone: Sandbox) -> None:
    alone.start(COMMAND, PLLDB=alone.settings(timeout="1"))
    error = alone.lambda_.invoke("rid", b'{"do": "sleep", "seconds": 20}')
    assert error.path == "/2018-06-01/runtime/invocation/rid/error"
    assert error.json == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: rid Error: Task timed out after 1.00 seconds",
    }
    assert alone.end() == 1
    assert "Z rid Task timed out after 1.00 seconds" in alone.log
    assert alone.state.read_text() == "idle\n"


@pytest.mark.parametrize(
    ("event", "status", "state"),
    [
        ({"do": "exit", "status": 3}, 3, "idle\n"),
        ({"do": "exit", "status": 0}, 0, "idle\n"),
        ({"do": "kill", "signal": signal.SIGSEGV}, -signal.SIGSEGV, "idle\n"),
        ({"do": "kill", "signal": signal.SIGTERM}, -signal.SIGTERM, "idle\n"),
        # It may have been for want of memory, some of which the agent takes.
        ({"do": "kill", "signal": signal.SIGKILL}, -signal.SIGKILL, "busy\n"),
    ],
)
def test_the_agent_ends_as_the_runtime_does(
    alone: Sandbox, event: dict[str, int], status: int, state: str
) -> None:
    alone.start(COMMAND)
    alone.lambda_.invocations.put(("one", json.dumps(event).encode(), 899))
    assert alone.end() == status
    assert alone.state.read_text() == state


def test_an_event_that_breaks_off_ends_the_agent_and_keeps_it_out_of_no_other_start(alone: Sandbox) -> None:
    alone.lambda_.says_at_most = 100
    alone.start(COMMAND)
    alone.lambda_.invocations.put(("one", b"{}", 899))
    assert alone.end() == 0
    assert alone.state.read_text() == "idle\n"


def test_requests_go_through_byte_for_byte(alone: Sandbox) -> None:
    alone.start(COMMAND)
    streamed = alone.lambda_.invoke("one", b'{"do": "stream"}')
    assert b"\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n" in streamed.head
    assert streamed.body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    assert alone.lambda_.invoke("one", b'{"do": "expect"}').json is None
    failed = alone.lambda_.invoke("two", b'{"do": "raise"}')
    assert b"\r\nLambda-Runtime-Function-Error-Type: ValueError\r\n" in failed.head
    alone.lambda_.invocations.put(("three", b'{"do": "extension"}', 899))
    registered = alone.lambda_.requests.get(timeout=60)
    assert b"\r\nLambda-Extension-Name: inner\r\n" in registered.head
    assert alone.lambda_.requests.get(timeout=60).json == [202, "as it is", "ok\n"]


def test_the_runtime_inherits_descriptors_and_finds_signals_as_they_were(alone: Sandbox) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    alone.start(COMMAND, descriptors=(writer,), _LAMBDA_TELEMETRY_LOG_FD=str(writer))
    ask(alone, do="write")
    assert os.read(reader, 100) == b"through the descriptor\n"
    assert ask(alone, do="signals") is True
    os.close(reader)
    os.close(writer)


def test_a_large_event_and_a_large_answer(alone: Sandbox) -> None:
    alone.start(COMMAND)
    answer = alone.lambda_.invoke("one", json.dumps({"do": "environment", "x": "y" * 6_000_000}).encode())
    assert answer.path.endswith("/one/response")


@pytest.mark.parametrize(
    "trouble",
    ["hangs", "403", "409", "no port", "does not resolve", "accepts and says nothing", "refused", "detached"],
)
def test_whatever_is_wrong_with_the_api_the_function_runs(sandbox: Sandbox, trouble: str) -> None:
    url = ""
    if trouble == "hangs":
        sandbox.gateway.greets = False
    elif trouble in ("403", "409"):
        sandbox.gateway.handshake = int(trouble)
    elif trouble == "no port":
        url = "ws://127.0.0.1:1/live"
    elif trouble == "does not resolve":
        url = "wss://nowhere.invalid/live"
    elif trouble == "refused":
        sandbox.gateway.welcome = {"t": "refused", "why": "token"}
    elif trouble == "detached":
        sandbox.gateway.laptop = {"detached": True}
    else:
        sandbox.gateway.handshake = 0
    sandbox.start(COMMAND, PLLDB=sandbox.settings(url=url))
    for _ in range(6):
        assert ask(sandbox) is None
    assert len(sandbox.gateway.heads) < 6  # not every invocation waits for a link
    assert sandbox.log.count("plldb: ") <= (trouble != "409")  # that nobody is there is no failure
    assert "a-token" not in sandbox.log


def test_an_agent_that_is_killed_keeps_out_of_the_next_start(alone: Sandbox) -> None:
    alone.start(COMMAND)
    alone.lambda_.invocations.put(("one", b'{"do": "sleep", "seconds": 20}', 899))
    wait_until(lambda: alone.lambda_.nexts == 1 and alone.lambda_.invocations.empty())
    wait_until(lambda: alone.state.read_text() == "busy\n")
    assert alone.process
    os.killpg(alone.process.pid, signal.SIGKILL)
    assert alone.end() == -signal.SIGKILL
    alone.start(COMMAND)
    found = ask(alone, do="environment")
    assert isinstance(found, dict)
    assert found["AWS_LAMBDA_RUNTIME_API"] == alone.lambda_.address
