"""Ends a worker with plldb, however plldb ends: the only place that knows systems apart. Talks to the system.

Standard input is a pipe of which plldb holds the other end, and the system closes that end in any case.
"""

import os

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

KILL = 9
KILLPG = getattr(os, "killpg", None)
"""None on Windows."""


def end_with(descriptor, control=fcntl, killpg=KILLPG):
    """End this process and its group when the other end of this pipe is closed.

    Linux: the kernel itself kills the group, also while this process is busy in C or stopped. Elsewhere a
    thread does, as soon as it gets to run. Windows has no groups: there what the function has started stays.
    """
    os.set_inheritable(descriptor, False)
    if hasattr(control, "F_SETSIG"):
        try:
            control.fcntl(descriptor, control.F_SETSIG, KILL)
            control.fcntl(descriptor, control.F_SETOWN, -os.getpgrp())
            flags = control.fcntl(descriptor, control.F_GETFL)
            control.fcntl(descriptor, control.F_SETFL, flags | os.O_ASYNC)
        except OSError:  # a system that is Linux by name only
            pass
    import _thread

    _thread.start_new_thread(watch, (descriptor, killpg))


def watch(descriptor, killpg):
    """Wait for the end of plldb, then end with the whole group."""
    try:
        while os.read(descriptor, 1):
            pass  # plldb says no more
    finally:
        if killpg is not None:
            killpg(0, KILL)
        os._exit(1)
