"""Rendering replaces plldb's placeholders and nothing else: what CloudFormation owns stays byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from plldb.bootstrap.artifacts.sources import read_template
from plldb.bootstrap.errors import TemplateError
from plldb.bootstrap.template import (
    LOADER,
    PLACEHOLDER,
    add_permissions_boundary,
    read_permissions_boundary,
    render_template,
)

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]
RESOURCES = "Resources:\n  Table:\n    Type: AWS::DynamoDB::Table\n"

OWNED = """\
# A comment with __plldb.nothing__ in it.
AWSTemplateFormatVersion: 2010-09-09
Conditions:
  Big: !Equals [!Ref "AWS::Region", us-east-1]   # __plldb.nothing__
Resources:
  Thing: &thing
    Type: AWS::SNS::Topic
    Metadata: { yes: no, on: off, empty: , null: ~, float: 1e5, octal: 0o7, date: 2012-10-17, time: 1:30 }
    Properties:
      Region: !Sub '${AWS::Region}'
      Literal: !Sub "${!Literal} é 😀"
      Map: !Sub
        - "${A}-${AWS::Partition}"
        - A: !GetAtt Thing.Arn
      Long: {"Fn::Sub": ["${A}", {"A": {"Fn::GetAtt": [Thing, Arn]}}]}
      If: !If [Big, !Ref Thing, !Ref AWS::NoValue]
      Secret: '{{resolve:secretsmanager:MySecret:SecretString:password}}'
      Literal2: |2-
          indented # no comment
         ${AWS::Region}

      Keep: >+
        folded
        text

      Strip: |-
        text
      Plain: a plain scalar
        of two lines
      Quoted: "a quoted
        one, \\u00e9 \\
        joined"
      Not: __plldb and __other.x__ and plldb.x
  Other:
    <<: *thing
    Properties: *thing
"""


def render(text: str, loader: Any = LOADER, **values: str) -> str:
    return render_template(text, values, loader=loader).body


# Which of the two there is depends on how PyYAML was built.
@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: str(loader.__name__))
class TestWithEachLoader:
    def test_what_cloudformation_owns_survives_byte_for_byte(self, loader: Any) -> None:
        assert render(OWNED, loader) == OWNED
        assert render(OWNED + 'Outputs: {A: "__plldb.x__"}\n', loader, x="V") == OWNED + 'Outputs: {A: "V"}\n'

    def test_the_same_holds_for_windows_line_ends_tabs_and_a_byte_order_mark(self, loader: Any) -> None:
        text = ("\ufeff" + OWNED + 'A: "__plldb.x__" # \t\nB: |\n  a\t__plldb.x__\nC: 1\n').replace(
            "\n", "\r\n"
        )
        expected = text.replace('"__plldb.x__"', '"V"').replace("a\t__plldb.x__", "a\tV")
        assert render(text, loader, x="V") == expected

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("A: __plldb.x__\n", 'A: "V"\n'),
            ("A: '__plldb.x__'\n", 'A: "V"\n'),
            ('A: "__plldb.x__"  # __plldb.x__\n', 'A: "V"  # __plldb.x__\n'),
            ("A: s3://__plldb.x__/__plldb.x__.zip\n", 'A: "s3://V/V.zip"\n'),
            ("A: !Sub '__plldb.x__-${AWS::Region}'\n", 'A: !Sub "V-${AWS::Region}"\n'),
            ("A: &a __plldb.x__\nB: *a\n", 'A: &a "V"\nB: *a\n'),
            ("A: [__plldb.x__,{B: __plldb.x__}]\n", 'A: ["V",{B: "V"}]\n'),
            ("__plldb.x__: 1\n", '"V": 1\n'),
            ("- __plldb.x__\n", '- "V"\n'),
            ("A: 'it''s __plldb.x__'\n", 'A: "it\'s V"\n'),
            ('A: "\\x5f_plldb.x__ \\" \\\\"\n', 'A: "V \\" \\\\"\n'),
            ("# é😀\nA: '😀' \nB: '__plldb.x__'\nC: 'ü'\n", "# é😀\nA: '😀' \nB: \"V\"\nC: 'ü'\n"),
            ("A: '😀 __plldb.x__'\n", 'A: "\\U0001f600 V"\n'),
            ("A: |\n  a\n  __plldb.x__\n\nB: 1\n", "A: |\n  a\n  V\n\nB: 1\n"),
            ("A: >2-\n   a\n  __plldb.x__\nB: 1\n", "A: >2-\n   a\n  V\nB: 1\n"),
            ("A: | # __plldb.x__\n  __plldb.x__\n", "A: | # __plldb.x__\n  V\n"),
            (
                "A: | # __plldb.other__\n  __plldb.x__\n# __plldb.y__\n",
                "A: | # __plldb.other__\n  V\n# __plldb.y__\n",
            ),
        ],
    )
    def test_a_placeholder_is_replaced_wherever_a_scalar_may_stand(
        self, loader: Any, before: str, after: str
    ) -> None:
        if before.startswith("-"):
            before, after = f"A:\n{before}", f"A:\n{after}"
        assert render(before + RESOURCES, loader, x="V") == after + RESOURCES

    def test_lines_are_those_of_the_template_that_lies_in_the_package(self, loader: Any) -> None:
        text = "A: one __plldb.x__\n  two\n  three\n" + RESOURCES
        rendered = render_template(text, {"x": "V"}, loader=loader)
        assert rendered.line_of("Table") == 5
        assert rendered.line_of("Nothing") is None
        assert [(r.logical_id, r.resource_type, r.line) for r in rendered.resources] == [
            ("Table", "AWS::DynamoDB::Table", 5)
        ]

    async def test_the_bundled_template_keeps_every_line_but_those_with_a_placeholder(
        self, loader: Any
    ) -> None:
        text = await read_template()
        names = {found[1] for line in text.splitlines() for found in PLACEHOLDER.finditer(line)}
        assert "bucket" in names
        body = render(text, loader, **dict.fromkeys(names, "V"))
        before, after = text.splitlines(), body.splitlines()
        assert len(before) == len(after)
        changed = {line for line, other in zip(before, after, strict=True) if line != other}
        assert changed == {line for line in before if "__plldb." in line}

    def test_a_permissions_boundary_is_added_to_every_role_and_read_again(self, loader: Any) -> None:
        role = "    Type: AWS::IAM::Role\n    Properties:\n      Description: d\n"
        text = f"Resources:\n  One:\n{role}  Topic:\n    Type: AWS::SNS::Topic\n  Two:\n{role}"
        assert read_permissions_boundary(text) == ""
        body = add_permissions_boundary(text, "arn:aws:iam::123456789012:policy/x")
        line = '      PermissionsBoundary: "arn:aws:iam::123456789012:policy/x"\n'
        assert body == text.replace("      Description", f"{line}      Description")
        assert read_permissions_boundary(body) == "arn:aws:iam::123456789012:policy/x"


@pytest.mark.parametrize("value", ["ü", "a\nb", "\t", "", " ", " x", "x ", "\x7f"])
def test_a_value_that_a_block_of_text_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(TemplateError, match=r"line 3: the value of __plldb\.x__ does not fit") as raised:
        render("A: |\n  a\n  __plldb.x__\n" + RESOURCES, x=value)
    assert (raised.value.placeholder, raised.value.line) == ("x", 3)
