"""A cloud for tests, like AWS where it matters to a debugger of functions. Talks to processes.

MiniStack runs functions in sandboxes (`docker`), which stand still between invocations (`docker.freeze`), and
stands behind a gate with API Gateway's limits and TLS (`gate`). Linux with root or user namespaces only::

    async with start_cloud() as cloud:     # 2 s; in tests/cloud it is the fixture `cloud`
        cloud.url                          # https://127.0.0.1:…, the AWS_ENDPOINT_URL of everybody
        cloud.ca                           # AWS_CA_BUNDLE and SSL_CERT_FILE of clients; sandboxes have both
        cloud.websocket_url(url)           # where wss://<api id>.execute-api.…/live is served
        cloud.rules.idle = 2.0             # API Gateway's limits and lapses, see `gate.Rules`
        cloud.rules.refuse = lambda connection_id, data: 429
        cloud.age(1200)                    # connections are 20 minutes older, and idle for as long; or some
        cloud.far(0.015)                   # another URL: the same cloud, 15 ms away, each way
        cloud.block(url)                   # nothing comes through to or from such a URL
        cloud.sandboxes("my-function")     # each has .processes(), .states(), .log, .alive
        cloud.connections                  # open WebSockets at the gate, by connection id
        cloud.pythons                      # see `start_cloud`
        cloud.output                       # what MiniStack has printed

Of use to know: a 12-digit access key id is the account, and keeps tests apart. Handlers find ``@connections``
at ``https://{requestContext.domainName}/{stage}``, as on AWS, and everything else by AWS_ENDPOINT_URL, which
sandboxes have. `start_cloud(auth=True)` checks signatures and policies (root: key ``test``, secret ``test``),
session policies, dynamodb:LeadingKeys and ${aws:userid} included. ``start_cloud(pythons=("3.9", "3.13"))``
runs functions of these runtimes with these Pythons if the machine has them; others run with the tests' own.
``context.invoked_function_arn`` is right in regions of nine letters. RevisionId, SQS, HTTP APIs, schedules
(``minute``) are MiniStack's.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import servers
from tests.support.cloud import runtimes
from tests.support.cloud.docker.freeze import find_emulator, find_processes, read_state
from tests.support.cloud.gate import CERTIFICATES, Gate, Rules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from tests.support.cloud.gate import Connection
    from tests.support.records import Interval

find_obstacle = runtimes.find_obstacle

_EMULATOR = Path(__file__).with_name("emulator.py")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One execution environment of a function, alive or not."""

    folder: Path

    @property
    def log(self) -> str:
        """What the function, its runtime and its extensions have printed."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def alive(self) -> bool:
        """Whether its first process, the emulator, is there."""
        return find_emulator(self._leader) is not None

    def processes(self) -> tuple[int, ...]:
        """The processes of the function in it, by the ids that they have outside of it."""
        return tuple(find_processes(self._leader))

    def states(self) -> Mapping[int, str]:
        """Their states as in ps: T is stopped."""
        return {pid: read_state(pid) for pid in self.processes()}

    @property
    def _leader(self) -> int:
        return int((self.folder / "pid").read_text())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A running cloud; see this module's docstring."""

    url: str
    ca: Path
    direct: str
    """MiniStack without the gate and without TLS."""
    folder: Path
    pythons: tuple[str, ...]
    """The versions of Python that functions run on, such as 3.12: of those asked for, the ones here."""
    _gate: Gate
    _server: servers.Server

    @property
    def rules(self) -> Rules:
        return self._gate.rules

    @property
    def connections(self) -> Mapping[str, Connection]:
        return {name: one for name, one in self._gate.connections.items() if one.closed == math.inf}

    @property
    def exchanges(self) -> list[Interval]:
        """Each request of who uses a URL that `far` gave, and its answer, as the gate sees them."""
        return self._gate.exchanges

    @property
    def output(self) -> str:
        return self._server.output

    def reset_rules(self) -> None:
        self._gate.rules = Rules()
        (self.folder / "limit").unlink(missing_ok=True)

    def limit(self, invocations: int) -> None:
        """How many invocations each account may have at a time, until the rules are reset."""
        (self.folder / "limit").write_text(str(invocations))

    def age(self, seconds: float, *only: str) -> None:
        self._gate.age(seconds, *only)

    def far(self, seconds: float) -> str:
        return f"https://127.0.0.1:{self._gate.listen_far(seconds)}"

    def block(self, far: str, *, blocked: bool = True) -> None:
        """The network of whoever uses this URL that `far` gave is gone, or there again."""
        self._gate.block(int(far.rpartition(":")[2]), blocked=blocked)

    def websocket_url(self, url: str, endpoint: str = "") -> str:
        """Where the gate (or ``endpoint``, a URL that `far` gave) serves a WebSocket API."""
        return servers.websocket_address(endpoint or self.url, url).replace("ws://", "wss://")

    def sandboxes(self, function: str) -> tuple[Sandbox, ...]:
        """All that a function has had, in any account, the oldest first."""
        started = sorted(
            self.folder.glob(f"{function}-????????/pid"), key=lambda path: path.stat().st_mtime_ns
        )
        return tuple(Sandbox(path.parent) for path in started)


@asynccontextmanager
async def start_cloud(
    *, auth: bool = False, minute: float = 60.0, pythons: Sequence[str] = (), authorities: Path | None = None
) -> AsyncIterator[Cloud]:
    """A cloud of one's own. A minute of a schedule lasts ``minute`` seconds. Raises ServerError.

    ``authorities`` is a file of certificates that everybody trusts beside the cloud's own.
    """
    if obstacle := runtimes.find_obstacle():
        raise servers.ServerError(obstacle)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    wanted = (asyncio.to_thread(runtimes.find_python, version) for version in {here, *pythons})
    found = [python for python in await asyncio.gather(*wanted) if python]
    emulator = await asyncio.to_thread(runtimes.find_emulator)
    gate = Gate()
    try:
        with tempfile.TemporaryDirectory(prefix="plldb-cloud-", ignore_cleanup_errors=True) as folder:
            trusted = CERTIFICATES / "ca.pem"
            if authorities:
                known, trusted = authorities.read_text() + trusted.read_text(), Path(folder, "trusted.pem")
                trusted.write_text(known)
            settings = {
                "gate": f"127.0.0.1:{gate.port}",
                "ca": str(trusted),
                "sandboxes": folder,
                "emulator": str(emulator),
                "pythons": {python["version"]: python for python in found},
                "python": here,
                "minute": minute,
            }
            environment = {
                "LAMBDA_EXECUTOR": "docker",
                "LAMBDA_STRICT": "1",
                "TEST_CLOUD": json.dumps(settings),
                "AWS_ENDPOINT_URL": f"https://127.0.0.1:{gate.port}",
            }
            async with servers.ministack(auth=auth, script=str(_EMULATOR), settings=environment) as server:
                gate.target = int(server.url.rpartition(":")[2])
                yield Cloud(
                    url=f"https://127.0.0.1:{gate.port}",
                    ca=trusted,
                    direct=server.url,
                    folder=Path(folder),
                    pythons=tuple(python["version"] for python in found),
                    _gate=gate,
                    _server=server,
                )
    finally:
        gate.close()
