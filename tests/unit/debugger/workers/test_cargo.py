"""What runs in a worker's process, apart from the worker."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest

CARGO = "plldb.debugger.workers.cargo"
debugging: Any = import_module(f"{CARGO}.debugging")
differences: Any = import_module(f"{CARGO}.differences")
ending: Any = import_module(f"{CARGO}.ending")

# Stands for a worker: it says its own id and that of a child, and then it is busy.
WORKER = """
import os, subprocess, sys, time
sys.path.insert(0, {folder!r})
import ending
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL)
ending.end_with(os.dup(0), {how})
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs groups of processes")
@pytest.mark.parametrize(
    ("how", "child_ends"),
    [
        ("ending.fcntl", True),  # Linux
        ("None", True),  # macOS: no signal of the kernel
        ("None, None", False),  # Windows: no groups either
    ],
)
def test_a_worker_ends_with_the_pipe_that_plldb_holds(how: str, child_ends: bool) -> None:
    code = WORKER.format(folder=str(Path(ending.__file__).parent), how=how)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, start_new_session=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        worker.stdin.close()
        assert worker.wait(20) != 0
        if child_ends:
            # The child has this end of the pipe, too: nothing more comes once both have gone.
            assert worker.stdout.read() == b""
        else:
            os.kill(child, 9)


def test_a_python_that_debugpy_does_not_run_on_is_named() -> None:
    oldest = ".".join(map(str, debugging.OLDEST_PYTHON))
    assert metadata.metadata("debugpy")["Requires-Python"] == f">={oldest}"
    assert debugging.find_obstacle((3, 10)) is None
    assert debugging.find_obstacle((3, 9)) == ("debugpy needs Python 3.10 or later, and this is Python 3.9")


def test_the_proxies_of_this_machine_are_found() -> None:
    variables = {
        "HTTPS_PROXY": "http://me:secret@10.1.2.3:3128",
        "all_proxy": "10.1.2.4:3128",
        "HTTP_PROXY": "http://localhost:3128",
        "FTP_PROXY": "http://[",
        "NO_PROXY": "10.1.2.5",
    }
    assert {"10.1.2.3", "10.1.2.4", "127.0.0.1"} <= differences.find_proxies(variables)
    assert differences.find_proxies({"http_proxy": "", "X_PROXY": "http://"}) == set()
