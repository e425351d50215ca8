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
class SignInNeeded:
    """AWS does not accept the caller's credentials any more. Told once, until it does again.

    Until then nothing can be answered, armed or restored; what is due is tried again and again. ``goes_on``:
    a new login is found by itself. Not so if variables gave the credentials, or the role was assumed with
    another profile's keys or an MFA code. ``message`` is for people.
    """

    kind: Literal["sign_in_needed"] = "sign_in_needed"
    message: str
    goes_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersDelayed:
    """AWS refuses what is sent to sandboxes, for example for a right that the caller has not.

    It is sent again and again. Told once, until something was accepted again. ``code`` and ``message`` are
    those of the exception.
    """

    kind: Literal["answers_delayed"] = "answers_delayed"
    code: str
    message: str


ConnectionEvent = ConnectionLost | ConnectionRestored | AnswersDelayed | SignInNeeded
"""What an attached session tells of its connection."""
