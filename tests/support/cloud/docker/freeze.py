"""The freeze: a sandbox runs from an invocation to its answer, and then stands still. Talks to processes.

A front before the emulator's port lets the sandbox run when an invocation comes and stops every process of it
(SIGSTOP) once the emulator has answered, which it does when the runtime and all extensions have asked for the
next event. The emulator itself is never stopped.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Longer than any function may run.
_SECONDS = 1000
_STOP_SECONDS = 0.1


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
    """Stops the processes of a sandbox, and lets the same ones run again."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._stopped: set[int] = set()

    def freeze(self) -> None:
        # A process may start another one while it is being stopped: until a look finds nobody new.
        while new := set(find_processes(self._leader)) - self._stopped:
            for pid in new:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            self._stopped |= new
        # A signal takes its time on a busy machine; one that waits for a stopped child (vfork) is never T.
        deadline = time.monotonic() + _STOP_SECONDS
        while any(read_state(pid) not in "TtZX" for pid in self._stopped) and time.monotonic() < deadline:
            time.sleep(0.0005)

    def thaw(self) -> None:
        for pid in self._stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._stopped.clear()


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
