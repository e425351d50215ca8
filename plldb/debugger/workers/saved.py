"""Whether files were saved since a worker has loaded them. Talks to the disk."""

from __future__ import annotations

import os
from collections.abc import Mapping

Stamp = tuple[int, int]
"""Time of the last change of a file, in nanoseconds, and its size; zeros if it is gone."""


def have_changed(files: Mapping[str, Stamp]) -> bool:
    """Tell whether any of these files is not any more what it was."""
    return any(_read_stamp(path) != stamp for path, stamp in files.items())


def _read_stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
