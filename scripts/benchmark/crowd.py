"""Measures one laptop that serves very many sandboxes, which are scripted. Talks to processes.

    python -m scripts.benchmark.crowd

The gateway is a small server with TLS instead of the emulator, which would be what limits; DynamoDB is the
emulator's.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiobotocore.session import get_session

from scripts.benchmark.debugger import cpu_of
from tests.integration.gateway import Gateway, serve_gateway
from tests.support.cloud.gate import CERTIFICATES
from tests.support.environment import REGION, Credentials, aws_settings, invent_account
from tests.support.frames import TOKEN, Agent
from tests.support.servers import ministack

CODE = "def handler(event, context):\n    return event\n"
AT_ONCE = 200
IDLE = 100
STARTED_TOGETHER = 4
"""Sandboxes whose first invocations come together: each starts a worker."""
ANSWERED_WITHIN = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """A laptop, and sandboxes of one function for it."""

    gateway: Gateway
    connection: str
    pid: int
    agents: tuple[Agent, ...]

    async def invoke(self, agents: Sequence[Agent]) -> float:
        """Seconds until so many invocations at once have been answered."""
        socket = self.gateway.sockets[self.connection]
        frames = []
        for agent in agents:
            agent.next(f"{agent.sandbox}-{agent.number}")
            agent.now = time.time()
            meta = agent.meta(deadline=agent.now + 900)
            frames += agent.invocation(b'{"number": 1}', meta=meta)
        self.gateway.posts.clear()
        began = time.perf_counter()
        for frame in frames:
            await socket.send_str(frame)
        async with asyncio.timeout(ANSWERED_WITHIN):
            # The gateway tells nobody.
            while sum('"t":"answer"' in text for _, text in self.gateway.posts) < len(frames):  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        return time.perf_counter() - began


@asynccontextmanager
async def open_crowd(endpoint: str, folder: Path, count: int) -> AsyncIterator[Crowd]:
    """A laptop as a process of its own; ``endpoint`` is an emulator of AWS with an account that is new."""
    (folder / "app.py").write_text(CODE)
    ca = CERTIFICATES / "ca.pem"
    account = aws_settings(endpoint, Credentials(access_key_id=invent_account()))
    environment = os.environ | account | {"AWS_CA_BUNDLE": str(ca)}
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATES / "localhost.pem")
    pipe = asyncio.subprocess.PIPE
    async with AsyncExitStack() as stack:
        session: Any = get_session()
        client = session.create_client(
            "dynamodb",
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id=account["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=account["AWS_SECRET_ACCESS_KEY"],
            verify=str(ca),
        )
        dynamodb = await stack.enter_async_context(client)
        await dynamodb.create_table(
            TableName="PLLDBDebugger",
            KeySchema=[{"AttributeName": "RequestId", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "RequestId", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        gateway = await stack.enter_async_context(serve_gateway(dynamodb, tls))
        command = (sys.executable, "-m", "scripts.benchmark.laptop", gateway.url, str(folder), TOKEN)
        laptop = await asyncio.create_subprocess_exec(*command, env=environment, stdin=pipe, stdout=pipe)
        assert laptop.stdin
        assert laptop.stdout
        try:
            told = json.loads(await laptop.stdout.readline())
            agents = [
                Agent(
                    now=time.time(),
                    session=told["session"],
                    sandbox=f"{n:032x}",
                    connection=f"A{n}=",
                    log_stream=f"2026/11/26/[$LATEST]{n:032x}",  # of two with the same one the older is over
                )
                for n in range(count)
            ]
            connection = next(iter(gateway.sockets))
            yield Crowd(gateway=gateway, connection=connection, pid=laptop.pid, agents=tuple(agents))
        finally:
            laptop.stdin.close()
            await laptop.wait()


def memory_of(pid: int) -> float:
    """Megabytes of memory that a process has in use."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (kilobytes,) = [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")]
    return kilobytes / 1024


async def measure_crowd(endpoint: str, times: int = 5) -> tuple[float, list[float], float]:
    """Megabytes with idle sandboxes; invocations a second, each time; milliseconds of CPU of one."""
    with tempfile.TemporaryDirectory() as name:
        async with open_crowd(endpoint, Path(name), AT_ONCE) as crowd:
            memory = 0.0
            for first in range(0, AT_ONCE, STARTED_TOGETHER):
                await crowd.invoke(crowd.agents[first : first + STARTED_TOGETHER])
                if first + STARTED_TOGETHER == IDLE:
                    memory = memory_of(crowd.pid)
            rates = []
            before = cpu_of(crowd.pid)
            for _ in range(times):
                rates.append(AT_ONCE / await crowd.invoke(crowd.agents))
                await asyncio.sleep(1)  # what is noted of them off their path is no part of the next
            used = (cpu_of(crowd.pid) - before) / (times * AT_ONCE)
            return memory, rates, used


async def main() -> None:
    """Measure and print."""
    async with ministack() as server:
        memory, rates, used = await measure_crowd(server.url)
    print(f"memory with {IDLE} idle sandboxes: {memory:.0f} MB")
    print(f"{AT_ONCE} at once: " + ", ".join(f"{each:.0f}" for each in rates) + " a second")
    print(f"CPU of the laptop: {used:.1f} ms an invocation")


if __name__ == "__main__":
    asyncio.run(main())
