"""Standard input, output and error, repaired where they cannot be used. Talks to this process's streams."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def repair_streams() -> None:
    """Open ``os.devnull`` for what is closed (``>&-``), and replace characters that cannot be encoded.

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
    """Flush both: Python does so when it ends, and would complain about a closed pipe or a full disk."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with suppress(OSError):
        sys.stderr.flush()
