"""Logs for ``--verbose``. Talks to the console.

botocore at DEBUG logs signed headers and session tokens. It must never be heard here below INFO.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = {"plldb": logging.DEBUG, "botocore": logging.INFO, "aiobotocore": logging.INFO}


class _Handler(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def filter(self, record: logging.LogRecord) -> bool:
        """Holds the levels even if somebody sets that of a child logger lower."""
        return record.levelno >= LEVELS.get(record.name.partition(".")[0], logging.CRITICAL + 1)

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record))


def send_logs_to(write: Callable[[str], None]) -> None:
    """Hands each line of the logs of plldb, and what is harmless of botocore's, to ``write``."""
    handler = _Handler(write)
    for name, level in LEVELS.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
