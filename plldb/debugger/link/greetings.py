"""Hello, which this machine says to the handlers of the WebSocket API, and their answers to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from plldb.debugger import wire
from plldb.debugger.protocol.reading import CONNECTION, get, get_time, match_text
from plldb.debugger.wire import WireError


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The handlers know this session. ``connection`` is its id, ``now`` their clock (POSIX seconds)."""

    connection: str
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The handlers do not want this connection: ``why`` is ``protocol``, ``token`` or ``lease``."""

    why: str
    version: int


def write_hello(nonce: str) -> str:
    """Return what this machine says first on a connection."""
    return wire.to_json({"action": "hello", "v": wire.VERSION, "n": nonce})


def read_reply(text: str, nonce: str) -> Welcome | Refused | None:
    """Return the answer to the hello with this nonce, None for anything else.

    Raises:
        WireError: it is an answer to this hello, and is incomplete.
    """
    if not text.startswith("{"):
        return None
    try:
        told = wire.from_json(text)
    except WireError:
        return None
    if told.get("n") != nonce:
        return None
    match told.get("t"):
        case "welcome":
            return Welcome(connection=match_text(told, "me", CONNECTION), now=get_time(told, "now"))
        case "refused":
            return Refused(why=match_text(told, "why", r"[a-z-]{1,40}"), version=get(told, "v", int))
        case _:
            return None
