from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.debugger.workers.output import LONGEST_LINE, Lines

MARK = b"\0mark\0"


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\n", ["one"]),
        (b"[ERROR] no\rTraceback:\r\xc2\xa0\xc2\xa0File\n", ["[ERROR] no", "Traceback:", "  File"]),
        (b"progress\r", []),
        (b"no end" + MARK, ["no end"]),
        (MARK + b"next\n", ["next"]),
        (b"\n\n", ["", ""]),
        (b"\xff\n", ["\ufffd"]),
        (b"x" * (LONGEST_LINE + 1), ["x" * (LONGEST_LINE + 1)]),
    ],
)
def test_bytes_become_lines(data: bytes, lines: list[str]) -> None:
    assert Lines(MARK).feed(data) == lines


@given(st.lists(st.sampled_from([b"a", b"\n", MARK, "ü".encode(), b"bc"])), st.data())
def test_it_makes_no_difference_where_the_pipe_cuts(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    at_once, piecewise = Lines(MARK), Lines(MARK)
    expected = at_once.feed(whole) + at_once.end()
    pieces = [whole[i:j] for i, j in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert [line for piece in pieces for line in piecewise.feed(piece)] + piecewise.end() == expected
    assert at_once.marks == piecewise.marks == parts.count(MARK)
