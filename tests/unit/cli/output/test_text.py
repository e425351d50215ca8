"""Text is made safe, measured and wrapped. Pure."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.cli.output.text import (
    ASCII,
    UNICODE,
    Glyphs,
    age,
    cell_width,
    choose_glyphs,
    clean,
    clip,
    counted,
    duration,
    fold,
    size,
    wrap,
)


@given(st.text())
def test_cleaned_text_holds_nothing_that_steers_a_terminal(text: str) -> None:
    cleaned = clean(text)
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in cleaned)
    assert len(cleaned) <= len(text)


@pytest.mark.parametrize(
    "bad", ["\x1b[31m", "\x9b31m", "\n", "\r", "\u202e", "\u2066", "\u2028", "\x00", "\ud800"]
)
def test_known_tricks_are_defused(bad: str) -> None:
    assert bad not in clean(f"a{bad}b")
    assert clean(f"a{bad}b").isprintable()


def test_of_a_colour_nothing_is_left_and_an_unended_title_takes_nothing_along() -> None:
    assert clean("a \x1b[1;31mred\x1b[0m \x1b]0;b") == "a red  ]0;b"


@given(st.text(), st.integers(min_value=2, max_value=120))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_width(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_words_stay_whole_where_they_fit() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("", 7) == [""]
    assert wrap("ab abcdefghij", 4) == ["ab", "abcd", "efgh", "ij"]


def test_a_long_word_stays_whole_where_it_may_unless_it_is_the_first() -> None:
    assert wrap("Arn: abcdefghij", 6, 10) == ["Arn:", "abcdefghij"]
    assert wrap("Arn: abcdefghijk", 6, 10) == ["Arn:", "abcdef", "ghijk"]
    assert wrap("abcdefghij is it", 6, 10) == ["abcdef", "ghij", "is it"]
    assert fold("  ab cd efghijklm", 6, at_spaces=True) == ["  ab ", "cd ", "efghij", "klm"]
    assert wrap("`ab cdefghij k` is it", 6, 10) == ["`ab cdefghij k`", "is it"]  # a command, to be copied


def test_wide_characters_take_two_columns() -> None:
    assert cell_width("日本") == 4
    assert cell_width("e\u0301") == 1


@given(st.text(alphabet=st.characters(codec="ascii")), st.integers(min_value=4, max_value=40))
def test_clipped_text_fits(text: str, width: int) -> None:
    assert cell_width(clip(text, width, "...")) <= width


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0.0s"),
        (0.44, "0.4s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (3723, "1h02m"),
    ],
)
def test_durations_are_short(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_ages_sizes_and_counts_are_said_in_words() -> None:
    said = ["less than a minute", "less than a minute", "1 minute", "2 hours", "3 days"]
    assert [age(n) for n in (-3600, 5, 60, 7300, 259200)] == said
    assert [size(n) for n in (812, 3248, 1_400_000)] == ["812 B", "3.2 kB", "1.4 MB"]
    assert [counted(n, "package") for n in (1, 4)] == ["1 package", "4 packages"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", None, "no such encoding"])
def test_signs_fall_back_to_ascii(encoding: str | None) -> None:
    assert choose_glyphs(encoding, {}) is ASCII
    assert choose_glyphs("utf-8", {}) is UNICODE


@pytest.mark.parametrize(
    ("environ", "glyphs"),
    [
        ({"LANG": "C"}, ASCII),
        ({"LANG": "POSIX"}, ASCII),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, ASCII),  # so Python makes it of LANG=C
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, ASCII),
        ({"LANG": "C", "PYTHONUTF8": "1"}, UNICODE),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, UNICODE),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, UNICODE),
        ({"LANG": "C.UTF-8"}, UNICODE),
        ({"LC_CTYPE": "C.UTF-8"}, UNICODE),  # so Python makes it of no locale at all
    ],
)
def test_the_locale_c_has_ascii_signs(environ: dict[str, str], glyphs: Glyphs) -> None:
    assert choose_glyphs("utf-8", environ) is glyphs
