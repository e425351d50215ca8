"""The agent's link to laptops: the WebSocket, who is at the other end, when to ask again. Pure.

A laptop is ready when the WebSocket is open, ``hello`` was answered, and its connection was named.
"""

from __future__ import annotations

from plldb.debugger import wire
from plldb.debugger.agent.actions import ASK_FIRST, Connect, Say, Send
from plldb.debugger.agent.run import Laptop, Question

FIRST_LINK = 5.0
"""Seconds that the first link may take: it is made in the init phase, where nobody waits for an answer."""

LATER_LINK = 0.3
"""Seconds that an invocation waits for a link before the deployed code gets it."""

STALE_AFTER = 60.0
"""A link that was silent for so many seconds (a frozen sandbox) is proved before it is used."""

RENEW_BEFORE = 180.0
"""Credentials are renewed so many seconds before they end."""

HELLO_LIMIT = 5.0
"""Seconds after which an unanswered hello is given up, and an opening connection while an answer is due."""

LONGEST_OPENING = 15.0
"""A connection that has been opening for longer (the sandbox was frozen meanwhile) is opened anew."""

FIRST_PAUSE = 0.5
"""Seconds before a lost connection is opened anew while an answer is due. Doubled up to `HELLO_LIMIT`."""

GREET_AGAIN = 1.0
"""Seconds between two hellos while an answer is due and the laptop is away."""


class Link:
    """State of the link. ``lease`` is in epoch seconds; ``fresh`` returns another random text each time."""

    def __init__(self, token: str, lease: float, fresh: Fresh, tell: Tell) -> None:
        self._token = token
        self._lease = lease
        self._fresh = fresh
        self._tell = tell
        self._said: set[str] = set()
        self._refused = False  # for good
        self.n = 0
        self.state = "none"  # none, opening, open
        self._since = 0.0  # of this state
        self._pause = FIRST_PAUSE
        self._retry_at = 0.0
        self._question = Question()  # while nobody holds the function
        self._silence = Question()  # while the API does not answer
        self._heard = 0.0
        self._hello: str | None = None  # the nonce whose answer is awaited
        self._hello_at = 0.0
        self._greet_at: float | None = None  # when hello is due
        self.me = ""
        self.laptops: list[Laptop] | None = None  # in the order of joining; None until they are known
        self.creds: list[str] = []
        self._until = 0.0
        self._welcomed = 0.0

    @property
    def greeted(self) -> bool:
        """Whether the API has said last who is there."""
        return self.state == "open" and self._hello is None and self._greet_at is None

    def is_ready(self, laptop: Laptop | None) -> bool:
        """Return whether a frame can be posted to a laptop now."""
        return self.greeted and laptop is not None and laptop.peer is not None

    @property
    def attached(self) -> bool:
        """Whether a frame can be posted to any."""
        return any(map(self.is_ready, self.laptops or ()))

    # Before an invocation is forwarded.

    def reach(self, now: float, laptop: Laptop | None) -> bool | None:
        """Return whether a laptop can be reached, None while that is being found out.

        ``laptop`` is None where none is known: whoever may have come since.
        """
        if self._refused or now >= self._lease:
            return False
        if laptop is not None and self.is_ready(laptop) and not laptop.detached and not self._must_prove(now):
            return True
        question = laptop.question if laptop is not None else self._question
        if now < max(question.at, self._silence.at):
            return False
        if self._is_stuck(now):
            self.connect(now)
        elif self._hello is None and self.state == "open":
            self._send_hello(now)
        return None

    def is_old(self, since: float) -> bool:
        """Return whether the connection was already open at that time."""
        return self.state == "open" and self._since < since

    def unanswered(self, now: float) -> None:
        """Take note that nobody knows in time whether a laptop is there."""
        self.say("link", "plldb's API did not answer in time; the deployed code runs")
        self._silence.postpone(now)

    def _is_stuck(self, now: float) -> bool:
        if self.state == "opening":
            return now - self._since > LONGEST_OPENING
        return self.state == "none" or (self._hello is not None and now - self._hello_at > HELLO_LIMIT)

    def _must_prove(self, now: float) -> bool:
        due = self._until - now < RENEW_BEFORE and now - self._welcomed > ASK_FIRST
        return due or now - self._heard >= STALE_AFTER

    # While an answer is due.

    def keep(self, now: float) -> float | None:
        """Do what keeps the link up, and return when to look again."""
        if self.state == "none":
            if now < self._retry_at:
                return self._retry_at
            self.connect(now)
        elif self._is_late(now):
            self.connect(now)
        elif self._greet_at is not None and self._hello is None and self.state == "open":
            if now < self._greet_at:
                return self._greet_at
            self._send_hello(now)
        if self.state == "opening":
            return self._since + HELLO_LIMIT
        return None if self._hello is None else self._hello_at + HELLO_LIMIT

    def _is_late(self, now: float) -> bool:
        if self.state == "opening":
            return now - self._since >= HELLO_LIMIT
        return self._hello is not None and now - self._hello_at >= HELLO_LIMIT

    def greet(self, at: float) -> None:
        """Let hello be said at that time, unless one is already under way."""
        if self._hello is None and self._greet_at is None:
            self._greet_at = at

    def connect(self, now: float) -> None:
        """Open another WebSocket."""
        self._drop(now)
        self.n += 1
        self.state = "opening"
        self._tell(Connect(self.n))

    def _drop(self, now: float) -> None:
        self.state, self._since = "none", now
        self._hello = self._greet_at = None
        for laptop in self.laptops or ():
            laptop.forbidden = laptop.relay = False
        self._retry_at = now + self._pause
        self._pause = min(self._pause * 2, HELLO_LIMIT)

    def _send_hello(self, now: float) -> None:
        self._hello, self._hello_at, self._greet_at = self._fresh(), now, None
        hello = {"action": "hello", "v": wire.VERSION, "n": self._hello, "k": self._token}
        self._tell(Send(wire.to_json(hello)))

    # What happens to it.

    def opened(self, now: float) -> None:
        """Take note that the newest connection is open."""
        self.state, self._since, self._heard = "open", now, now
        self._greet_at = now
        for question in (self._silence, self._question, *(each.question for each in self.laptops or ())):
            question.at = 0.0

    def closed(self, now: float, why: str) -> None:
        """Take note that the newest connection could not be opened, or was closed."""
        if self.state == "opening":
            self.say("link", "no link to plldb's API: " + why)
            self._silence.postpone(now)
        if self.state != "none":
            self._drop(now)

    def unattended(self, now: float, *, due: bool) -> None:
        """Take note that the newest connection was refused, since nobody is attached."""
        self._drop(now)
        self._pause, self._retry_at = FIRST_PAUSE, now + GREET_AGAIN  # the API works: as after a welcome
        if not due:
            self._forget_peers()
            self._silence.postpone(now)

    def heard(self, now: float) -> None:
        """Take note that something came."""
        self._heard = now

    def was_heard_since(self, moment: float) -> bool:
        """Return whether anything has come since then."""
        return self._heard >= moment

    def shut_out(self, now: float, peer: str, status: int) -> None:
        """Take note that a POST to a laptop's connection was answered by 403 or 410."""
        laptop = next((each for each in self.laptops or () if each.peer == peer), None)
        if laptop is None:  # of a connection that was left already
            return
        if status == 410:
            laptop.gone = peer
        elif laptop.forbidden and self.greeted:
            laptop.relay = True
            self.say("relay", "a POST to the laptop is forbidden (403): plldb's API relays the frames")
        laptop.forbidden = laptop.forbidden or status == 403
        if not laptop.relay:
            self.greet(now)

    def answered(self, now: float, message: dict[str, object], due: Laptop | None) -> bool:
        """Take what the API says, and return whether it is a welcome. ``due``: who owes an answer."""
        if self._hello is None:
            return False
        if message.get("n") == self._hello:
            self._hello = None
            if message.get("t") == "welcome":
                self._welcome(now, message, due)
                return True
            self._refused = True
            self._forget_peers()
            self.say("refused", "plldb's API refuses this sandbox: " + str(message.get("why"))[:40])
        elif "message" in message and "requestId" in message:  # API Gateway's own: the route has failed
            self._hello = None
            self.say("link", "plldb's API failed (internal server error)")
            self._forget_peers()
            if due is not None:
                self._greet_at = now + GREET_AGAIN
            else:
                self._silence.postpone(now)
        return False

    def _forget_peers(self) -> None:
        for laptop in self.laptops or ():
            laptop.peer = None

    def _welcome(self, now: float, message: dict[str, object], due: Laptop | None) -> None:
        creds, lease, until = (message.get(k) for k in ("creds", "lease", "until"))
        self.me = str(message.get("me"))
        self.creds = [str(c) for c in creds] if type(creds) is list and len(creds) == 3 else []
        self._until = float(until) if isinstance(until, (int, float)) else 0.0
        self._lease = float(lease) if isinstance(lease, (int, float)) else self._lease
        self._welcomed, self._pause = now, FIRST_PAUSE
        self._silence.reset()
        self._forget_peers()
        told = message.get("laptops")
        named = [self._named(each) for each in told if type(each) is dict] if type(told) is list else []
        self.laptops = [each for each in named if each is not None]
        for laptop in self.laptops:
            self._look_for(now, laptop)
        if self.laptops:
            self._question.reset()
        else:
            self._question.postpone(now)
        if due is not None and due.peer is None:
            self._greet_at = now + GREET_AGAIN

    def _named(self, told: dict[str, object]) -> Laptop | None:
        """Return a laptop that was named, as it is known already or as a new one; None if it is a lie."""
        session, where, peer = str(told.get("session")), told.get("where"), told.get("peer")
        where = [each for each in where if type(each) is str] if type(where) is list else []
        if told.get("proof") != wire.prove(session, self._token, where):
            self.say("proof", "plldb's API names a session that has not armed this function")
            return None
        known = (each for each in self.laptops or () if (each.session, each.where) == (session, where))
        laptop = next(known, None) or Laptop(session, where)
        laptop.peer = peer if type(peer) is str and self.creds else None
        laptop.detached = told.get("detached") is True
        return laptop

    def _look_for(self, now: float, laptop: Laptop) -> None:
        if laptop.peer == laptop.gone:
            laptop.peer = None
        if laptop.peer is None or laptop.detached:
            laptop.question.postpone(now)
        else:
            laptop.question.reset()

    def rerouted(self, now: float, message: dict[str, object]) -> None:
        """Take note of a laptop's ``moved`` or ``detached``: the newest one holds."""
        at, session = message.get("at"), message.get("se")
        laptop = next((each for each in self.laptops or () if each.session == session), None)
        if laptop is None or not isinstance(at, (int, float)) or at <= laptop.rerouted_at:
            return
        laptop.rerouted_at = float(at)
        laptop.detached = message["t"] == "detached"
        if laptop.detached:
            laptop.question.postpone(now)
        elif message.get("peer") != laptop.peer:
            laptop.question.at = 0.0
            self.greet(now)

    def say(self, once: str, text: str) -> None:
        """Say a thing in the log, the first time only."""
        if once not in self._said:
            self._said.add(once)
            self._tell(Say(text))


TYPE_CHECKING = False
if TYPE_CHECKING:
    from plldb.debugger.agent.actions import Fresh, Tell
