"""The freeze: a sandbox runs from an invocation to its answer, and then stands still. Talks to processes.

A front before the emulator's port lets the sandbox run when an invocation comes and stops every process of it
(SIGSTOP) once the emulator has answered, which it does when the runtime and all extensions have asked for the
next event. The emulator itself is never stopped.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Longer than any function may run.
_SECONDS = 1000
_END_SECONDS = 1.0
# The first process, the emulator, and who calls are left out by `kill -1`.
_SIGNALS = 'while read -r name; do kill -s "$name" -- -1; echo; done'


def find_children(pid: int) -> list[int]:
    """The children of a process. Each stands under the thread that started it."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def find_emulator(leader: int) -> int | None:
    """The first process of a sandbox's namespace; ``leader`` is the process that MiniStack started."""
    for child in find_children(leader):
        with contextlib.suppress(OSError, StopIteration):
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
            pids = next(line for line in lines if line.startswith("NSpid:")).split()
            if pids[-1] == "1":
                return child
    return None


def find_processes(leader: int) -> list[int]:
    """Everybody in a sandbox but the emulator. Orphans fall to the first process, so this misses nobody."""
    emulator = find_emulator(leader)
    found: list[int] = []
    todo = [] if emulator is None else [emulator]
    while todo:
        children = find_children(todo.pop())
        found += children
        todo += children
    return found


def read_state(pid: int) -> str:
    """The state of a process as in ps: T is stopped, X is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


class Freezer:
    """Stops everybody in a sandbox but the emulator, and lets them run again.

    A shell in the sandbox's PID namespace signals all others at once, so that this takes as long for one
    process as for ten: Lambda freezes a virtual machine, whatever runs in it. The shell is nobody's child in
    there. Who runs stops within microseconds, and who sleeps runs no more; ``ps`` says so a moment later.
    """

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._lock = threading.Lock()
        self._shell: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the shell; returns at once."""
        if emulator := find_emulator(self._leader):
            as_root = () if os.getuid() == 0 else ("--user", "--preserve-credentials")
            inside = ("nsenter", *as_root, "--pid", "--target", str(emulator), "--", "sh", "-c", _SIGNALS)
            pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
            self._shell = subprocess.Popen(inside, bufsize=0, stdin=pipe, stdout=pipe, stderr=nothing)

    def freeze(self) -> None:
        self._signal(b"STOP")

    def thaw(self) -> None:
        self._signal(b"CONT")

    def close(self) -> None:
        """Wait for the end of the shell, which comes with that of the sandbox."""
        with self._lock, contextlib.suppress(subprocess.TimeoutExpired):
            if self._shell:
                self._shell.wait(_END_SECONDS)

    def _signal(self, name: bytes) -> None:
        with self._lock:
            if not self._tell(name):
                self.start()  # a function may kill everybody that it sees
                self._tell(name)

    def _tell(self, name: bytes) -> bool:
        if self._shell is None or self._shell.stdin is None or self._shell.stdout is None:
            return False
        try:
            self._shell.stdin.write(name + b"\n")
            return self._shell.stdout.readline() != b""
        except OSError:
            return False


class Front(ThreadingHTTPServer):
    """Takes the place of an emulator that listens on ``port``."""

    daemon_threads = True

    def __init__(self, port: int, freezer: Freezer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.emulator, self.freezer = port, freezer
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        # It takes the loop a moment to see this; nobody waits for it.
        threading.Thread(target=self.shutdown, daemon=True).start()
        self.socket.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: MiniStack sees the connection break, as it would without a front."""


class _Handler(BaseHTTPRequestHandler):
    server: Front

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.freezer.thaw()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.emulator, timeout=_SECONDS)
        try:
            connection.request("POST", self.path, body, dict(self.headers.items()))
            with connection.getresponse() as response:
                answer = response.read()
                self.server.freezer.freeze()
                self.send_response(response.status)
                for name in ("Content-Type", "X-Amz-Function-Error", "Lambda-Runtime-Function-Error-Type"):
                    if value := response.headers[name]:
                        self.send_header(name, value)
        finally:
            connection.close()
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""
