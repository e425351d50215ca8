"""Runs a command until standard input ends, then stops its whole process group. Talks to processes.

Whoever starts this holds the other end of standard input. However that process ends, by closing the
pipe, by crashing or by SIGKILL, nothing of the command is left behind. Run it by its path.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 5.0


def main() -> int:
    """Run the command that the arguments are; its exit code is ours."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_stop_at_end_of_input, args=(child,), daemon=True).start()
    try:
        return child.wait()
    finally:
        _signal(child, signal.SIGKILL)  # what the command itself started and left


def _stop_at_end_of_input(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    _signal(child, signal.SIGTERM)
    # Not wait(): the main thread does that, and only one of two can reap the child.
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main())
