"""The agent's link to a laptop: the WebSocket, who is at the other end, when to ask again. Pure.

A link is ready when its WebSocket is open, ``hello`` was answered, and a laptop was named.
"""

from __future__ import annotations

from plldb.debugger import wire
from plldb.debugger.agent.actions import Connect, Say, Send

FIRST_LINK = 5.0
"""Seconds that the first link may take: it is made in the init phase, where nobody waits for an answer."""

LATER_LINK = 0.3
"""Seconds that an invocation waits for a link before the deployed code gets it."""

STALE_AFTER = 60.0
"""A link that was silent for so many seconds (a frozen sandbox) is proved before it is used."""

ASK_FIRST = 10.0
"""While nobody is attached, seconds until the next question."""

ASK_AT_MOST = 60.0
"""Up to which they grow."""

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
        self._ask_at = 0.0
        self._ask_gap = ASK_FIRST
        self._heard = 0.0
        self._hello: str | None = None  # the nonce whose answer is awaited
        self._hello_at = 0.0
        self._greet_at: float | None = None  # when hello is due
        self.me = ""
        self.peer: str | None = None
        self.session = ""  # the laptop's, whatever connection it has
        self._gone: str | None = None  # a laptop's connection that is no more
        self.where: list[str] | None = None  # the laptop's conditions; they stay while the token does
        self.creds: list[str] = []
        self._until = 0.0
        self._welcomed = 0.0
        self._detached = False
        self._rerouted_at = 0.0  # "at" of the newest moved or detached
        self._forbidden = False
        self.relay = False

    @property
    def ready(self) -> bool:
        """Whether a frame can be posted now."""
        return self._greeted and self.peer is not None

    @property
    def _greeted(self) -> bool:
        return self.state == "open" and self._hello is None and self._greet_at is None

    # Before an invocation is forwarded.

    def reach(self, now: float) -> bool | None:
        """Return whether a laptop can be reached, None while that is being found out."""
        if self._refused or now >= self._lease:
            return False
        if self.ready and not self._detached and not self._must_prove(now):
            return True
        if now < self._ask_at:
            return False
        if self._is_stuck(now):
            self.connect(now)
        elif self._hello is None and self.state == "open":
            self._send_hello(now)
        return None

    def is_old(self, since: float) -> bool:
        """Return whether the connection was already open at that time."""
        return self.state == "open" and self._since < since

    def postpone(self, now: float) -> None:
        """Ask no more for a while, and for longer each time."""
        self._ask_at = now + self._ask_gap
        self._ask_gap = min(self._ask_gap * 1.5, ASK_AT_MOST)

    def unanswered(self, now: float) -> None:
        """Take note that nobody knows in time whether a laptop is there."""
        self.say("link", "plldb's API did not answer in time; the deployed code runs")
        self.postpone(now)

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
        self._forbidden = self.relay = False
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
        self._greet_at, self._ask_at = now, 0.0

    def closed(self, now: float, why: str) -> None:
        """Take note that the newest connection could not be opened, or was closed."""
        if self.state == "opening":
            self.say("link", "no link to plldb's API: " + why)
            self.postpone(now)
        if self.state != "none":
            self._drop(now)

    def unattended(self, now: float, *, due: bool) -> None:
        """Take note that the newest connection was refused, since nobody is attached."""
        self._drop(now)
        self._pause, self._retry_at = FIRST_PAUSE, now + GREET_AGAIN  # the API works: as after a welcome
        if not due:
            self.peer = None
            self.postpone(now)

    def heard(self, now: float) -> None:
        """Take note that something came."""
        self._heard = now

    def shut_out(self, now: float, status: int) -> None:
        """Take note that a POST to the laptop was answered by 403 or 410."""
        if status == 410:
            self._gone = self.peer
        elif self._forbidden and self._greeted:
            self.relay = True
            self.say("relay", "a POST to the laptop is forbidden (403): plldb's API relays the frames")
        self._forbidden = self._forbidden or status == 403
        if not self.relay:
            self.greet(now)

    def answered(self, now: float, message: dict[str, object], due: bool) -> bool:
        """Take what the API says, and return whether it is a welcome. ``due``: a laptop owes an answer."""
        if self._hello is None:
            return False
        if message.get("n") == self._hello:
            self._hello = None
            if message.get("t") == "welcome":
                self._welcome(now, message, due)
                return True
            self._refused, self.peer = True, None
            self.say("refused", "plldb's API refuses this sandbox: " + str(message.get("why"))[:40])
        elif "message" in message and "requestId" in message:  # API Gateway's own: the route has failed
            self._hello, self.peer = None, None
            self.say("link", "plldb's API failed (internal server error)")
            self._nobody(now, due)
        return False

    def _welcome(self, now: float, message: dict[str, object], due: bool) -> None:
        peer, creds, lease, until = (message.get(k) for k in ("peer", "creds", "lease", "until"))
        self.me = str(message.get("me"))
        self.creds = [str(c) for c in creds] if type(creds) is list and len(creds) == 3 else []
        self.peer = peer if type(peer) is str and self.creds else None
        self.session = str(message.get("session"))
        where = message.get("where")
        where = [each for each in where if type(each) is str] if type(where) is list else []
        if message.get("proof") == wire.prove(self.session, self._token, where):
            self.where = where
        elif self.peer is not None:
            self.peer = None
            self.say("proof", "plldb's API names a session that has not armed this function")
        self._until = float(until) if isinstance(until, (int, float)) else 0.0
        self._lease = float(lease) if isinstance(lease, (int, float)) else self._lease
        self._welcomed, self._pause = now, FIRST_PAUSE
        self._detached = message.get("detached") is True
        if self.peer is None or self.peer == self._gone:
            self._nobody(now, due)
        elif self._detached:
            self.postpone(now)
        else:
            self._ask_at, self._ask_gap = 0.0, ASK_FIRST

    def _nobody(self, now: float, due: bool) -> None:
        if due:
            self._greet_at = now + GREET_AGAIN
        else:
            self.peer = None
            self.postpone(now)

    def rerouted(self, now: float, message: dict[str, object]) -> None:
        """Take note of the laptop's ``moved`` or ``detached``: the newest one holds."""
        at = message.get("at")
        if not isinstance(at, (int, float)) or at <= self._rerouted_at:
            return
        self._rerouted_at = float(at)
        self._detached = message["t"] == "detached"
        if self._detached:
            self.postpone(now)
        elif message.get("peer") != self.peer:
            self._ask_at = 0.0
            self.greet(now)

    def say(self, once: str, text: str) -> None:
        """Say a thing in the log, the first time only."""
        if once not in self._said:
            self._said.add(once)
            self._tell(Say(text))


TYPE_CHECKING = False
if TYPE_CHECKING:
    from plldb.debugger.agent.actions import Fresh, Tell
