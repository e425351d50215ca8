"""Frames and bodies: what goes in comes out, and whatever else comes in is refused."""

from __future__ import annotations

import random
import subprocess
import sys
import zlib
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plldb.debugger import wire

pytestmark = pytest.mark.once

TOKEN = "5f" * 32
TOKENS = {wire.key_id(TOKEN): TOKEN}

texts = st.text(st.characters(exclude_categories=[]))  # lone surrogates included: Python's JSON keeps them
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
messages = st.dictionaries(texts, values, max_size=6)
# Bytes that cannot be compressed are what makes many pieces; Hypothesis itself draws short ones.
bodies = st.binary(max_size=200) | st.builds(
    lambda seed, size, ratio: random.Random(seed).randbytes(size) + b"a" * (size // ratio),
    st.integers(0, 99),
    st.integers(0, 200_000),
    st.sampled_from([1, 2, 1000]),
)


def signed(text: str) -> str:
    return f"plldb4 {wire.key_id(TOKEN)} {wire._mac(text, TOKEN)} {text}"


def pieces_of(z: int, texts: list[str]) -> list[tuple[int, str]]:
    return list(enumerate(texts))


class TestFrames:
    @given(messages)
    def test_a_message_comes_back_as_it_was(self, message: dict[str, object]) -> None:
        assert wire.verify(wire.sign(message, TOKEN), TOKENS) == (wire.key_id(TOKEN), message)

    @given(st.text(st.characters(exclude_categories=[]), max_size=9000))
    def test_a_frame_fits_or_is_refused(self, text: str) -> None:
        try:
            frame = wire.sign({"d": text}, TOKEN)
        except wire.WireError:
            return
        assert len(frame.encode("ascii")) <= 30_000

    def test_the_layout_is_the_protocols(self) -> None:
        kid = "75d07310b2f1bb35"  # printf kid:$TOKEN | sha256sum
        mac = (
            "ed6d3e7255617d9bc6e4c5172d35eb71ab6289ec7b82796408f9036072572466"  # | openssl dgst -hmac $TOKEN
        )
        assert wire.sign({"t": "heartbeat"}, TOKEN) == f'plldb4 {kid} {mac} {{"t":"heartbeat"}}'

    def test_one_of_several_tokens_is_found(self) -> None:
        others = {wire.key_id(token): token for token in ("a" * 64, "b" * 64)}
        assert wire.verify(wire.sign({}, TOKEN), others | TOKENS) == (wire.key_id(TOKEN), {})

    @pytest.mark.parametrize(
        ("frame", "why"),
        [
            ("", "not a frame"),
            ("plldb4", "not a frame"),
            (signed("{}").replace("plldb4", "plldb1"), "not a frame"),
            (signed('{"a":"ä"}'), "not a frame"),
            ('{"t":"heartbeat"}', "not a frame"),
            (wire.sign({}, "another"), "unknown key"),
            (signed("{}")[:-1] + "x", "wrong signature"),
            (signed("{}").replace(" {", "  {"), "wrong signature"),
            (signed("{}")[:-1], "wrong signature"),
            (signed("{"), "not JSON"),
            (signed(""), "not JSON"),
            (signed("NaN"), "not JSON"),
            (signed('{"at":Infinity}'), "not JSON"),
            (signed("[" * 20_000), "not JSON"),
            (signed("1" * 20_000), "not JSON"),
            (signed("{}{}"), "not JSON"),
            (signed("[]"), "not an object"),
            (signed("null"), "not an object"),
            (signed('"' + "x" * 30_000 + '"'), "frame too long"),
        ],
        ids=lambda value: value[-30:],
    )
    def test_anything_else_is_refused(self, frame: str, why: str) -> None:
        with pytest.raises(wire.WireError, match=why):
            wire.verify(frame, TOKENS)

    def test_deep_nesting_is_read_or_refused_and_never_another_exception(self) -> None:
        # Pythons differ in how deep they go: 3.11 stops at 1,000, later ones at what their C stack takes.
        with suppress(wire.WireError):
            assert wire.verify(signed('{"a":' * 4_000 + "1" + "}" * 4_000), TOKENS)[1].keys() == {"a"}

    @given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
    def test_noise_is_refused(self, noise: str) -> None:
        for text in (noise, f"plldb4 {noise}", f"plldb4 {wire.key_id(TOKEN)} {noise}"):
            with pytest.raises(wire.WireError):
                wire.verify(text, TOKENS)


class TestBodies:
    @settings(deadline=None)
    @given(st.dictionaries(texts, values, max_size=3), bodies, st.randoms(use_true_random=False))
    def test_any_order_and_any_repetition_give_the_same_body(
        self, meta: dict[str, object], body: bytes, chance: random.Random
    ) -> None:
        z, cut = wire.split(meta, body)
        arriving = pieces_of(z, cut) + chance.choices(pieces_of(z, cut), k=3)
        chance.shuffle(arriving)
        pieces = wire.Pieces(len(cut), z)
        new = [pieces.add(i, len(cut), z, d) for i, d in arriving]
        assert new.count(True) == len(cut)
        assert pieces.complete
        assert pieces.join() == (meta, body)

    @settings(deadline=None)
    @given(bodies, st.integers(0, 10))
    def test_the_piece_that_is_missing_is_known(self, body: bytes, left_out: int) -> None:
        z, cut = wire.split({}, body)
        left_out %= len(cut)
        pieces = wire.Pieces(len(cut), z)
        for i, d in pieces_of(z, cut):
            if i != left_out:
                pieces.add(i, len(cut), z, d)
        assert set(range(len(cut))) - set(pieces.have) == {left_out}
        assert not pieces.complete
        with pytest.raises(wire.WireError):
            pieces.join()

    @settings(deadline=None, max_examples=30)
    @given(bodies)
    def test_each_piece_fits_a_frame_with_the_longest_names(self, body: bytes) -> None:
        z, cut = wire.split({}, body)
        for i, d in pieces_of(z, cut):
            longest = {
                "t": "invocation",
                "sb": "f" * 32,
                "id": "f" * 128,
                "no": "f" * 16,
                "at": 1795581327.123456,
            }
            longest |= {"from": "f" * 128, "fn": "f" * 170, "i": i, "of": len(cut), "z": z, "d": d}
            wire.sign(longest, TOKEN)

    def test_what_cannot_be_made_smaller_travels_as_it_is(self) -> None:
        assert wire.split({}, random.Random(1).randbytes(5000))[0] == 0
        assert wire.split({}, b"a" * 3000)[0] == 0
        assert wire.split({}, b"a" * 5000)[0] == 1

    @pytest.mark.parametrize("byte", [b"a", None], ids=["compressed", "not compressed"])
    def test_the_longest_body_travels_and_a_longer_one_does_not(self, byte: bytes | None) -> None:
        size = wire.BODY_LIMIT - len(b"{}\n")
        body = byte * size if byte else random.Random(1).randbytes(size)
        z, cut = wire.split({}, body)
        pieces = wire.Pieces(len(cut), z)
        for i, d in pieces_of(z, cut):
            pieces.add(i, len(cut), z, d)
        assert pieces.join() == ({}, body)
        with pytest.raises(wire.WireError, match="too long"):
            wire.split({}, body + b"a")

    @pytest.mark.parametrize("of", [0, -1, wire.PIECES_LIMIT + 1, 10**9, 1.0, True, None, "1"])
    def test_an_impossible_number_of_pieces_is_refused(self, of: object) -> None:
        with pytest.raises(wire.WireError):
            wire.Pieces(of, 0)

    @pytest.mark.parametrize(
        "piece",
        [
            (2, 2, 0, "YQ=="),
            (-1, 2, 0, "YQ=="),
            (True, 2, 0, "YQ=="),
            (0, 3, 0, "YQ=="),
            (0, 2, 1, "YQ=="),
            (0, 2, 0, "a" * 28_001),
            (0, 2, 0, None),
            (None, 2, 0, "YQ=="),
        ],
    )
    def test_a_piece_that_does_not_fit_is_refused(self, piece: tuple[object, object, object, object]) -> None:
        with pytest.raises(wire.WireError):
            wire.Pieces(2, 0).add(*piece)

    @pytest.mark.parametrize(
        ("z", "text"),
        [
            (0, "no base64: \u00e4"),
            (0, "YQ"),
            (0, b64encode(b"{}").decode()),
            (0, b64encode(b"[]\nbody").decode()),
            (0, b64encode(b"{\nbody").decode()),
            (0, b64encode(b"\xff\nbody").decode()),
            (1, b64encode(b"{}\nbody").decode()),
            (1, b64encode(zlib.compress(b"{}\nbody")[:-3]).decode()),
            (1, b64encode(zlib.compress(b"{}\n" + b"0" * wire.BODY_LIMIT)).decode()),
        ],
    )
    def test_pieces_that_hold_no_body_are_refused(self, z: int, text: str) -> None:
        cut = [text[start : start + wire.PIECE] for start in range(0, len(text), wire.PIECE)]
        pieces = wire.Pieces(len(cut), z)
        for i, d in enumerate(cut):
            pieces.add(i, len(cut), z, d)
        with pytest.raises(wire.WireError):
            pieces.join()


def test_what_is_slow_to_import_is_not_imported() -> None:
    slow = ("dataclasses", "typing", "base64", "asyncio", "ssl", "inspect", "plldb")
    script = f"import sys, wire; print(*[name for name in {slow!r} if name in sys.modules])"
    # -S: what an installed package adds at the start (a .pth file) is not what is measured here.
    told = subprocess.run(
        [sys.executable, "-S", "-c", script],
        cwd=Path(wire.__file__).parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert told.stdout == "\n"
