"""Logs for ``--verbose``. Talks to the console.

botocore at DEBUG logs signed headers and session tokens. It must never be heard here below INFO.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SILENT = logging.CRITICAL + 1
LEVELS = {"plldb": logging.DEBUG, "botocore": logging.INFO, "aiobotocore": logging.INFO}


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        """Each record is one line: of an exception what it is, not where it was, nor what it may quote."""
        return f"({type(ei[1]).__name__})"


class _Handler(logging.Handler):
    def __init__(self, write: Callable[[str], None], levels: Mapping[str, int]) -> None:
        super().__init__()
        self._write = write
        self._levels = levels
        self.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def filter(self, record: logging.LogRecord) -> bool:
        """Holds the levels even if somebody sets that of a child logger lower."""
        return record.levelno >= self._levels.get(record.name.partition(".")[0], SILENT)

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record))


def send_warnings_to(write: Callable[[str], None]) -> None:
    """Without --verbose, hands the warnings of plldb to ``write``; botocore's would come with tracebacks.

    What botocore warns of comes as an error as well: credentials that cannot be refreshed, for example.
    """
    _send(write, {"plldb": logging.WARNING, "botocore": SILENT, "aiobotocore": SILENT})


def send_logs_to(write: Callable[[str], None]) -> None:
    """Hands each line of the logs of plldb, and what is harmless of botocore's, to ``write``."""
    _send(write, LEVELS)


def _send(write: Callable[[str], None], levels: Mapping[str, int]) -> None:
    handler = _Handler(write, levels)
    for name, level in levels.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
