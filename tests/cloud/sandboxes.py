"""Many sandboxes of one function in one process: the agent as it is, Lambda's Runtime API as a queue.

Reads a `Load` as JSON from standard input, and writes what came of it to standard output. Talks to the API.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

from plldb.debugger.agent import core
from plldb.debugger.agent.agent import API, Agent
from plldb.debugger.agent.start import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked of the function.

    ``plldb`` is the variable that arming puts on it. Of the ``invocations`` so many are ``large``, 1 MB there
    and back. ``concurrency`` is how many of the ``sandboxes`` Lambda lets run at a time.
    """

    function: str
    plldb: str
    sandboxes: int
    invocations: int
    large: int
    concurrency: int

    def write(self) -> bytes:
        return json.dumps(asdict(self)).encode()


class Cloud:
    """The invocations that wait, and the answers to them."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(load.invocations):
            self.waiting.put(number)
        self.slots = threading.Semaphore(load.concurrency)
        # Their links, their handlers and their workers are all one machine's here.
        self.starting = threading.Semaphore(8)
        self.answers: list[dict[str, Any]] = []
        self.done = threading.Event()
        self.large = base64.b64encode(random.Random(1).randbytes(750_000)).decode()

    def event(self, sandbox: int, number: int) -> bytes:
        step = self.load.invocations // max(self.load.large, 1)
        text = self.large if self.load.large and number % step == 0 else "x"
        return json.dumps({"sandbox": sandbox, "number": number, "text": text}).encode()

    def note(self, **answer: Any) -> None:
        self.answers.append(answer)
        if len(self.answers) == self.load.invocations:
            self.done.set()


class RuntimeApi:
    """Lambda's Runtime API of one sandbox, in place of a connection to it."""

    def __init__(self, cloud: Cloud, sandbox: int) -> None:
        self.cloud = cloud
        self.sandbox = sandbox
        self.number = -1
        self.starting = False

    def open(self, now: float) -> None:
        """It is always open."""

    def end(self, error: str) -> None:
        """The invocation is over; the error says what is wrong with its answer, if anything is."""
        self.cloud.note(number=self.number, error=error)
        self.cloud.slots.release()
        self.number = -1

    def note_start(self) -> None:
        """It has answered, or given up: another one may start."""
        if self.starting:
            self.starting = False
            self.cloud.starting.release()

    def request(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes, now: float
    ) -> tuple[int, bytes, bytes]:
        """Take an answer."""
        event = self.cloud.event(self.sandbox, self.number)
        right = path == f"{API}r{self.number}/response" and json.loads(body) == json.loads(event)
        self.end("" if right else body[:300].decode())
        self.note_start()
        return 202, b"", b""

    def send(self, request: bytes, now: float) -> bytes:
        """Give the next invocation: the one request that the agent sends again and again."""
        self.number = self.cloud.waiting.get()
        self.cloud.slots.acquire()
        deadline = int((time.time() + 890) * 1000)
        said = (
            "HTTP/1.1 200 OK",
            f"Lambda-Runtime-Aws-Request-Id: r{self.number}",
            f"Lambda-Runtime-Deadline-Ms: {deadline}",
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:1:function:f",
        )
        head = "\r\n".join((*said, "", "")).encode()
        return head + self.cloud.event(self.sandbox, self.number)

    def read(self, said: bytes) -> tuple[int, bytes, bytes]:
        """Take that apart."""
        head, end, body = said.partition(b"\r\n\r\n")
        return 200, head + end, body


def run_sandbox(cloud: Cloud, number: int) -> None:
    """Be one sandbox; its process starts anew while the first link takes too long, as it may with so many."""
    api = RuntimeApi(cloud, number)
    while True:
        try:
            run_agent(cloud, number, api)
        except DeployedError:
            if api.number >= 0:
                api.end(DEPLOYED)
            api.note_start()


DEPLOYED = "left to the deployed code"


class DeployedError(Exception):
    """The agent starts the deployed code."""


def refuse() -> None:
    """Stands for the start of the deployed code."""
    raise DeployedError


def run_agent(cloud: Cloud, number: int, api: RuntimeApi) -> None:
    """Be one process of a sandbox."""
    environment = {
        **os.environ,
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        "AWS_REGION": "eu-west-1",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"2026/11/26/[$LATEST]{number:032x}",
    }
    cloud.starting.acquire()
    api.starting = True
    settings = Settings(cloud.load.plldb, cloud.load.function)
    agent = Agent(["false"], environment, settings, None, lambda word: None)
    agent._api = api  # type: ignore[assignment]
    agent._runtime.start = refuse  # type: ignore[method-assign]
    try:
        agent.run()
    finally:
        agent.open_lines().connect(-1)  # drops the connection


def end_with(failure: threading.ExceptHookArgs) -> None:
    """One thread that fails ends all: its invocations would never be over."""
    threading.__excepthook__(failure)
    os._exit(1)


def main() -> None:
    """Run the load. A machine that runs tests may need longer for a link than an agent waits."""
    vars(core).update(FIRST_LINK=60.0, LATER_LINK=60.0)
    threading.excepthook = end_with
    load = Load(**json.loads(sys.stdin.readline()))
    cloud, began = Cloud(load), time.monotonic()
    for number in range(load.sandboxes):
        threading.Thread(target=run_sandbox, args=(cloud, number), daemon=True).start()
    cloud.done.wait()
    print(json.dumps({"seconds": time.monotonic() - began, "answers": cloud.answers}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
