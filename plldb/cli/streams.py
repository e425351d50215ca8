"""Standard input, output and error, made fit for use. Talks to this process's streams."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def mend_streams() -> None:
    """What is closed (``>&-``) leads nowhere from now on, and no letter ends a deployment.

    In the order of their numbers: each takes the lowest that is free, so that no connection to AWS
    becomes standard output.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for good
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a name that the encoding of the terminal cannot express


def flush_streams() -> None:
    """Python flushes stdout when it ends, and would complain about a closed pipe or a full disk."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with suppress(OSError):
        sys.stderr.flush()
