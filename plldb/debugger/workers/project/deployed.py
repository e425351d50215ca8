"""The file of a handler as it is deployed. Talks to Lambda's store of code."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from plldb.aws.session import Aws
from plldb.debugger.workers.project.handlers import files_of

LARGEST = 64 * 1024 * 1024
"""Bytes of a package that is fetched; Lambda takes up to 50 MB directly, larger ones only through S3."""


async def read_handler_file(aws: Aws, code: Mapping[str, Any], handler: str) -> bytes | None:
    """Return the file of a handler out of the package that GetFunction names; None if it cannot be had."""
    location = code.get("Location")
    package = await aws.download(location, most=LARGEST) if isinstance(location, str) else None
    return handler_file(package, handler) if package else None


def handler_file(package: bytes, handler: str) -> bytes | None:
    """Return the file of a handler out of a package, None if there is none. Pure."""
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as files:
            found = [name for name in files_of(handler) if name in files.NameToInfo]
            return files.read(found[0]) if found else None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError):
        return None  # broken, encrypted, or packed in a way that Python does not know
