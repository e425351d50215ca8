"""The ways of Linux, macOS and Windows, each with what that system offers. Pure."""

from __future__ import annotations

import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from plldb import platforms

WINDOWS = {"SIGINT": 2, "SIGBREAK": 21, "SIG_DFL": 0}
"""Of the names of `signal` those that matter here."""


def test_a_closed_terminal_and_held_signals_are_those_of_each_system() -> None:
    calls: list[tuple[int, list[int]]] = []
    posix = {
        "SIGHUP": 1,
        "SIG_BLOCK": 10,
        "SIG_UNBLOCK": 11,
        "pthread_sigmask": lambda how, numbers: calls.append((how, numbers)),
    }
    assert (platforms.hangups(posix), platforms.hangups(WINDOWS)) == ((1,), (21,))
    for names in (posix, WINDOWS):
        platforms.hold_back([2], names)
        platforms.let_through([2], names)
    assert calls == [(10, [2]), (11, [2])]


def test_a_new_group_is_a_flag_on_windows_only() -> None:
    assert platforms.new_group({"CREATE_NEW_PROCESS_GROUP": 0x200}) == 0x200
    assert platforms.new_group({}) == 0
    if sys.platform != "win32":
        assert platforms.new_group(vars(subprocess)) == 0


@pytest.mark.parametrize("error", [None, ProcessLookupError, PermissionError])
def test_a_group_is_killed_or_on_windows_the_process_alone(error: type[OSError] | None) -> None:
    killed: list[object] = []

    def killpg(pid: int, number: int) -> None:
        killed.append((pid, number))
        if error:
            raise error

    platforms.kill_group(7, lambda: killed.append("alone"), killpg)
    platforms.kill_group(7, lambda: killed.append("alone"), None)
    assert killed == [(7, signal.SIGKILL if hasattr(signal, "SIGKILL") else 9), "alone"]


@pytest.mark.parametrize(("most", "now"), [(0, 0), (-1, 1), (4096, 1)])
def test_core_files_are_as_small_as_the_system_allows(most: int, now: int) -> None:
    limits: list[object] = []
    resource = SimpleNamespace(
        RLIMIT_CORE=4,
        getrlimit=lambda _: (most, most),
        setrlimit=lambda which, pair: limits.append((which, pair)),
    )
    platforms.write_no_core(resource)
    assert limits == [(4, (now, most))]
