"""Which events a session wants: the conditions of ``--where``. Pure."""

from __future__ import annotations

import base64
import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.debugger import AttachOptions, ConditionError, attach
from plldb.debugger.conditions import LONGEST, MOST, matches, read_condition, read_conditions

V1 = {
    "headers": {"X-Debug": "me", "Accept": "*/*"},
    "multiValueHeaders": {"X-Debug": ["you", "me"]},
    "queryStringParameters": None,
    "body": json.dumps({"user": {"id": 7, "names": ["Ada", "B."]}}),
}
V2 = {
    "headers": {"x-debug": "me"},
    "cookies": ["a=b", "debug=me"],
    "body": base64.b64encode(b'{"user": "ada"}').decode(),
    "requestContext": {"authorizer": {"claims": {"https://a.example/team": "red"}}},
}
BALANCER = {"multiValueHeaders": {"x-debug": ["you", "me"]}}
SNS = {"Message": json.dumps({"kind": "mail"})}
BATCH = {"Records": [{"body": "plain"}, {"body": json.dumps(SNS)}, {"n": [1.50, True, None, 10**400]}]}
DATA = {"Records": [{"kinesis": {"data": base64.b64encode(b'[{"k": "v"}]').decode()}}]}


@pytest.mark.parametrize(
    ("event", "fulfilled", "not_fulfilled"),
    [
        (V1, "headers.x-debug=me", "headers.x-debug=ME"),
        (V1, "headers.X-DEBUG=you", "headers.x-debug=m"),
        (V1, "multiValueHeaders.x-debug.1=me", "multiValueHeaders.x-debug.1=you"),
        (V1, "headers.accept=\\*/\\*", "headers.accept=\\*"),
        (V1, "body.user.id=7", "Body.user.id=7"),
        (V1, "body.user.names.0=A*", "body.user.names.1=A*"),
        (V1, "body.user.names=?.", "body.user.names=?"),
        (V1, "body.user=*", "body.user={*"),
        (V1, "queryStringParameters=null", "queryStringParameters.a=*"),
        (V2, "headers.X-Debug=me", "headers.x-debug=*you*"),
        (V2, "cookies=debug=me", "cookies=debug"),
        (V2, "body.user=ada", "body.name=*"),
        (V2, "requestContext.authorizer.claims.https://a\\.example/team=red", "requestContext.b=*"),
        (BALANCER, "headers.x-debug=me", "headers.debug=me"),
        (BATCH, "Records.0.body=plain", "Records.1.body=plain"),
        (BATCH, "Records.*.body.Message.kind=mail", "Records.body.Message.kind=mail"),
        (BATCH, "Records.2.n.0=1.5", "Records.2.n.0=1.50"),
        (BATCH, "Records.2.n=true", "Records.2.n=True"),
        (BATCH, f"Records.2.n.3=1{'0' * 200}*", "Records.9.n=*"),
        (BATCH, "*.*.body=p*n", "*.body=p*n"),
        (DATA, "Records.*.kinesis.data.0.k=v", "Records.*.kinesis.data.k=v"),
        ([{"a": ""}], "0.a=", "a=*"),
        ({"a=b": 1}, "a\\=b=1", "a=*"),
        ({"*": 1, "b": 2}, "\\*=1", "\\*=2"),
        ({"a": "text"}, "a=t*x*", "a=t*t*t"),
    ],
)
def test_what_fulfils_a_condition(event: Any, fulfilled: str, not_fulfilled: str) -> None:
    body = json.dumps(event).encode()
    assert matches(read_conditions((fulfilled,)), body)
    assert not matches(read_conditions((not_fulfilled,)), body)
    assert not matches(read_conditions((fulfilled, not_fulfilled)), body)  # all of them must hold


@pytest.mark.parametrize(
    "body", [b"", b"7", b'"headers"', b"null", b"{", b"\xff", b"[" * 100_000, b'{"a": "{"}', b'{"a": "ey!!"}']
)
def test_an_event_that_has_no_such_path(body: bytes) -> None:
    assert not matches(read_conditions(("a.b=*",)), body)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("headers.x-debug", "'headers.x-debug' has no '='"),
        ("a\\=b", "has no '='"),
        ("=me", "'=me' has an empty name in its path"),
        ("a..b=c", "an empty name"),
        ("a.=c", "an empty name"),
        ("$.a=c", "begins with '$'"),
        ("a\0=c", "a character"),
        ("a=" + "b" * LONGEST, f"more than {LONGEST} characters"),
    ],
)
def test_what_is_no_condition_is_named_with_the_shape(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="PATH=PATTERN, for example") as raised:
        read_condition(text)
    assert why in str(raised.value)


async def test_there_is_a_limit_and_nothing_is_asked_of_aws_before() -> None:
    options = AttachOptions(where=("a=b",) * (MOST + 1))
    with pytest.raises(ConditionError, match=f"{MOST + 1} conditions are more than {MOST}"):
        async with attach(options=options):
            pass


NAMES = st.text(st.sampled_from("ab.=*?\\ é"), min_size=1, max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(text=st.text("ab*", max_size=8), pattern=st.text("ab*?", max_size=6))
def test_a_pattern_means_what_it_means_to_a_shell(text: str, pattern: str) -> None:
    found = matches(read_conditions((f"a={pattern}",)), json.dumps({"a": text}).encode())
    assert found == fnmatchcase(text, pattern)


@given(event=JSON, path=st.lists(NAMES, min_size=1, max_size=4), value=NAMES)
def test_what_is_quoted_is_taken_as_it_is(event: object, path: list[str], value: str) -> None:
    whole: object = value
    for name in reversed(path):
        whole = {"other": event, name: whole}
    quoted = [_quote(text, ".=*?\\") for text in (*path, value)]
    condition = f"{'.'.join(quoted[:-1])}={quoted[-1]}"
    assert matches(read_conditions((condition,)), json.dumps(whole).encode())
    assert not matches(read_conditions((condition,)), json.dumps({"other": whole}).encode())


def _quote(text: str, special: str) -> str:
    return "".join("\\" + char if char in special else char for char in text)
