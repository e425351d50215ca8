"""Stands in for the docker SDK in MiniStack: a container is a sandbox on this machine. Talks to processes.

A sandbox is AWS's Runtime Interface Emulator in a mount and PID namespace (`sandbox.sh`) with the layout of
the managed runtimes. MiniStack gives the code, the layers and the environment, and sends invocations to a
port. The settings come from `tests.support.cloud`, as JSON in ``TEST_CLOUD``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from . import errors, types
from .freeze import Freezer, Front, find_emulator

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DockerClient", "errors", "from_env", "types"]

_SCRIPT = Path(__file__).parents[1] / "sandbox.sh"
_START_SECONDS = 60.0
_FIRST_DESCRIPTOR = 60
_EMULATED_SCOPE = b"arn:aws:lambda:us-east-1:012345678912"
_FRAME_HEAD = 16  # type, length, time: awslambdaric's FramedTelemetryLogSink

# As a function of a managed Python runtime finds them on AWS.
_ENVIRONMENT = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": (
        "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
    ),
    "PYTHONPATH": "/var/runtime",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "SSL_CERT_FILE": "/var/rapid/ca.pem",
    "AWS_CA_BUNDLE": "/var/rapid/ca.pem",
}


class Container:
    """One sandbox: created with what MiniStack says, started, stopped."""

    def __init__(
        self,
        image: str,
        command: list[str],
        environment: Mapping[str, str],
        mounts: tuple[types.Mount, ...] = (),
        **rest: Any,
    ) -> None:
        settings = json.loads(os.environ["TEST_CLOUD"])
        self.id = uuid.uuid4().hex
        self.name = self.short_id = self.id[:12]
        self.labels: dict[str, str] = rest.get("labels") or {}
        self.status = "created"
        self.attrs: dict[str, Any] = {"NetworkSettings": {"Networks": {}}}
        self.ports: dict[str, list[dict[str, str]]] = {}
        self._handler = command[0]
        self._version = image.rpartition(":")[2]  # public.ecr.aws/lambda/python:3.13
        self._python = settings["pythons"].get(self._version) or settings["pythons"][settings["python"]]
        self._emulator = _emulator_of(environment["_LAMBDA_FUNCTION_ARN"], settings)
        self._environment = environment
        self._box = Path(
            tempfile.mkdtemp(dir=settings["sandboxes"], prefix=f"{environment['AWS_LAMBDA_FUNCTION_NAME']}-")
        )
        for folder in ("task", "opt", "var", "tmp"):
            (self._box / folder).mkdir()
        for mount in mounts:
            if mount.target == "/var/task":
                # Links, for MiniStack removes its copy when the code changes.
                shutil.copytree(mount.source, self._box / "task", copy_function=os.link, dirs_exist_ok=True)
        shutil.copy(settings["ca"], self._box / "ca.pem")
        hosts = Path("/etc/hosts").read_text() + "\n127.0.0.1 host.docker.internal\n"
        (self._box / "hosts").write_text(hosts)

    def put_folder(self, path: str, folder: str) -> None:
        """Take a layer, for /opt, as links: to unpack it for each sandbox took 13 ms."""
        place = self._box / path.lstrip("/")
        shutil.copytree(folder, place, symlinks=True, copy_function=_link, dirs_exist_ok=True)

    def put_archive(self, path: str, data: IO[bytes]) -> bool:
        """Take what MiniStack sends in an archive."""
        with tarfile.open(fileobj=data) as archive:
            archive.extractall(self._box / path.lstrip("/"), filter="fully_trusted")
        return True

    def start(self) -> None:
        self._reserved = [_reserve_port(), _reserve_port()]
        port, api = (holder.getsockname()[1] for holder in self._reserved)
        reading, low = os.pipe()
        # Shells use the descriptors from 10 on for themselves.
        writing = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _FIRST_DESCRIPTOR)
        os.close(low)
        environment = {
            **_ENVIRONMENT,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{self._python['version']}",
            **{
                name: str(value).replace("host.docker.internal", "127.0.0.1")
                for name, value in self._environment.items()
            },
            "_HANDLER": self._handler,
            "_LAMBDA_TELEMETRY_LOG_FD": str(writing),
        }
        places = (
            self._box,
            self._python["lang"],
            self._python["runtime"],
            self._emulator,
            str(port),
            str(api),
        )
        self._log = (self._box / "log").open("ab", buffering=0)
        self._told = 0
        self._process = subprocess.Popen(
            ["/bin/sh", _SCRIPT, "outside", *places, self._handler],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            start_new_session=True,
        )
        os.close(writing)
        (self._box / "pid").write_text(str(self._process.pid))
        self._frames = _Frames(reading, self._log)
        self._freezer = Freezer(self._process.pid)
        self._wait_for(port)
        self._freezer.start()
        self._front = Front(port, self._freezer)
        self.ports = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self._front.server_port)}]}
        self.reload()

    def _wait_for(self, port: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return
            time.sleep(0.005)
        self.kill()
        raise errors.APIError(f"the sandbox did not start: {(self._box / 'log').read_text()[-500:]}")

    def reload(self) -> None:
        self.status = "running" if self._process.poll() is None else "exited"

    def logs(self, **_: Any) -> bytes:
        """What was printed and logged since somebody asked last."""
        self._frames.copy()
        with (self._box / "log").open("rb") as log:
            log.seek(self._told)
            data = log.read()
            self._told = log.tell()
        return data

    def stop(self, timeout: float = 2, **_: Any) -> None:
        """Let extensions hear of SHUTDOWN, which only a sandbox that runs can, and end everybody."""
        self._freezer.thaw()
        if emulator := find_emulator(self._process.pid):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.kill(emulator, signal.SIGTERM)
                self._process.wait(timeout)
        self._front.close()
        self.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._freezer.close()
        for holder in self._reserved:
            holder.close()
        self.reload()

    def remove(self, **_: Any) -> None:
        """Forget it; its log stays for whoever reads it."""
        self.kill()
        ALL.pop(self.id, None)


ALL: dict[str, Container] = {}


class Containers:
    """The containers of this process, which are all that there are."""

    def create(self, **settings: Any) -> Container:
        container = Container(**settings)
        ALL[container.id] = container
        return container

    def run(self, **settings: Any) -> Container:
        container = self.create(**settings)
        container.start()
        return container

    def list(self, filters: Mapping[str, Any] | None = None, **_: Any) -> list[Container]:
        wanted = (filters or {}).get("label") or []
        labels = [wanted] if isinstance(wanted, str) else wanted
        pairs = [label.partition("=")[::2] for label in labels]
        return [
            c for c in tuple(ALL.values()) if all(c.labels.get(key) in (value, None) for key, value in pairs)
        ]

    def get(self, identity: str) -> Container:
        if identity not in ALL:
            raise errors.NotFound(identity)
        return ALL[identity]


class Images:
    """Every image that MiniStack asks for is here: each names a version of Python."""

    attrs: Mapping[str, Any] = {}

    def get(self, name: str) -> Images:
        return self


class DockerClient:
    """The part of the SDK's client that MiniStack uses for functions."""

    def __init__(self) -> None:
        self.containers, self.images = Containers(), Images()

    def ping(self) -> bool:
        return True


def from_env(**_: Any) -> DockerClient:
    return DockerClient()


def _emulator_of(function_arn: str, settings: Mapping[str, Any]) -> str:
    """The emulator whose functions are of this account and region.

    It has a fixed ARN in its code, which is changed in a copy; a region's name of another length leaves it.
    """
    scope = ":".join(function_arn.split(":")[:5]).encode()
    copy = Path(settings["sandboxes"], "emulator-" + scope.decode().replace(":", "-"))
    if len(scope) != len(_EMULATED_SCOPE):
        return str(settings["emulator"])
    if not copy.exists():
        code = Path(settings["emulator"]).read_bytes().replace(_EMULATED_SCOPE, scope)
        unfinished = copy.with_name(f"{copy.name}.{uuid.uuid4().hex}")
        unfinished.write_bytes(code)
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    return str(copy)


def _link(source: str, target: str) -> None:
    """Let a later layer's file take the place of an earlier one's."""
    Path(target).unlink(missing_ok=True)
    os.link(source, target)


def _reserve_port() -> socket.socket:
    """A socket that does not listen: nobody is given its port, and the emulator binds it all the same."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


class _Frames:
    """Writes what the runtime logs by its own descriptor to the log where its standard output goes."""

    def __init__(self, descriptor: int, log: IO[bytes]) -> None:
        self._descriptor, self._log = descriptor, log
        self._rest = b""
        self._open = True
        self._lock = threading.Lock()
        os.set_blocking(descriptor, False)
        threading.Thread(target=self._follow, daemon=True).start()

    def copy(self) -> bool:
        """Write what is there now; false at the end. A frozen sandbox may have written half a frame."""
        with self._lock:
            if not self._open:
                return False  # somebody else may have this descriptor by now
            with contextlib.suppress(BlockingIOError):
                while data := os.read(self._descriptor, 65536):
                    self._rest += data
                    self._write()
                return False
            return True

    def _write(self) -> None:
        while len(self._rest) >= (end := _FRAME_HEAD + int.from_bytes(self._rest[4:8], "big")):
            self._log.write(self._rest[_FRAME_HEAD:end])
            self._rest = self._rest[end:]

    def _follow(self) -> None:
        ready = select.poll()
        ready.register(self._descriptor, select.POLLIN)
        while ready.poll() and self.copy():
            pass
        with self._lock:
            self._open = False
            os.close(self._descriptor)
