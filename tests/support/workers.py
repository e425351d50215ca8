"""Functions on this machine, in real workers. Talks to processes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import textwrap
import time
import venv
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer, Identity, Invocation, Sandbox
from plldb.debugger.workers.pool import Workers, open_workers
from plldb.debugger.workers.settings import FunctionSettings
from plldb.debugger.workers.source import Project
from plldb.debugger.workers.state import Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from plldb.debugger.workers.output import Output

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
FUNCTION = FunctionSettings(
    name="orders",
    arn=ARN,
    handler="app.handler",
    runtime=f"python3.{sys.version_info.minor}",
    timeout=20,
    memory=256,
    log_group="/aws/lambda/orders",
)
ROLE = (
    ("AWS_ACCESS_KEY_ID", "ASIAROLE"),
    ("AWS_SECRET_ACCESS_KEY", "role-secret"),
    ("AWS_SESSION_TOKEN", "role-token"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/26/[$LATEST]0123"),
)

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Ran:
    """One invocation that is over; ``answer`` is None if it was cancelled."""

    answer: Answer | None
    output: tuple[Output, ...]

    @property
    def value(self) -> Any:
        """What the handler returned, or its error."""
        assert self.answer is not None
        return json.loads(self.answer.body)

    @property
    def lines(self) -> list[str]:
        return [line.text for line in self.output]


@dataclass(slots=True)
class Bench:
    """A folder with code, and workers for it."""

    workers: Workers
    folder: Path
    output: list[Output] = field(default_factory=list)

    async def invoke(self, event: object = None, *, sandbox: str = "a", **headers: str) -> Ran:
        """Invoke the function once, in a sandbox of this name."""
        return await self.run(make_start(event, sandbox=sandbox, headers=headers))

    async def run(self, start: Start) -> Ran:
        output: list[Output] = []

        async def tell(line: Output) -> None:
            output.append(line)
            self.output.append(line)

        async with asyncio.timeout(60):
            answer = await self.workers.run(start, tell)
        return Ran(answer, tuple(output))


def make_start(
    event: object,
    *,
    sandbox: str = "a",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    function: str = FUNCTION.name,
) -> Start:
    """The decision of a session to run an invocation; ``headers`` are without prefix, ``_`` is ``-``."""
    request_id = f"request-{next(_numbers)}"
    told = {
        "lambda-runtime-aws-request-id": request_id,
        "lambda-runtime-deadline-ms": str(int((time.time() + 899) * 1000)),
        "lambda-runtime-invoked-function-arn": ARN,
        "lambda-runtime-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
    }
    told |= {f"lambda-runtime-{name.replace('_', '-')}": value for name, value in (headers or {}).items()}
    return Start(
        identity=Identity(sandbox=Sandbox("key", sandbox), request_id=request_id, nonce="0a"),
        function=function,
        invocation=Invocation(
            headers=tuple(told.items()),
            environment=ROLE,
            body=json.dumps(event).encode() if body is None else body,
            delivered=time.time(),
            deadline=time.time() + 899,
        ),
    )


def write(folder: Path, **files: str) -> None:
    """Write modules by their names."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))


def make_python(folder: Path) -> str:
    """The Python of an environment in which nothing is installed."""
    venv.create(folder, symlinks=True)
    return str(folder / "bin" / "python")


@asynccontextmanager
async def bench(
    folder: Path,
    *,
    patience: Patience | None = None,
    machine: dict[str, str] | None = None,
    python: str = sys.executable,
    debug: int | None = None,
    wait: bool = False,
    own: dict[str, str] | None = None,
    others: dict[str, dict[str, Any]] | None = None,
    **settings: Any,
) -> AsyncIterator[Bench]:
    """Workers for the code in a folder; ``settings`` are the function's, ``others`` what more ones have."""
    functions = {FUNCTION.name: replace(FUNCTION, **settings)}  # by the name that make_start gives
    for name, different in (others or {}).items():
        functions[name] = replace(FUNCTION, **settings | {"name": name} | different)
    async with open_workers(
        Project(folder=folder, python=Path(python), variables=own or {}),
        functions,
        debug=debug,
        wait=wait,
        patience=patience or Patience(),
        machine={**os.environ, "XDG_CACHE_HOME": str(folder / ".cache"), **(machine or {})},
    ) as workers:
        yield Bench(workers, folder)
