"""One laptop that has borrowed the function: what the agent knows of it. Pure.

Several may have, each with conditions of its own: `pick` says whose an event is.
"""

from __future__ import annotations

ASK_FIRST = 10.0
"""While a laptop is away, seconds until the next question."""

ASK_AT_MOST = 60.0
"""Up to which they grow."""


class Question:
    """When to ask again for what was not there: later each time."""

    def __init__(self) -> None:
        self.at = 0.0
        self._gap = ASK_FIRST

    def postpone(self, now: float) -> None:
        """Ask no more for a while, and for longer each time."""
        self.at = now + self._gap
        self._gap = min(self._gap * 1.5, ASK_AT_MOST)

    def reset(self) -> None:
        """Ask at once when there is a reason to."""
        self.at, self._gap = 0.0, ASK_FIRST


class Laptop:
    """A session and its ``where``, the conditions on which it takes an event; they never change."""

    def __init__(self, session: str, where: list[str]) -> None:
        self.session = session
        self.where = where
        self.peer: str | None = None  # its connection, whatever that is now
        self.gone: str | None = None  # a connection of it that is no more
        self.detached = False
        self.forbidden = False
        self.relay = False
        self.rerouted_at = 0.0  # "at" of the newest moved or detached
        self.question = Question()
        self._conditions: list[Condition] | None = None  # once they are needed

    def wants(self, body: bytes) -> bool:
        """Return whether it takes an event."""
        if not self.where:
            return True
        from plldb.debugger import conditions  # few sessions have any

        if self._conditions is None:
            self._conditions = conditions.read_conditions(self.where)
        return conditions.matches(self._conditions, body)


def pick(laptops: list[Laptop], body: bytes) -> Laptop | None:
    """Return the first laptop that takes an event, in the order in which they have joined."""
    return next((each for each in laptops if each.wants(body)), None)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from plldb.debugger.conditions import Condition
