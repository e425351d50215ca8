"""Ctrl-C while the program is still being imported. Talks to this process's signals.

Whoever imports this imports next to nothing: that is the point of it.
"""

from __future__ import annotations

import signal

INTERRUPTED = 130
"""The exit code of an interrupt: 128 and the number of SIGINT, as shells have it."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def hold_signals() -> None:
    """Keeps SIGINT and SIGTERM waiting until `hear_signals`; an import that is broken off is a traceback."""
    # Until the event loop listens, SIGTERM shall be as polite as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if hasattr(signal, "pthread_sigmask"):  # Windows has none
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def hear_signals() -> None:
    """Raises KeyboardInterrupt if one has come meanwhile, and from now on whenever one comes."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
