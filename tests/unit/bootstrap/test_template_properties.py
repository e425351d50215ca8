"""Hypothesis looks for a template or a value that rendering breaks.

What must come out is the graph of nodes of the original in which only the text of scalars with a
placeholder is another; tags, anchors and the values of all others stay.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from plldb.bootstrap.template import PLACEHOLDER, render_template

pytestmark = pytest.mark.once

LOADERS: list[Any] = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]
RESOURCES = "\nResources:\n  Table:\n    Type: AWS::DynamoDB::Table\n"
NASTY = [
    "null",
    "~",
    "1e5",
    "yes",
    "",
    " ",
    "2012-10-17",
    '"',
    "'",
    "\\",
    "\n",
    "a: b",
    "# c",
    "- x",
    "|",
    "&a",
    "*a",
    "!Ref x",
    "{{resolve:x}}",
    "${AWS::Region}",
    "__plldb.x__",
    "__plldb.y__",
    "\t",
    "\r\n",
    "\x85",
    "\u2028",
    "\ufeff",
    "é",
    "😀",
    "\x00",
    "\x7f",
    "%",
    "@",
    "`",
    "---",
    "...",
]
VALUES = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
BLOCK_VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)

# Pieces of YAML; each is one entry of the mapping at the top, and {k} stands for its number.
PIECES = [
    "K{k}: __plldb.x__",
    "K{k}: '__plldb.x__'",
    'K{k}: "a \\" \\\\ \\u00e9 __plldb.x__ __plldb.y__"',
    "K{k}: s3://__plldb.x__/é😀/__plldb.y__ # __plldb.nobody__",
    "K{k}: plain __plldb.x__\n  in two lines __plldb.y__",
    "K{k}: 'single\n\n  in three __plldb.x__'",
    "K{k}: !Sub '__plldb.x__-${{AWS::Region}}'",
    "K{k}: !Sub [__plldb.x__, {{A: !GetAtt B.C, B: __plldb.y__}}]",
    "K{k}: &a{k} __plldb.x__\nL{k}: *a{k}",
    "K{k}: &a{k} {{D: 2012-10-17, P: __plldb.x__}}\nL{k}: {{<<: *a{k}}}",
    "__plldb.x__{k}: 1",
    "? __plldb.x__{k}\n: - __plldb.y__\n  - 1e5",
    "K{k}:\n- __plldb.x__\n-   - null\n    - __plldb.y__",
    "K{k}: !!binary __plldb.x__",
]
BLOCKS = [
    "K{k}: |\n  __plldb.x__",
    "K{k}: | # __plldb.nobody__\n  first\n    __plldb.x__ é😀\n\n",
    "K{k}: >-\n  fold __plldb.x__\n  ed\n\n  __plldb.y__\n",
    "K{k}: |2+\n   deep\n  __plldb.x__\n\n\n# __plldb.nobody__",
    "K{k}: !Sub >+\n\n  __plldb.x__\n",
    "K{k}:\n  L: |-\n    __plldb.x__\n\n    __plldb.y__\n  # less indented __plldb.nobody__\n  M: 1",
]
OWNED = [
    "K{k}: !Sub '${{AWS::Region}}'",
    "K{k}: '${{!Literal}}'",
    "K{k}: !GetAtt A.B",
    "K{k}: !If [C, !Ref D, !Ref AWS::NoValue]",
    "K{k}: '{{{{resolve:ssm:x}}}}'",
    "K{k}: |2-\n     é\n  😀\n",
    "K{k}: 2012-10-17",
    "# 😀 __plldb.nobody__ é",
    "K{k}: &b{k} [1, 2]\nL{k}: *b{k}",
    'K{k}: "\\U0001f600 \\\n  x"',
    "\n\n",
]

Graph = tuple[Any, ...]


def graph(text: str, loader: Any, substitute: dict[str, str] | None = None) -> Graph:
    """The document as nested tuples; an alias is a reference to what was seen before."""
    seen: dict[int, int] = {}

    def walk(node: yaml.Node) -> Graph:
        if id(node) in seen:
            return ("alias", seen[id(node)])
        seen[id(node)] = len(seen)
        if isinstance(node, yaml.ScalarNode):
            value, tag = node.value, node.tag
            if substitute and PLACEHOLDER.search(value):
                value = PLACEHOLDER.sub(lambda found: substitute[found[1]], value)
            return (tag, value)
        if isinstance(node, yaml.MappingNode):
            return (node.tag, *((walk(key), walk(value)) for key, value in node.value))
        return (node.tag, *(walk(each) for each in node.value))

    root = yaml.compose(text, Loader=loader)
    assert root is not None
    return walk(root)


def anchors(text: str, loader: Any) -> list[tuple[str, str]]:
    kinds = (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken)
    return [(type(t).__name__, str(t.value)) for t in yaml.scan(text, Loader=loader) if isinstance(t, kinds)]


@st.composite
def templates(draw: st.DrawFn, placed: list[str]) -> str:
    pieces = draw(st.lists(st.sampled_from([*placed, *OWNED]), min_size=1, max_size=6))
    text = "\n".join(piece.format(k=k) for k, piece in enumerate(pieces)) + RESOURCES
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff", "# é😀\n"])) + text


def check(text: str, values: dict[str, str]) -> None:
    used = {
        found[1]
        for token in yaml.scan(text)
        if isinstance(token, yaml.ScalarToken)
        for found in PLACEHOLDER.finditer(token.value)
    }
    wanted = {name: value for name, value in values.items() if name in used}
    bodies = {render_template(text, wanted, loader=loader).body for loader in LOADERS}
    assert len(bodies) == 1  # both loaders give the same text
    (body,) = bodies
    for loader in LOADERS:
        assert graph(body, loader) == graph(text, loader, wanted)
        assert anchors(body, loader) == anchors(text, loader)
    comment = re.compile(r"#[^\r\n]*")
    assert comment.findall(text)[-1:] == comment.findall(text)[-1:]
    if not used:
        assert body == text


@given(templates(PIECES), VALUES, VALUES)
@settings(max_examples=250)
@example("K: __plldb.x__" + RESOURCES, "null", "")
@example("K: __plldb.x__" + RESOURCES, "__plldb.y__", "")
def test_any_value_in_any_scalar_comes_out_as_that_string(text: str, x: str, y: str) -> None:
    check(text, {"x": x, "y": y})


@given(templates(BLOCKS + PIECES), BLOCK_VALUES, BLOCK_VALUES)
@settings(max_examples=250)
def test_a_value_in_a_block_of_text_changes_neither_its_lines_nor_its_indentation(
    text: str, x: str, y: str
) -> None:
    check(text, {"x": x, "y": y})


@given(templates(OWNED))
@settings(max_examples=60)
def test_a_template_without_placeholders_is_what_it_was(text: str) -> None:
    assert render_template(text, {}).body == text


@given(st.text(st.sampled_from("ab:-#|>&*!?{}[]'\"\\,\n\n   é😀%"), max_size=40))
@settings(max_examples=300)
def test_whatever_yaml_it_is_the_placeholder_alone_changes(noise: str) -> None:
    text = f"A: 1\nB: '__plldb.x__'\nC: {noise}\n{RESOURCES}"
    for loader in LOADERS:
        try:
            yaml.compose(text, Loader=loader)
        except yaml.YAMLError:
            assume(False)
    assume("Resources" in [key[1] for key, _ in graph(text, LOADERS[0])[1:]])
    check(text, {"x": "V"})


@pytest.mark.parametrize("value", NASTY)
def test_each_nasty_value_is_a_string_again(value: str) -> None:
    for loader in LOADERS:
        body = render_template("K: __plldb.x__" + RESOURCES, {"x": value}, loader=loader).body
        assert yaml.load(body, Loader=loader)["K"] == value
