"""The pieces of one answer on their way to a sandbox. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

AT_ONCE = 64
"""Pieces under way at a time, as many as there are connections (`plldb.aws.websockets.POSTS_AT_ONCE`): each
post waits for its answer. 5.9 MB are 211 pieces: 24 at a time took nine round trips, these take four."""

SLOW_AT_ONCE = 8
"""Pieces under way at a time once one of them got no answer: a slow network may need longer for 64 of them
(1.9 MB) than an answer may take, and then none of them would ever come through."""

FIRST_PAUSE = 0.2
"""Seconds before a piece that could not be posted is posted again; each further failure doubles that."""

LONGEST_PAUSE = 5.0
"""Longest such pause, in seconds."""


class Delivery:
    """Which pieces are still to be posted, which are under way, and how long to pause after a failure.

    Attributes:
        round: a new one begins when the sandbox says what it has; what was posted in an earlier round does
            not count any more.
        not_before: the time of the next attempt, in seconds of the caller's clock.
    """

    def __init__(self, z: int, pieces: list[str]) -> None:
        self.z = z
        self.pieces = pieces
        self.round = 0
        self.not_before = 0.0
        self._pause = FIRST_PAUSE
        self._at_once = AT_ONCE
        self._left = deque(range(len(pieces)))
        self._under_way: set[int] = set()

    @property
    def size(self) -> int:
        """How much memory the pieces take, in bytes."""
        return sum(map(len, self.pieces))

    @property
    def done(self) -> bool:
        """Whether every piece was posted. Nobody confirms that it has arrived."""
        return not self._left and not self._under_way

    @property
    def all_sent(self) -> bool:
        """Whether every piece was posted or is on its way."""
        return not self._left

    @property
    def wants_to_post(self) -> bool:
        """Whether a piece could be posted now, were it not for the pause."""
        return bool(self._left) and len(self._under_way) < self._at_once

    def start_again(self, have: Iterable[int]) -> None:
        """Post everything but the pieces that the sandbox has."""
        self.round += 1
        self._left = deque(sorted(set(range(len(self.pieces))) - set(have)))
        self._under_way.clear()

    def take(self, now: float) -> list[int]:
        """Return the numbers of the pieces to post now; they are under way from here on."""
        taken = []
        while self.wants_to_post and now >= self.not_before:
            taken.append(self._left.popleft())
            self._under_way.add(taken[-1])
        return taken

    def posted(self, i: int, status: int, now: float) -> None:
        """Take the outcome of a piece of this round: an HTTP status, 0 if no answer came."""
        self._under_way.discard(i)
        if status == 200:
            self._pause = FIRST_PAUSE
            return
        self._left.appendleft(i)
        if status == 0:
            self._at_once = SLOW_AT_ONCE
        # A connection that is gone needs no pause: the next one will be another. And what was refused
        # together counts once.
        if status != 410 and now >= self.not_before:
            self.not_before = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
