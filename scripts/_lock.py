"""Runs a command unless it runs in this checkout already: _lock.py FILE NAME COMMAND... Talks to the system.

The lock goes with the process, however that ends: none is ever left behind.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path


def main(place: str, name: str, *command: str) -> None:
    """Become the command, or say who runs it."""
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    file = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(file, 20).decode().strip() or "?"
        sys.exit(f"error: {name} runs in this checkout already (process {owner}). Wait until it has ended.")
    os.truncate(file, 0)
    os.write(file, f"{os.getpid()}\n".encode())
    # Held by the command, which is this same process, and by nothing that it starts in its turn.
    os.set_inheritable(file, True)
    os.execvp(command[0], command)


main(*sys.argv[1:])
