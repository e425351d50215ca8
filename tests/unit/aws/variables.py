"""The environment variables that the installed botocore and aiobotocore read. Talks to the disk."""

from __future__ import annotations

import re
from pathlib import Path

import aiobotocore
import botocore

_LITERAL = re.compile(r"""['"]((?:AWS|BOTO|BOTOCORE|REQUESTS)_[A-Z0-9_]+)['"]""")


def known_to_botocore() -> list[str]:
    """The names that stand in their source, and an endpoint's, which botocore builds."""
    folders = [Path(package.__path__[0]) for package in (botocore, aiobotocore)]
    sources = [path.read_text() for folder in folders for path in folder.glob("*.py")]
    return sorted({"AWS_ENDPOINT_URL_STS", *(name for text in sources for name in _LITERAL.findall(text))})
