"""What sandbox and laptop send each other, as values. Pure.

``docs/protocol.md`` describes the messages. What comes from outside is read into a value or refused with
`WireError`; a type that this version does not know is None, so that a later version may add some.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypedDict, assert_never

from plldb.debugger import wire
from plldb.debugger.protocol.invocations import (
    ANSWER_HEADERS,
    ENVIRONMENT,
    LONGEST_HEADER,
    Answer,
    Identity,
    Invocation,
    Sandbox,
)
from plldb.debugger.protocol.reading import (
    CONNECTION,
    HEX,
    NAME,
    get,
    get_pairs,
    get_time,
    match_text,
    number_of_piece,
)
from plldb.debugger.wire import WireError

_HEADER = re.compile(r"lambda-runtime-[a-z0-9-]{1,100}")


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
                i=get(told, "i", int),
                of=get(told, "of", int),
                z=get(told, "z", int),
                d=get(told, "d", str),
            )
        case "resume":
            return Resume(**_common(key, told), have=tuple(map(number_of_piece, get(told, "have", list))))
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
            sandbox=Sandbox(key, match_text(told, "sb", HEX)),
            request_id=match_text(told, "id", NAME),
            nonce=match_text(told, "no", HEX),
        ),
        "sequence": get(told, "seq", int),
        "session": match_text(told, "se", HEX),
        "connection": match_text(told, "from", CONNECTION),
        "function": match_text(told, "fn", NAME),
        "at": get_time(told, "at"),
        "relayed": told.get("via") == "relay",
    }


def read_invocation(identity: Identity, pieces: wire.Pieces) -> Invocation:
    """Return the invocation that these pieces hold; of its variables and headers only what is allowed.

    Raises:
        WireError: they hold none, or that of another request.
    """
    meta, body = pieces.join()
    headers = tuple(pair for pair in get_pairs(meta, "headers") if _HEADER.fullmatch(pair[0]))
    if dict(headers).get("lambda-runtime-aws-request-id") != identity.request_id:
        raise WireError("headers of another request")
    variables: dict[str, object] = get(meta, "env", dict)
    return Invocation(
        headers=headers,
        environment=tuple(
            (name, value)
            for name, value in sorted(variables.items())
            if name in ENVIRONMENT and isinstance(value, str) and "\0" not in value
        ),
        body=body,
        delivered=get_time(meta, "delivered"),
        deadline=get_time(meta, "deadline"),
    )


# --- to a sandbox --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """All pieces have arrived."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The invocation is still being worked on here."""

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

    session: str
    connection: str


@dataclass(frozen=True, slots=True)
class Detached:
    """No more invocations here; what is under way will still be answered."""

    session: str


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
        case Moved(session=session, connection=connection):
            return {"se": session, "peer": connection}
        case Detached(session):
            return {"se": session}
        case _:
            assert_never(message)


def _which(identity: Identity) -> dict[str, object]:
    return {"id": identity.request_id, "no": identity.nonce}


def split_answer(answer: Answer) -> tuple[int, list[str]]:
    """Return an answer as pieces, as `wire.split` does; of its headers only what is allowed.

    Raises:
        WireError: it is too long to be sent.
    """
    headers = [
        [name.lower(), value]
        for name, value in answer.headers
        if name.lower() in ANSWER_HEADERS and len(value) <= LONGEST_HEADER
    ]
    return wire.split({"kind": answer.kind, "headers": headers}, answer.body)
