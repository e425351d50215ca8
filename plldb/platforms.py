"""What Linux, macOS and Windows do differently, all of it but what runs in a worker. Talks to the system.

A worker's own part, which imports nothing of plldb, is ``debugger/workers/cargo/ending.py``. Each function
takes what the system offers as an argument, so that the way of another system can be tested here.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

KILL = 9
"""SIGKILL, which Windows does not name."""
_KILLPG: Callable[[int, int], None] | None = getattr(os, "killpg", None)


def interpreters(system: str = os.name) -> tuple[str, ...]:
    """Return where an environment has its interpreter; on Windows conda's is in the folder itself.

    The other system's is not looked at: in WSL an environment that Windows has made would start there.
    """
    return ("Scripts/python.exe", "python.exe") if system == "nt" else ("bin/python",)


def hangups(names: Mapping[str, Any] = vars(signal)) -> tuple[signal.Signals, ...]:
    """Return what a terminal sends that is closed: SIGHUP; on Windows SIGBREAK."""
    return tuple(names[name] for name in ("SIGHUP", "SIGBREAK") if name in names)


def hold_back(numbers: Iterable[int], names: Mapping[str, Any] = vars(signal)) -> None:
    """Let these signals wait until `let_through`. Windows cannot: there they arrive at once."""
    if mask := names.get("pthread_sigmask"):
        mask(names["SIG_BLOCK"], numbers)


def let_through(numbers: Iterable[int], names: Mapping[str, Any] = vars(signal)) -> None:
    """Let signals arrive that were held back."""
    if mask := names.get("pthread_sigmask"):
        mask(names["SIG_UNBLOCK"], numbers)


def new_group(names: Mapping[str, Any]) -> int:
    """Return the flag by which Ctrl-C does not reach a new process on Windows; elsewhere 0.

    ``names`` are those of `subprocess`. Elsewhere ``start_new_session`` does it, which Windows ignores.
    """
    return int(names.get("CREATE_NEW_PROCESS_GROUP", 0))


def kill_group(
    pid: int,
    kill_alone: Callable[[], None],
    killpg: Callable[[int, int], None] | None = _KILLPG,
) -> None:
    """Kill a process and its group. Windows has no groups: what the process has started stays."""
    if killpg is None:
        kill_alone()
        return
    # Of a group of which only dead processes are left, macOS says PermissionError.
    with suppress(ProcessLookupError, PermissionError):
        killpg(pid, KILL)


def write_no_core(resource: Any = None) -> None:
    """Let no crash write this process's memory, nor that of what it starts, to the disk: it has secrets."""
    if resource is None:
        try:
            import resource
        except ImportError:  # Windows, which has no core files
            return
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    # Not 0: by that Linux does not keep a program such as systemd-coredump from taking it.
    resource.setrlimit(resource.RLIMIT_CORE, (1 if most else 0, most))
