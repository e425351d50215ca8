"""The terminal of a run, while a function's ``breakpoint()`` has it. Talks to that terminal."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from plldb.cli.output.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence


class LentTerminal:
    """The terminal of a run, which others may have for a while; they lock it meanwhile.

    ``path`` is empty where there is none that could be lent.
    """

    def __init__(self, streams: Sequence[TextIO]) -> None:
        self.path = ""
        self._descriptor = -1
        with suppress(OSError, ImportError, AttributeError, ValueError):  # Windows has neither
            import fcntl  # noqa: F401

            if streams and all(each.isatty() for each in streams):
                self.path = os.ttyname(streams[0].fileno())
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_NOCTTY)

    def is_lent(self) -> bool:
        """Whether somebody has it now."""
        if self._descriptor < 0:
            return False
        import fcntl

        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return False

    def tell_borrower(self, text: str, prompt: str) -> None:
        """Write a line there if it is lent: what the renderer says is held back until it is free again.

        ``prompt`` is written below it: the one at which whoever has it is asked, and which is above it now.
        """
        if self.is_lent():
            with suppress(OSError):  # it has gone
                os.write(self._descriptor, f"\r\n{clean(text)}\r\n{prompt}".encode())
