"""An event as Lambda takes it: JSON, and not too long. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from plldb.errors import Hint, SettingsError

LARGEST = 6 * 1024 * 1024
"""Bytes of an event that Lambda takes where somebody waits for the answer (AWS Lambda quotas)."""
_NO_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<word>-?Infinity|NaN)', re.DOTALL)
_GIVE_JSON = Hint("fix-argument", "Give an event as JSON; without one, {} is sent.")


def make_event(value: Any) -> bytes:
    """Return an event as it is sent: bytes are JSON text already, anything else is written as JSON.

    Raises:
        SettingsError: it cannot be written as JSON, or is too large.
    """
    if isinstance(value, bytes):
        return check_event(value, "the event")
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise SettingsError(f"The event cannot be written as JSON: {error}.", hint=_GIVE_JSON) from error
    return check_event(text.encode(), "the event")


def check_event(text: bytes, name: str) -> bytes:
    """Return a text as it is sent: in UTF-8. ``name`` says where it is from.

    Raises:
        SettingsError: it is empty, no JSON, or larger than Lambda takes.
    """
    event = _decode(text, name).encode()
    if not event.strip():
        raise _refusal(name, "it is empty")
    if len(event) > LARGEST:
        hint = Hint("fix-argument", "Put what is large into S3, for example, and send where it is.")
        what = f"{len(event):,} bytes are more than the {LARGEST:,} that Lambda takes"
        raise SettingsError(f"{name} cannot be sent: {what}.", hint=hint)
    _parse(event.decode(), name)
    return event


def _decode(text: bytes, name: str) -> str:
    # Windows' editors and shells put a byte order mark first, or write UTF-16.
    encoding = json.detect_encoding(text)
    try:
        return text.decode(encoding)
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise _refusal(name, f"line {line} is not written in {encoding.upper()}") from error


def _parse(text: str, name: str) -> None:
    def refuse_word(word: str) -> None:
        start = next(found.start() for found in _NO_JSON.finditer(text) if found["word"])
        raise json.JSONDecodeError(f"{word} is no JSON", text, start)

    try:
        json.loads(text, parse_constant=refuse_word)
    except json.JSONDecodeError as error:
        raise _refusal(name, f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise _refusal(name, "it is nested too deeply") from error
    except ValueError:  # a number of more digits than Python turns into one; Lambda may
        return


def _refusal(name: str, why: str) -> SettingsError:
    return SettingsError(f"{name} is not JSON: {why}.", hint=_GIVE_JSON)
