"""Events as they are sent, and answers as they are read."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from plldb.cli.debugger.invoke import read_event
from plldb.debugger.invoking.answer import read_answer, read_error, read_log, read_request_id
from plldb.debugger.invoking.event import LARGEST, check_event, make_event
from plldb.debugger.invoking.find import close_names
from plldb.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "order.json is not JSON: it is empty."),
        (b" \n ", "order.json is not JSON: it is empty."),
        (b'{\n  "id": 1\n  "b": 2\n}', "order.json is not JSON: line 3, column 3: Expecting ',' delimiter."),
        (b"{'id': 1}", "order.json is not JSON: line 1, column 2: "),
        (b'{"NaN": "NaN",\n "b": NaN}', "order.json is not JSON: line 2, column 7: NaN is no JSON."),
        (b'{"a": \xff}', "order.json is not JSON: line 1 is not written in UTF-8."),
        (b"[" * 100_000, "order.json is not JSON: it is nested too deeply."),
        (
            b'"%s"' % (b"x" * LARGEST),
            "order.json cannot be sent: 6,291,458 bytes are more than",
        ),
    ],
)
def test_what_is_no_event_is_refused_with_its_file_line_and_column(text: bytes, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        check_event(text, "order.json")
    assert refused.value.message.startswith(why)
    assert refused.value.hint


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_an_event_is_sent_in_utf_8_as_it_was_written(encoding: str) -> None:
    text = '{"id":  1.10, "n": 12345678901234567890, "s": "é"}\r\n'
    assert check_event(text.encode(encoding), "x") == text.encode()
    longest = b'"%s"' % (b"x" * (LARGEST - 2))
    assert check_event(longest, "x") == longest


def test_an_event_of_a_program_is_any_value_or_json_text() -> None:
    assert make_event({"a": [1, None]}) == b'{"a": [1, null]}'
    assert make_event("text") == b'"text"'
    assert make_event(b'{"a":1}') == b'{"a":1}'
    for wrong in ({1, 2}, float("nan"), b"no"):
        with pytest.raises(SettingsError):
            make_event(wrong)


async def test_an_event_is_read_from_a_file_or_the_standard_input(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("[1]")
    nothing = io.BytesIO()
    assert await read_event(str(tmp_path / "event.json"), nothing) == b"[1]"
    assert await read_event("-", io.BytesIO(b"[2]")) == b"[2]"
    assert await read_event("", nothing) == b"{}"
    for name, why in (
        ("-", "The standard input is not JSON: it is empty."),
        (str(tmp_path), "Is a directory."),
        (str(tmp_path / "absent"), "No such file or directory."),
        ("a\0b", "null byte"),
    ):
        with pytest.raises(SettingsError, match=why):
            await read_event(name, nothing)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"a": 1}', ({"a": 1}, "")),
        (b"null", (None, "")),
        (b"", (None, "")),
        (b'{"a": NaN}', (None, '{"a": NaN}')),
        (b"\x89PNG", (None, "\ufffdPNG")),
    ],
)
def test_an_answer_is_a_value_or_a_text(payload: bytes, expected: tuple[Any, str]) -> None:
    assert read_answer(payload) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {
                "errorType": "KeyError",
                "errorMessage": "'a'",
                "stackTrace": ["  x\n    raise\n", "  y\n"],
            },
            ("KeyError", "'a'", ("  x", "    raise", "  y")),
        ),
        (
            {"errorType": "Error", "errorMessage": "m", "trace": ["Error: m", " at x"]},
            ("Error", "m", ("Error: m", " at x")),
        ),
        (
            {"errorMessage": "Task timed out after 3.00 seconds"},
            ("", "Task timed out after 3.00 seconds", ()),
        ),
        ({"errorType": 1, "stackTrace": "no list"}, ("1", "", ())),
        ("a word", ("", '"a word"', ())),
    ],
)
def test_an_error_is_read_in_the_words_of_any_runtime(told: Any, expected: tuple[Any, ...]) -> None:
    error = read_error({"FunctionError": "Unhandled"}, told, "")
    assert error is not None
    assert (error.type, error.message, error.stack) == expected
    assert read_error({}, json.loads(json.dumps(told)), "") is None


def test_the_log_is_read_in_lines_though_it_begins_within_a_character() -> None:
    tail = "é1\nEND\n".encode()[1:]
    assert read_log({"LogResult": base64.b64encode(tail).decode()}) == ("\ufffd1", "END")
    assert read_log({}) == ()


def test_the_request_is_known_by_the_id_that_its_function_sees() -> None:
    own, told = "b4397f46-f17e-4232-84fc-9993fbf0c483", {"ResponseMetadata": {"RequestId": "other"}}
    assert read_request_id(told, [f"REPORT RequestId: {own}\tDuration: 1 ms"]) == own
    assert read_request_id(told, ["END"]) == "other"


def test_names_that_are_alike_are_those_with_the_word_in_them_first() -> None:
    names = ["shop-Orders-1AB", "orders-api", "ordres", "mails"]
    assert close_names("Orders", names) == ("orders-api", "shop-Orders-1AB", "ordres")
    assert close_names("x", []) == ()
