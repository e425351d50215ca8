"""One invocation of a sandbox, and what of its answer goes on to Lambda. Pure."""

from __future__ import annotations

from plldb.debugger.agent.link import LATER_LINK

_ANSWER_HEADERS = (
    "content-type",
    "lambda-runtime-function-error-type",
    "lambda-runtime-function-xray-error-cause",
)


class Run:
    """One invocation, from its arrival to its answer."""

    def __init__(self, now: float, rid: str, no: str, number: int, deadline: float, body: bytes) -> None:
        self.id = rid
        self.no = no
        self.number = number
        self.body = body
        self.laptop: Laptop | None = None  # whose it is: nobody else may run it, once a frame was posted
        self.offered: list[Laptop] = []  # of whom it was chosen
        self.deadline = deadline
        self.z = 0
        self.pieces: list[str] = []
        self.todo: list[int] = []
        self.posted: set[int] = set()
        self.sent = False  # whether a frame may have been delivered
        self.given_up = False  # nothing may have been delivered, and the deployed code is to have it
        self.limit = now + LATER_LINK  # until when the first frame may be tried
        self.questions = 0
        self.retry_at = now
        self.pause = 0.05
        self.accepted = False
        self.heard = now  # of the laptop
        self.asked = now
        self.greeted = now
        self.catch_up = False  # the laptop may have missed something: another connection, on either side
        self.answer: wire.Pieces | None = None


def allowed_headers(headers: object) -> list[tuple[str, str]]:
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
    from plldb.debugger import wire
    from plldb.debugger.agent.laptop import Laptop
