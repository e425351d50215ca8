"""A session's memory stays out of core files: credentials and tokens are in it. Talks to the system."""

from __future__ import annotations


def write_no_core() -> None:
    """Let no crash write this process's memory, nor that of what it starts, to the disk."""
    try:
        import resource
    except ImportError:  # Windows, which has no core files
        return
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    # Not 0: by that Linux does not keep a program such as systemd-coredump from taking it.
    resource.setrlimit(resource.RLIMIT_CORE, (1 if most else 0, most))
