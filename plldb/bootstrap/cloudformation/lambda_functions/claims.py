"""Who a request for a connection claims to be, read from its headers. Pure.

Cargo: packed into every handler, imported there by its bare name, never by plldb.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

SESSION_HEADER = "x-plldb-session"
FUNCTION_HEADER = "x-plldb-function"
TOKEN_HEADER = "x-plldb-token"

LONGEST_SESSION = 256
"""Characters of a SessionId: an ``aws:userid`` has 86 at most, and 32 hex digits follow."""

LONGEST_FUNCTION = 64
"""Characters of a Lambda function's name."""

LONGEST_TOKEN = 256
"""Characters of a token; plldb makes them of 64."""


@dataclass(frozen=True, slots=True)
class Developer:
    """A laptop: the session that it says is its own."""

    session: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Agent:
    """A sandbox of a function: the name that it says the function has."""

    function: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Nobody:
    """Neither, or both."""


Claim = Developer | Agent | Nobody


def claim_of(event: Mapping[str, Any]) -> Claim:
    """Return who the sender of a request says it is; nothing of that is verified here."""
    # API Gateway hands on names of headers as the client wrote them.
    headers = {str(name).lower(): value for name, value in (event.get("headers") or {}).items()}
    session, function = headers.get(SESSION_HEADER), headers.get(FUNCTION_HEADER)
    token = headers.get(TOKEN_HEADER)
    if not isinstance(token, str) or not 0 < len(token) <= LONGEST_TOKEN:
        return Nobody()
    if is_session(session) and function is None:
        return Developer(session, token)
    if is_function_name(function) and session is None:
        return Agent(function, token)
    return Nobody()


def context_of(claim: Claim) -> dict[str, str]:
    """Return what later events of the connection tell of the claim: strings only, and no token."""
    match claim:
        case Developer():
            return {"kind": "developer", "session": claim.session}
        case Agent():
            return {"kind": "agent", "function": claim.function}
        case Nobody():
            return {"kind": "nobody"}


def is_session(value: object) -> TypeGuard[str]:
    """Return whether a value can be a SessionId."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_SESSION


def is_function_name(value: object) -> TypeGuard[str]:
    """Return whether a value can be a function's name: it becomes part of an ARN, with no colon or star."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_FUNCTION
        and value.isascii()
        and value.replace("-", "").replace("_", "").isalnum()
    )
