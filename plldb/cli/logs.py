"""Logs for ``--verbose``. Talks to the console.

botocore at DEBUG logs signed headers and session tokens. It must never be heard here below INFO.
"""

from __future__ import annotations

import logging
from copy import copy
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
        self._write(self.format(_without_traceback(record)))


def _without_traceback(record: logging.LogRecord) -> logging.LogRecord:
    """What failed and was coped with, in a word: botocore logs it with its traceback."""
    if not record.exc_info or record.exc_info[0] is None:
        return record
    short = copy(record)
    short.msg, short.args = f"{record.getMessage()} ({record.exc_info[0].__name__})", None
    short.exc_info = short.exc_text = None
    return short


def keep_quiet() -> None:
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
