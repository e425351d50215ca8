"""A laptop is attached: it gets the invocations, until it cannot."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

import pytest

from plldb.debugger import wire
from plldb.debugger.agent.agent import FROZEN_AFTER
from tests.unit.debugger.agent.sandbox import TOKEN, wait_until, without_private

if TYPE_CHECKING:
    from tests.unit.debugger.agent.sandbox import Sandbox

FUNCTION = str(Path(__file__).with_name("function.py"))
COMMAND = [sys.executable, FUNCTION]


def test_the_deployed_runtime_does_not_start(sandbox: Sandbox) -> None:
    sandbox.start(COMMAND)
    answer = sandbox.lambda_.invoke("one", b"event")
    assert (answer.path, answer.body) == ("/2018-06-01/runtime/invocation/one/response", b"laptop:event")
    assert b"\r\ncontent-type: a/b\r\n" in answer.head
    assert "runtime starts" not in sandbox.log


def test_what_leaves_the_sandbox_is_an_allow_list(sandbox: Sandbox) -> None:
    seen: list[dict[str, Any]] = []

    def answer(meta: dict[str, Any], body: bytes) -> tuple[str, bytes]:
        seen.append(meta)
        return "error", b"{}"

    sandbox.gateway.answer = answer
    sandbox.start(COMMAND)
    assert sandbox.lambda_.invoke("one").path.endswith("/one/error")
    (meta,) = seen
    assert meta["env"] == {"AWS_ACCESS_KEY_ID": "role-key", "AWS_LAMBDA_LOG_STREAM_NAME": "stream"}
    assert {name.lower() for name, _ in meta["headers"]} == {
        "lambda-runtime-aws-request-id",
        "lambda-runtime-deadline-ms",
    }
    assert time.time() - 5 < meta["delivered"] < meta["deadline"] - 2 < time.time() + 2
    assert b"stays here" not in b"".join(sandbox.gateway.heads)


def test_who_the_agent_says_it_is(sandbox: Sandbox) -> None:
    sandbox.start(COMMAND)
    sandbox.lambda_.invoke("one")
    connect, post = sandbox.gateway.heads
    assert b"\r\nx-plldb-function: fn\r\n" in connect
    assert b"\r\nx-plldb-token: a-token-that-nobody-guesses\r\n" in connect
    assert post.startswith(b"POST /live/@connections/laptop%3D HTTP/1.1\r\n")
    assert b"Credential=key/" in post
    hello = sandbox.gateway.hellos.get()
    assert (hello["action"], hello["v"], hello["k"]) == ("hello", 4, "a-token-that-nobody-guesses")


def test_six_megabytes_there_and_back(sandbox: Sandbox) -> None:
    event = os.urandom(5_900_000)
    sandbox.start(COMMAND)
    assert sandbox.lambda_.invoke("one", event).body == b"laptop:" + event


def test_a_laptop_that_goes_between_two_invocations_leaves_the_deployed_code(sandbox: Sandbox) -> None:
    sandbox.start(COMMAND)
    assert sandbox.lambda_.invoke("one", b"{}").body == b"laptop:{}"
    sandbox.gateway.status = lambda frame: 410
    assert sandbox.lambda_.invoke("two", b"{}").body == b"null"
    assert sandbox.log.count("runtime starts") == 1
    sandbox.gateway.status = lambda frame: 200
    assert sandbox.lambda_.invoke("three", b"{}").body == b"null"  # it asks again after 10 s


def test_an_init_error_of_the_deployed_code_then_is_the_invocations_error(sandbox: Sandbox) -> None:
    sandbox.start(COMMAND, INIT_ERROR="1")
    sandbox.lambda_.invoke("one")
    sandbox.gateway.status = lambda frame: 410
    error = sandbox.lambda_.invoke("two")
    assert error.path == "/2018-06-01/runtime/invocation/two/error"
    assert error.json == {"errorType": "Runtime.ImportModuleError"}
    assert sandbox.end() == 1


def test_a_frame_that_may_have_arrived_keeps_the_deployed_code_out(sandbox: Sandbox) -> None:
    answers = iter([500, 0, 429])
    sandbox.gateway.status = lambda frame: next(answers, 200)
    sandbox.start(COMMAND)
    assert sandbox.lambda_.invoke("one", b"{}").body == b"laptop:{}"
    assert "runtime starts" not in sandbox.log


def test_a_laptop_that_does_not_know_the_invocation_is_a_function_error(sandbox: Sandbox) -> None:
    sandbox.gateway.answer = lambda meta, body: None
    sandbox.start(COMMAND)
    sandbox.lambda_.invocations.put(("one", b"{}", 899))
    sandbox.gateway.tell(sandbox.gateway.frames.get(timeout=60), t="unknown")
    error = sandbox.lambda_.requests.get(timeout=60)
    assert b"\r\nlambda-runtime-function-error-type: Plldb.Disconnected\r\n" in error.head
    assert error.json["errorType"] == "Plldb.Disconnected"


def test_a_connection_that_ends_within_an_invocation_is_opened_again(sandbox: Sandbox) -> None:
    sandbox.gateway.answer = lambda meta, body: None
    sandbox.start(COMMAND)
    sandbox.lambda_.invocations.put(("one", b"{}", 899))
    frame = sandbox.gateway.frames.get(timeout=60)
    sandbox.gateway.tell(frame, t="accepted")
    time.sleep(0.1)
    sandbox.gateway.hang_up()
    with pytest.raises(Empty):
        sandbox.gateway.frames.get(timeout=0.2)
    resume = sandbox.gateway.frames.get(timeout=60)
    assert (resume["t"], resume["have"], resume["no"]) == ("resume", [], frame["no"])
    z, (text,) = wire.split({"kind": "response", "headers": []}, b"late")
    sandbox.gateway.tell(frame, t="answer", i=0, of=1, z=z, d=text)
    assert sandbox.lambda_.requests.get(timeout=60).body == b"late"


def test_frames_are_relayed_when_posting_is_forbidden(sandbox: Sandbox) -> None:
    sandbox.gateway.status = lambda frame: 403
    sandbox.start(COMMAND)
    for rid in ("one", "two"):
        assert sandbox.lambda_.invoke(rid, b"{}").body == b"laptop:{}"
    assert sandbox.log.count("403") == 1
    # Two were refused, the others say that they came by the API.
    assert [frame.get("via") for frame in sandbox.gateway.frames.queue] == [None, None, "relay", "relay"]


def test_frames_of_somebody_else_are_dropped(sandbox: Sandbox) -> None:
    sandbox.gateway.answer = lambda meta, body: None
    sandbox.start(COMMAND)
    sandbox.lambda_.invocations.put(("one", b"{}", 899))
    frame = sandbox.gateway.frames.get(timeout=60)
    z, (text,) = wire.split({"kind": "response", "headers": []}, b"forged")
    answer = {
        "t": "answer",
        "id": "one",
        "no": frame["no"],
        "i": 0,
        "of": 1,
        "z": z,
        "d": text,
        "at": time.time(),
    }
    for forged in (wire.sign(answer, "another token"), json.dumps(answer), "plldb4 x y z", "[" * 10_000):
        sandbox.gateway.push(forged)
    right = {"x-evil": "x", "content-type": "text/plain\r\nx-evil: y"}
    z, (text,) = wire.split({"kind": "response", "headers": [[k, v] for k, v in right.items()]}, b"right")
    sandbox.gateway.tell(frame, t="answer", i=0, of=1, z=z, d=text)
    got = sandbox.lambda_.requests.get(timeout=60)
    assert got.body == b"right"
    assert b"evil" not in got.head


@pytest.mark.parametrize(
    "named", [{"session": "another"}, {"proof": ""}, {"proof": None}, {"where": ["a=b"]}]
)
def test_a_session_that_has_not_armed_the_function_gets_no_frame(
    sandbox: Sandbox, named: dict[str, Any]
) -> None:
    sandbox.gateway.laptop = named
    sandbox.start(COMMAND)
    assert sandbox.lambda_.invoke("one", b"{}").body == b"null"
    assert sandbox.gateway.frames.empty()
    assert "names a session that has not armed this function" in sandbox.log


def test_only_what_fulfils_the_conditions_goes_to_the_laptop(sandbox: Sandbox) -> None:
    where = ["headers.x-debug=me"]
    sandbox.gateway.laptop = {"where": where, "proof": wire.prove("s", TOKEN, where)}
    sandbox.start(COMMAND)
    mine, of_others = b'{"headers": {"X-Debug": "me"}}', b'{"headers": {"X-Debug": "you"}}'
    assert sandbox.lambda_.invoke("first", of_others).body == b"null"
    assert sandbox.lambda_.invoke("empty", b"").body == b"null"
    # Most invocations are for the deployed code: it was loaded when the sandbox was, as ever.
    assert sandbox.log.count("runtime starts") == 1
    for number in range(10):
        event, answer = (mine, b"laptop:" + mine) if number % 3 else (of_others, b"null")
        assert sandbox.lambda_.invoke(f"r{number}", event).body == answer
    assert [frame["id"] for frame in sandbox.gateway.frames.queue] == ["r1", "r2", "r4", "r5", "r7", "r8"]
    assert sandbox.gateway.hellos.qsize() == 1


def test_each_of_two_laptops_gets_its_own_and_the_end_of_one_leaves_the_other(sandbox: Sandbox) -> None:
    gateway = sandbox.gateway

    def laptop(session: str, who: str) -> dict[str, Any]:
        where = [f"who={who}"]
        proof = wire.prove(session, TOKEN, where)
        return {"session": session, "where": where, "proof": proof, "peer": f"{session}="}

    gateway.laptop, gateway.others = laptop("a", "*a"), [laptop("b", "b*")]
    sandbox.start(COMMAND)

    def whose(name: str) -> str:
        gateway.frames.queue.clear()
        answer = sandbox.lambda_.invoke(name, json.dumps({"who": name}).encode()).body
        if answer == b"null":
            return "nobody's"
        session = str(gateway.frames.queue[-1]["se"])
        assert f"/@connections/{session}%3D ".encode() in gateway.heads[-1]
        return session

    assert [whose(name) for name in ("ada", "boris", "eve", "bea")] == ["a", "b", "nobody's", "a"]
    gateway.status = lambda frame: 410 if frame["se"] == "a" else 200
    assert [whose(name) for name in ("ada", "boris", "ada", "bea")] == ["nobody's", "b", "nobody's", "b"]
    assert gateway.hellos.qsize() == 2  # at the start, and for the laptop that has gone


def test_where_python_has_no_private_modules_the_public_ones_do(sandbox: Sandbox, layer: Path) -> None:
    changed = 0
    for path in layer.rglob("*.py"):
        text = path.read_text()
        path.write_text(without_private(text))
        changed += path.read_text() != text
    assert changed == 5
    sandbox.start(COMMAND)
    event = os.urandom(100_000)
    assert sandbox.lambda_.invoke("one", event).body == b"laptop:" + event
    sandbox.gateway.status = lambda frame: 410
    assert sandbox.lambda_.invoke("two", b"{}").body == b"null"
    assert "plldb: " not in sandbox.log


def change(sandbox: Sandbox, name: str, old: str, new: str) -> None:
    """Let an agent be another one than setup builds."""
    path = sandbox.layer / "plldb" / "python" / "plldb" / "debugger" / "agent" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("handshake", [101, 409])  # 409: nobody is attached
def test_an_agent_whose_core_fails_leaves_the_deployed_code(sandbox: Sandbox, handshake: int) -> None:
    sandbox.gateway.handshake = handshake
    change(sandbox, "core.py", "        self._runs += 1\n", "        raise ValueError('a secret')\n")
    change(sandbox, "actions.py", "ASK_FIRST = 10.0", "ASK_FIRST = 0.001")
    sandbox.start(COMMAND)
    for rid in ("one", "two"):
        assert sandbox.lambda_.invoke(rid, b"{}").body == b"null"
    assert sandbox.log.count("plldb: ") == 1
    assert "secret" not in sandbox.log


def test_an_agent_that_found_nobody_at_first_asks_again_and_finds_a_laptop(sandbox: Sandbox) -> None:
    sandbox.gateway.handshake = 409
    change(sandbox, "actions.py", "ASK_FIRST = 10.0", "ASK_FIRST = 0.001")
    change(sandbox, "link.py", "LATER_LINK = 0.3", "LATER_LINK = 10.0")
    sandbox.start(COMMAND)
    # It lasts until the next question is due, however quick the machine is.
    assert sandbox.lambda_.invoke("one", b'{"do": "sleep", "seconds": 0.1}').body == b"null"
    sandbox.gateway.handshake = 101
    answers = (sandbox.lambda_.invoke("two", b"{}").body for _ in range(1000))
    # The question is due again some milliseconds after the last answer to it.
    assert next(each for each in answers if each != b"null") == b"laptop:{}"


def test_what_was_said_to_a_frozen_sandbox_is_heard_before_the_next_invocation(sandbox: Sandbox) -> None:
    sandbox.start(COMMAND)
    assert sandbox.lambda_.invoke("one", b"{}").body == b"laptop:{}"
    frame = sandbox.gateway.frames.get(timeout=60)
    assert sandbox.process
    wait_until(lambda: sandbox.lambda_.nexts == 2)  # Lambda freezes nobody who has not asked
    for kind in ("heartbeat", "detached"):  # two frames, of which the second one counts
        os.killpg(sandbox.process.pid, signal.SIGSTOP)
        sandbox.gateway.tell(frame, t=kind)
    time.sleep(2 * FROZEN_AFTER)  # as long as a freeze is at the least
    sandbox.lambda_.invocations.put(("two", b"{}", 899))
    os.killpg(sandbox.process.pid, signal.SIGCONT)
    assert sandbox.lambda_.requests.get(timeout=60).body != b"laptop:{}"
    assert sandbox.gateway.frames.empty()
