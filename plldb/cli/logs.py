"""Logs for ``--verbose``. Talks to the console.

botocore at DEBUG logs signed headers and session tokens. It must never be heard here below INFO.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = {"plldb": logging.DEBUG, "botocore": logging.INFO, "aiobotocore": logging.INFO}


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        """Each record is one line: of an exception what it is, not where it was, nor what it may quote."""
        return f"({type(ei[1]).__name__})"


class _Handler(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write
        self.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def filter(self, record: logging.LogRecord) -> bool:
        """Holds the levels even if somebody sets that of a child logger lower."""
        return record.levelno >= LEVELS.get(record.name.partition(".")[0], logging.CRITICAL + 1)

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record))


def keep_logs_quiet() -> None:
    """Without --verbose, keeps Python from writing botocore's warnings, tracebacks and all, to stderr.

    What they warn of comes as an error as well: credentials that cannot be refreshed, for example.
    """
    for name in ("botocore", "aiobotocore"):
        logging.getLogger(name).addHandler(logging.NullHandler())


def send_logs_to(write: Callable[[str], None]) -> None:
    """Hands each line of the logs of plldb, and what is harmless of botocore's, to ``write``."""
    handler = _Handler(write)
    for name, level in LEVELS.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
