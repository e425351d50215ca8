"""What an attached session tells of its connection. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConnected:
    """This machine is connected to the API; functions are armed next. ``seconds`` is how long it took."""

    kind: Literal["session_connected"] = "session_connected"
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLost:
    """The connection to the API broke; plldb connects again until it succeeds. ``reason`` is for people."""

    kind: Literal["connection_lost"] = "connection_lost"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRestored:
    """The connection is there again, after so many ``seconds``."""

    kind: Literal["connection_restored"] = "connection_restored"
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersDelayed:
    """AWS refuses what is sent to sandboxes, for example since the caller's credentials have ended.

    It is sent again and again. Told once, until something was accepted again. ``code`` and ``message`` are
    those of the exception.
    """

    kind: Literal["answers_delayed"] = "answers_delayed"
    code: str
    message: str


ConnectionEvent = ConnectionLost | ConnectionRestored | AnswersDelayed
"""What an attached session tells of its connection."""
