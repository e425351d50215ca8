"""What sandbox, laptop and the handlers of the WebSocket API tell each other, as values. Pure.

``docs/protocol.md`` describes the messages. What comes from outside is read into a value or refused with
`WireError`; a type that this version does not know is None, so that a later version may add some.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, TypedDict, TypeVar, assert_never

from plldb.debugger import wire
from plldb.debugger.wire import WireError

T = TypeVar("T")

ENVIRONMENT = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "_X_AMZN_TRACE_ID",
    }
)
"""The only variables that a message contributes to what runs on this machine."""

ANSWER_HEADERS = frozenset(
    {
        "content-type",
        "lambda-runtime-function-error-type",
        "lambda-runtime-function-xray-error-cause",
    }
)
"""The only headers that an answer carries to the Runtime API."""

LONGEST_HEADER = 2**20
"""Longest header of an answer, in characters; the Runtime API refuses a longer description of an error."""

_HEX = r"[0-9a-f]{1,64}"
_NAME = r"[A-Za-z0-9_:./$-]{1,256}"
_CONNECTION = r"[A-Za-z0-9_=-]{1,128}"  # goes into the path of a request: nothing that has a meaning there
_HEADER = re.compile(r"lambda-runtime-[a-z0-9-]{1,100}")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One agent process in one of Lambda's sandboxes.

    ``key`` is the key id of the function's token, so that no function can speak for another one's sandbox;
    ``id`` is what the agent calls itself.
    """

    key: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which delivery of which invocation. A retry by Lambda has the same request id and another nonce."""

    sandbox: Sandbox
    request_id: str
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What Lambda gave to a sandbox, to be run here.

    ``delivered`` is when, and ``deadline`` until when the function as deployed would have time, both in
    seconds of the epoch by the sandbox's clock. ``log_stream`` is the same for every process that Lambda
    starts in one sandbox.
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    environment: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    delivered: float
    deadline: float

    @property
    def log_stream(self) -> str:
        """The log stream of the sandbox, empty if it was not told."""
        return dict(self.environment).get("AWS_LAMBDA_LOG_STREAM_NAME", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back to Lambda: a result, or an error that the function's caller sees as one."""

    kind: Literal["response", "error"]
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(repr=False)


# --- from a sandbox ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FromSandbox:
    """What every frame of a sandbox says.

    Attributes:
        identity: which invocation it is about.
        sequence: the number of that invocation in its sandbox, counted from 1.
        session: the attached session that the sandbox means, as the handlers told it.
        connection: where the sandbox can be reached.
        function: name of the function.
        at: when it was sent, in seconds of the epoch by the sandbox's clock.
        relayed: whether it came through ``$default``, since the direct way was refused.
    """

    identity: Identity
    sequence: int
    session: str
    connection: str
    function: str
    at: float
    relayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationPiece(FromSandbox):
    """A piece of an invocation: ``wire.Pieces`` says what the fields mean."""

    i: int
    of: int
    z: int
    d: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(FromSandbox):
    """The sandbox waits and has heard nothing for a while; it has these pieces of the answer."""

    have: tuple[int, ...]


FromAgent = InvocationPiece | Resume


def read_frame(frame: str, tokens: dict[str, str]) -> FromAgent | None:
    """Return what a sandbox sent, None if this version does not know its type.

    Raises:
        WireError: it is not signed by one of the tokens, or does not hold what its type says.
    """
    key, told = wire.verify(frame, tokens)
    match told.get("t"):
        case "invocation":
            return InvocationPiece(
                **_common(key, told),
                i=_get(told, "i", int),
                of=_get(told, "of", int),
                z=_get(told, "z", int),
                d=_get(told, "d", str),
            )
        case "resume":
            return Resume(**_common(key, told), have=tuple(map(_number_of_piece, _get(told, "have", list))))
        case _:
            return None


class _Common(TypedDict):
    identity: Identity
    sequence: int
    session: str
    connection: str
    function: str
    at: float
    relayed: bool


def _common(key: str, told: dict[str, object]) -> _Common:
    return {
        "identity": Identity(
            sandbox=Sandbox(key, _match(told, "sb", _HEX)),
            request_id=_match(told, "id", _NAME),
            nonce=_match(told, "no", _HEX),
        ),
        "sequence": _get(told, "seq", int),
        "session": _match(told, "se", _HEX),
        "connection": _match(told, "from", _CONNECTION),
        "function": _match(told, "fn", _NAME),
        "at": _time(told, "at"),
        "relayed": told.get("via") == "relay",
    }


def read_invocation(identity: Identity, pieces: wire.Pieces) -> Invocation:
    """Return the invocation that these pieces hold; of its variables and headers only what is allowed.

    Raises:
        WireError: they hold none, or that of another request.
    """
    meta, body = pieces.join()
    headers = tuple(pair for pair in _pairs(meta, "headers") if _HEADER.fullmatch(pair[0]))
    if dict(headers).get("lambda-runtime-aws-request-id") != identity.request_id:
        raise WireError("headers of another request")
    variables: dict[str, object] = _get(meta, "env", dict)
    return Invocation(
        headers=headers,
        environment=tuple(
            (name, value)
            for name, value in sorted(variables.items())
            if name in ENVIRONMENT and isinstance(value, str) and "\0" not in value
        ),
        body=body,
        delivered=_time(meta, "delivered"),
        deadline=_time(meta, "deadline"),
    )


# --- to a sandbox --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """All pieces are here."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The invocation is in hand here."""

    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPiece:
    """A piece of the answer: ``wire.Pieces`` says what the fields mean."""

    identity: Identity
    i: int
    of: int
    z: int
    d: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """This session does not know the invocation, and will not run it."""

    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """This machine's new connection."""

    connection: str


@dataclass(frozen=True, slots=True)
class Detached:
    """No more invocations here; what is under way will still be answered."""


ToAgent = Accepted | Heartbeat | AnswerPiece | Unknown | Moved | Detached


def write_frame(message: ToAgent, sandbox: Sandbox, token: str, *, at: float) -> str:
    """Return a message to a sandbox as a signed frame. ``at`` is the time, in seconds of the epoch."""
    return wire.sign({"t": _type(message), "sb": sandbox.id, "at": at} | _fields(message), token)


def _type(message: ToAgent) -> str:
    return "answer" if isinstance(message, AnswerPiece) else type(message).__name__.lower()


def _fields(message: ToAgent) -> dict[str, object]:
    match message:
        case Accepted(identity) | Heartbeat(identity) | Unknown(identity):
            return _which(identity)
        case AnswerPiece(identity=identity, i=i, of=of, z=z, d=d):
            return _which(identity) | {"i": i, "of": of, "z": z, "d": d}
        case Moved(connection=connection):
            return {"peer": connection}
        case Detached():
            return {}
        case _:
            assert_never(message)


def _which(identity: Identity) -> dict[str, object]:
    return {"id": identity.request_id, "no": identity.nonce}


def split_answer(answer: Answer) -> tuple[int, list[str]]:
    """Return an answer as pieces, as `wire.split` does; of its headers only what is allowed.

    Raises:
        WireError: it is too long to travel.
    """
    headers = [
        [name.lower(), value]
        for name, value in answer.headers
        if name.lower() in ANSWER_HEADERS and len(value) <= LONGEST_HEADER
    ]
    return wire.split({"kind": answer.kind, "headers": headers}, answer.body)


# --- between this machine and the handlers -------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The handlers know this connection. ``now`` is their clock, in seconds of the epoch."""

    connection: str
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The handlers do not want this connection: ``why`` is ``protocol``, ``token`` or ``lease``."""

    why: str
    version: int


def write_hello(nonce: str) -> str:
    """Return what this machine says first on a connection."""
    return wire.to_json({"action": "hello", "v": wire.VERSION, "n": nonce})


def read_reply(text: str, nonce: str) -> Welcome | Refused | None:
    """Return the answer to the hello with this nonce, None for anything else.

    Raises:
        WireError: it is an answer to this hello without what belongs into it.
    """
    if not text.startswith("{"):
        return None
    try:
        told = wire.from_json(text)
    except WireError:
        return None
    if told.get("n") != nonce:
        return None
    match told.get("t"):
        case "welcome":
            return Welcome(connection=_match(told, "me", _CONNECTION), now=_time(told, "now"))
        case "refused":
            return Refused(why=_match(told, "why", r"[a-z-]{1,40}"), version=_get(told, "v", int))
        case _:
            return None


# --- reading what somebody else wrote ------------------------------------------------------------------


def _get(told: dict[str, object], name: str, kind: type[T]) -> T:
    value = told.get(name)
    if type(value) is not kind:  # True is no number here
        raise WireError(f"{name} is not {kind.__name__}")
    return value


def _match(told: dict[str, object], name: str, pattern: str) -> str:
    value = _get(told, name, str)
    if not re.fullmatch(pattern, value):
        raise WireError(f"{name} is malformed")
    return value


def _time(told: dict[str, object], name: str) -> float:
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise WireError(f"{name} is not a time")
    return float(value)


def _number_of_piece(value: object) -> int:
    if type(value) is not int or not 0 <= value < wire.PIECES_LIMIT:
        raise WireError("no such piece")
    return value


def _pairs(told: dict[str, object], name: str) -> tuple[tuple[str, str], ...]:
    return tuple(map(_pair, _get(told, name, list)))


def _pair(value: object) -> tuple[str, str]:
    match value:
        case [str(name), str(text)] if not re.search(r"[\0\r\n]", text):
            return name.lower(), text
        case _:
            raise WireError("malformed header")
