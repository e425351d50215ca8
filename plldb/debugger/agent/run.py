"""One invocation of a sandbox, its states, the laptops that it may go to, and its answer. Pure.

Several laptops may hold the function, each with conditions of its own:
`pick` says whose an event is.
"""

from __future__ import annotations

from plldb.debugger import wire
from plldb.debugger.agent.actions import ASK_FIRST, NOT_SENT, Answer

ASK_AT_MOST = 60.0
"""Up to which they grow."""

SILENT_AT_MOST = 600.0
"""Seconds for which a laptop that owes an answer gets no other invocation, unless it is heard again.

API Gateway ends the connection of one that sleeps after 10 minutes without a message.
"""

RESUME = -1
"""Stands for a piece's number where a resume is on its way."""

_REFUSALS = (NOT_SENT, 403, 410, 429)  # statuses that say for certain that the laptop did not get the frame
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0

_ANSWER_HEADERS = (
    "content-type",
    "lambda-runtime-function-error-type",
    "lambda-runtime-function-xray-error-cause",
)


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
        self._owes: str | None = None  # the invocation of which nothing was heard
        self._silent_alone = False  # while the API was heard
        self._silent_peer: str | None = None
        self._silent_until = 0.0
        self._conditions: list[Condition] | None = None  # once they are needed

    @property
    def there(self) -> bool:
        """Whether it takes invocations, as far as is known."""
        return self.peer is not None and not self.detached

    def fall_silent(self, now: float, no: str, *, alone: bool) -> None:
        """Take note that nothing was heard of an invocation: the next one would wait as long in vain."""
        self._owes, self._silent_peer, self._silent_until = no, self.peer, now + SILENT_AT_MOST
        self._silent_alone = alone

    def speak(self, message: dict[str, object]) -> None:
        """Take note of a message, which may be its own."""
        if self._owes is not None and (message.get("no") == self._owes or message.get("se") == self.session):
            self._owes = None

    def reconnected(self) -> None:
        """Take note of a new connection: if nothing at all was heard, the sandbox itself had no network."""
        if not self._silent_alone:
            self._owes = None

    def is_silent(self, now: float) -> bool:
        """Return whether it owes an answer, by the connection that it has still."""
        return self._owes is not None and self.peer == self._silent_peer and now < self._silent_until

    def wants(self, body: bytes) -> bool:
        """Return whether it takes an event: none, if its conditions are of a version that knows more."""
        if not self.where:
            return True
        from plldb.debugger import conditions  # few sessions have any

        try:
            if self._conditions is None:
                self._conditions = conditions.read_conditions(self.where)
        except ValueError:
            return False
        return conditions.matches(self._conditions, body)


def pick(laptops: list[Laptop], run: Run, now: float) -> Laptop | None:
    """Return the laptop for an invocation: of those that take it the first that is there.

    They are in the order of joining. If none is there, it is the one that may be asked first.
    """
    takers = [each for each in laptops if run.is_for(each) and not each.is_silent(now)]
    there = next((each for each in takers if each.there), None)
    return there or min(takers, key=lambda each: each.question.at, default=None)


OFFERED, GIVEN_UP, SENT, ACCEPTED = "offered", "given up", "sent", "accepted"
"""States of an invocation.

``offered``: no laptop can have anything of it but frames whose posts have no outcome yet; the deployed code
may still be chosen. ``given up``: the same, and the deployed code gets it once those outcomes are known.
``sent``: a frame may have been delivered; from here on it ends with an answer or a function error.
``accepted``: the laptop has all of it.
"""


class Run:
    """One invocation, from its arrival to its answer. ``state`` is changed by its methods only."""

    def __init__(
        self, now: float, rid: str, no: str, number: int, deadline: float, limit: float, body: bytes
    ) -> None:
        self.id = rid
        self.no = no
        self.number = number
        self.body = body
        self.state = OFFERED
        self.laptop: Laptop | None = None  # whose it is: nobody else may run it, once it is sent
        self._takers: dict[Laptop, bool] = {}  # who takes it, as far as was asked
        self.deadline = deadline
        self.z = 0
        self.pieces: list[str] = []
        self.todo: list[int] = []
        self._posted: set[int] = set()
        self.limit = limit  # until when the first frame may be tried
        self.questions = 0
        self.retry_at = now
        self._pause = _FIRST_PAUSE
        self.heard = now  # of the laptop
        self.asked = now
        self.greeted = now
        self.catch_up = False  # the laptop may have missed something: another connection, on either side
        self.answer: wire.Pieces | None = None

    @property
    def is_sent(self) -> bool:
        """Whether a frame may have been delivered."""
        return self.state in (SENT, ACCEPTED)

    def give_up(self) -> None:
        """Let the deployed code have it, unless it is sent all the same."""
        if self.state == OFFERED:
            self.state = GIVEN_UP

    def send(self, now: float) -> None:
        """Take note that a frame was or may have been delivered, or that the laptop was heard."""
        self.heard = now
        if self.state != ACCEPTED:
            self.state = SENT

    def accept(self) -> None:
        """Take note that the laptop has all of it."""
        self.state, self.todo = ACCEPTED, []

    def posted(self, now: float, i: int, status: int) -> None:
        """Take the outcome of the POST of a piece, or of a `RESUME`."""
        if status == 200:
            # A piece that is posted once more is no sign that the laptop is there.
            self.send(self.heard if i in self._posted or i == RESUME else now)
            self._pause = _FIRST_PAUSE
            if i != RESUME:
                self._posted.add(i)
            return
        if status not in _REFUSALS and not self.is_sent:
            self.send(now)
        if i == RESUME:
            self.catch_up = True
        elif self.state != ACCEPTED:
            self.todo.insert(0, i)
        if status not in (403, 410):
            self.retry_at = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def collect(self, message: dict[str, object]) -> wire.Pieces | None:
        """Take a piece of its answer; return all pieces once they are here.

        Raises:
            WireError: it is no piece of it.
        """
        i, of, z, d = (message.get(k) for k in ("i", "of", "z", "d"))
        if self.answer is None:
            self.answer = wire.Pieces(of, z)
        self.answer.add(i, of, z, d)
        self.accept()
        return self.answer if self.answer.complete else None

    def is_for(self, laptop: Laptop) -> bool:
        """Return whether a laptop takes it."""
        if laptop not in self._takers:
            self._takers[laptop] = laptop.wants(self.body)
        return self._takers[laptop]


def read_answer(pieces: wire.Pieces) -> Answer:
    """Return what the pieces of an answer say.

    Raises:
        WireError: it is damaged.
    """
    meta, body = pieces.join()
    kind = "response" if meta.get("kind") == "response" else "error"
    return Answer(kind, _allowed_headers(meta.get("headers")), body)


def _allowed_headers(headers: object) -> list[tuple[str, str]]:
    """Return those of an answer's headers that may go to the Runtime API."""
    found = []
    for pair in headers if type(headers) is list else []:
        name, value = pair if type(pair) is list and len(pair) == 2 else (None, None)
        if (
            type(name) is str
            and type(value) is str
            and name.lower() in _ANSWER_HEADERS
            and value.isprintable()
        ):
            found.append((name.lower(), value))
    return found


TYPE_CHECKING = False
if TYPE_CHECKING:
    from plldb.debugger.conditions import Condition
