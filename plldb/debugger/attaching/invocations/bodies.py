"""Events and answers as far as they are read to be described. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LONGEST_READ = 2**20
"""Bytes. What is longer is not read only to be described."""


def read_object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object that a body is; an empty one for anything else."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def get_text(value: Any, *names: str) -> str:
    """Return the text below these names, one in the other; empty if there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
