"""Hello, which this machine says to the handlers of the WebSocket API, and their answers to it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from plldb.debugger import wire
from plldb.debugger.protocol.reading import CONNECTION, get, get_time, match_text
from plldb.debugger.wire import WireError


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The handlers know this session. ``connection`` is its id, ``now`` their clock (POSIX seconds)."""

    nonce: str
    connection: str
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The handlers do not want this connection: ``why`` is ``protocol``, ``token`` or ``lease``."""

    nonce: str
    why: str
    version: int


def write_hello(nonce: str) -> str:
    """Return what this machine says first on a connection."""
    return wire.to_json({"action": "hello", "v": wire.VERSION, "n": nonce})


def read_reply(text: str, nonces: Collection[str]) -> Welcome | Refused | None:
    """Return the answer to a hello with one of these nonces, None for anything else.

    Raises:
        WireError: it is an answer to such a hello, and is incomplete.
    """
    if not text.startswith("{"):
        return None
    try:
        told = wire.from_json(text)
    except WireError:
        return None
    if (nonce := told.get("n")) not in tuple(nonces):
        return None
    match told.get("t"):
        case "welcome":
            connection, now = match_text(told, "me", CONNECTION), get_time(told, "now")
            return Welcome(nonce=nonce, connection=connection, now=now)
        case "refused":
            why, version = match_text(told, "why", r"[a-z-]{1,40}"), get(told, "v", int)
            return Refused(nonce=nonce, why=why, version=version)
        case _:
            return None
