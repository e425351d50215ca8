"""Structured logging: each event becomes one record that a log collector can search."""

import asyncio
import json
import logging
from dataclasses import asdict

from plldb import bootstrap
from plldb.errors import PlldbError

log = logging.getLogger("deployment")


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what is not JSON by itself, such as a time, as text."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, and the fields that came in ``extra``."""
        fields = record.__dict__.get("fields", {})
        line = {"level": record.levelname, "message": record.getMessage(), **fields}
        return json.dumps(line, default=str)


async def main() -> None:
    """Log a setup; a failure is logged with its cause."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        async for event in bootstrap.setup():
            log.info(event.kind, extra={"fields": asdict(event)})
    except PlldbError as error:
        log.error(error.message, extra={"fields": {"code": error.code, "hint": error.hint}})
        raise SystemExit(1) from error


asyncio.run(main())
