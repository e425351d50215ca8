"""What the core tells its caller to do, as values. Pure."""

from __future__ import annotations

ASK_FIRST = 10.0
"""Seconds from an answer that no laptop is there until the next question."""

PARALLEL = 8
"""Frames that are on their way at a time."""

NOT_SENT = 0
"""Status of a POST of which not a byte was written: no connection could be made."""

PERHAPS_SENT = -1
"""Status of a POST that got no answer."""


class Connect:
    """Drop the WebSocket, if there is one, and open another; report it as connection ``n``."""

    def __init__(self, n: int) -> None:
        self.n = n


class Send:
    """Send a text through the WebSocket."""

    def __init__(self, text: str) -> None:
        self.text = text


class Post:
    """POST a frame to a connection of the API; report its status under ``key``."""

    def __init__(self, key: int, peer: str, creds: list[str], frame: str) -> None:
        self.key = key
        self.peer = peer
        self.creds = creds
        self.frame = frame


class Ready:
    """The first question is answered: whether a laptop takes all invocations. Once, after `Core.start`."""

    def __init__(self, takes_all: bool) -> None:
        self.takes_all = takes_all


class Deployed:
    """The deployed code handles this invocation."""


class Answer:
    """The invocation's answer. ``kind`` is ``response`` or ``error``, as in the Runtime API's path."""

    def __init__(self, kind: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.kind = kind
        self.headers = headers
        self.body = body


class Say:
    """One line for the function's log."""

    def __init__(self, text: str) -> None:
        self.text = text


TYPE_CHECKING = False  # as in typing, whose import would cost 5 ms of a cold start
if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Connect | Send | Post | Ready | Deployed | Answer | Say
    Tell = Callable[[Action], None]
    Fresh = Callable[[], str]
