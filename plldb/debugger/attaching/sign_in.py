"""Tells once that AWS does not accept the caller's credentials. Pure."""

from __future__ import annotations

from collections.abc import Callable

from plldb.debugger.events.connection import SignInNeeded


class SignIn:
    """Whether a new login is needed, as those find out who ask AWS; it is told when that is new."""

    def __init__(self, tell: Callable[[SignInNeeded], None], *, goes_on: Callable[[], bool]) -> None:
        """Begin; ``goes_on`` returns whether plldb goes on by itself after a new login."""
        self._tell = tell
        self._goes_on = goes_on
        self._is_needed = False

    def needed(self, message: str) -> None:
        """Take with which message AWS does not accept the credentials."""
        if not self._is_needed:
            self._is_needed = True
            self._tell(SignInNeeded(message=message, goes_on=self._goes_on()))

    def accepted(self) -> None:
        """Take that it accepts them."""
        self._is_needed = False
