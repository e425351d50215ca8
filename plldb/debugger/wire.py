"""Frames and bodies as they travel between a sandbox and a laptop. Pure.

Both ends use this file: it is packed into the agent's layer as well, beside the agent. Hence Python 3.9,
the standard library only, and nothing that is slow to import: the agent's start is part of a cold start.

A frame is one line of ASCII text::

    plldb4 <kid> <mac> <json>

``kid`` says by which token it is signed, ``mac`` is HMAC-SHA256 of the JSON with that token as the key. A
body is too long for one frame: it is compressed, written in base64 and cut into pieces, each in a frame of
its own.

All that can be wrong with what somebody else sent is a `WireError`.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import zlib

VERSION = 4
"""Version of this protocol, told in ``hello``. The ``4`` in a frame's first word is the same one."""

FRAME_LIMIT = 30_000
"""Longest frame, in bytes as sent. API Gateway's limit is 32 KB; a relayed frame is quoted once more."""

PIECE = 28_000
"""Characters of base64 in each piece but the last. Fixed, so that a piece that is sent again is the same."""

BODY_LIMIT = 8 * 2**20
"""Longest body with its meta, in bytes before compression. AWS Lambda's own limit is 6 MB both ways."""

COMPRESS_OVER = 4_000
"""Shorter bodies travel as they are, in bytes: they fit one frame."""

SAMPLE = 64_000
"""Bytes of a body by which is judged how to compress it."""

PIECES_LIMIT = (BODY_LIMIT * 4 // 3 + 4) // PIECE + 1
"""Most pieces of one body."""

_MARK = f"plldb{VERSION}"


class WireError(ValueError):
    """What somebody sent is not what the protocol allows; the text says why, and repeats nothing of it."""


def key_id(token: str) -> str:
    """Return which token signs a frame, without telling the token."""
    return hashlib.sha256(("kid:" + token).encode()).hexdigest()[:16]


def session_name(session_id: str) -> str:
    """Return what sandboxes are told instead of a session's key, which names a person."""
    return hashlib.sha256(session_id.encode()).hexdigest()[:32]


def prove(session: str, token: str, where: list[str] | tuple[str, ...] = ()) -> str:
    """Return what shows a sandbox that the session of this name has armed its function, on these conditions.

    Both come from a table, in which others may write; the token they do not know.
    """
    return _mac("session " + session + (" where " + to_json(where) if where else ""), token)


def to_json(value: object) -> str:
    """Return compact JSON in ASCII."""
    return "".join(_encode(value, 0))


def from_json(text: str | bytes) -> dict[str, object]:
    """Return the object that a JSON text holds.

    Raises:
        WireError: it is not JSON, not an object, or nested too deeply.
    """
    try:
        text = (text.decode() if isinstance(text, bytes) else text).strip(" \t\n\r")
        value, end = _decode(text, 0)
        if end != len(text):
            raise ValueError("more than one value")
    except (ValueError, RecursionError, StopIteration):
        raise WireError("not JSON") from None
    if type(value) is not dict:
        raise WireError("not an object")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(name)  # NaN and the infinities are not JSON, and compare as nobody expects


def _refuse_value(value: object) -> object:
    raise TypeError(type(value).__name__)


class _Reading:
    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, _refuse_constant


# What `json` itself is made of. To import that, with `re` and `enum`, takes 9 ms of a cold start.
try:
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    _decode = make_scanner(_Reading)  # type: ignore[arg-type]
    _encode = make_encoder(None, _refuse_value, encode_basestring_ascii, None, ":", ",", False, False, False)
    if _decode("".join(_encode(["a", 1], 0)), 0) != (["a", 1], 7):
        raise TypeError
except (ImportError, AttributeError, TypeError):  # a Python that is made in another way
    import json

    _decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode  # type: ignore[assignment]

    def _encode(value: object, level: int) -> tuple[str]:  # type: ignore[misc] # noqa: ARG001
        return (json.dumps(value, separators=(",", ":"), allow_nan=False),)


def sign(message: dict[str, object], token: str) -> str:
    """Return a message as a frame.

    Raises:
        WireError: the frame would be longer than `FRAME_LIMIT`.
    """
    text = to_json(message)
    frame = " ".join((_MARK, key_id(token), _mac(text, token), text))
    if len(frame) > FRAME_LIMIT:
        raise WireError("frame too long")
    return frame


def verify(frame: str, tokens: dict[str, str]) -> tuple[str, dict[str, object]]:
    """Return a frame's key id and its message.

    Args:
        frame: what was received.
        tokens: the tokens that are accepted, by their key ids.

    Raises:
        WireError: the frame is not signed by one of these tokens, or is not a frame.
    """
    if len(frame) > FRAME_LIMIT:
        raise WireError("frame too long")
    words = frame.split(" ", 3)
    if len(words) != 4 or words[0] != _MARK or not frame.isascii():
        raise WireError("not a frame")
    _, kid, mac, text = words
    token = tokens.get(kid)
    if token is None:
        raise WireError("unknown key")
    if not hmac.compare_digest(mac, _mac(text, token)):
        raise WireError("wrong signature")
    return kid, from_json(text)


def _mac(text: str, token: str) -> str:
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()


def split(meta: dict[str, object], body: bytes) -> tuple[int, list[str]]:
    """Return a body and what is said about it as pieces, and 1 if they are compressed, else 0.

    Raises:
        WireError: both are longer than `BODY_LIMIT`.
    """
    data = to_json(meta).encode() + b"\n" + body
    if len(data) > BODY_LIMIT:
        raise WireError("body too long")
    packed = _deflate(data) if len(data) > COMPRESS_OVER else data
    smaller = len(packed) < len(data)
    text = binascii.b2a_base64(packed if smaller else data, newline=False).decode()
    return int(smaller), [text[start : start + PIECE] for start in range(0, len(text), PIECE)]


class Pieces:
    """The pieces of one body, as they arrive: in any order, any of them more than once."""

    def __init__(self, of: object, z: object) -> None:
        if type(of) is not int or not 1 <= of <= PIECES_LIMIT or z not in (0, 1):
            raise WireError("no such number of pieces")
        self.of = of
        self.z = z
        self.size = 0
        self._texts: dict[int, str] = {}

    def add(self, i: object, of: object, z: object, d: object) -> bool:
        """Take one piece, and return whether it was new.

        Raises:
            WireError: it does not belong to the pieces before.
        """
        if of != self.of or z != self.z:
            raise WireError("piece of another body")
        if type(i) is not int or not 0 <= i < self.of or type(d) is not str or len(d) > PIECE:
            raise WireError("no such piece")
        if i in self._texts:
            return False
        self._texts[i] = d
        self.size += len(d)
        return True

    @property
    def complete(self) -> bool:
        """Whether all are here."""
        return len(self._texts) == self.of

    @property
    def have(self) -> list[int]:
        """The numbers of those that are here."""
        return sorted(self._texts)

    def join(self) -> tuple[dict[str, object], bytes]:
        """Return the meta and the body.

        Raises:
            WireError: the pieces do not hold them, or hold more than `BODY_LIMIT`.
        """
        try:
            data = binascii.a2b_base64("".join(self._texts[i] for i in range(self.of)))
        except (KeyError, ValueError):
            raise WireError("body incomplete") from None
        meta, newline, body = (_inflate(data) if self.z else data).partition(b"\n")
        if not newline:
            raise WireError("body without meta")
        return from_json(meta), body


def _deflate(data: bytes) -> bytes:
    """Return the data compressed, by letters alone where nothing repeats.

    So it is with base64, and four times as quick: 37 ms for 5.9 MB instead of 161.
    """
    sample = data[:SAMPLE]
    repeats = len(zlib.compress(sample, 1)) < len(_deflate_letters(sample))
    return zlib.compress(data, 1) if repeats else _deflate_letters(data)


def _deflate_letters(data: bytes) -> bytes:
    by_letters = zlib.compressobj(1, strategy=zlib.Z_HUFFMAN_ONLY)
    return by_letters.compress(data) + by_letters.flush()


def _inflate(data: bytes) -> bytes:
    inflate = zlib.decompressobj()
    try:
        # Never more than the limit, whatever a small body claims to hold.
        whole = inflate.decompress(data, BODY_LIMIT + 1)
    except zlib.error:
        raise WireError("body not compressed as said") from None
    if len(whole) > BODY_LIMIT or not inflate.eof:
        raise WireError("body too long or cut off")
    return whole
