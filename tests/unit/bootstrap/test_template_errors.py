"""What is wrong with a template is named, with its line in template.yaml."""

from __future__ import annotations

import pytest
import yaml

from plldb.bootstrap.errors import TemplateError
from plldb.bootstrap.template import read_resources, render_template

RESOURCES = "Resources:\n  Table:\n    Type: AWS::DynamoDB::Table\n"
LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: str(loader.__name__))
@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("A: __plldb.y__\n", "y", 1),
        ("A: 1\n\n# __plldb.z__\nB: '__plldb.y__'\n", "y", 4),
        ("A: __plldb.x__ __plldb.y__\n", "y", 1),
        ("A: |\n  __plldb.x__\n\n  __plldb.y__\n", "y", 4),
        ("A: >-\n  __plldb.x__\n  more\n  __plldb.y__\n", "y", 4),
        ("A: one __plldb.x__\n  two\n  __plldb.y__\n", "y", 3),
        ('A: "one __plldb.x__\n\n  __plldb.y__"\n', "y", 3),
        ("A: | # __plldb.y__\n  __plldb.x__\n  __plldb.y__\n", "y", 3),
        ("A: |\r\n  __plldb.x__\r\n  __plldb.y__\r\n", "y", 3),
        ('A: "one\n  two \\x5f_plldb.y__"\nB: 1 # __plldb.y__\n', "y", 1),
        ("A: __plldb.__\n", "", 1),
        ("\ufeffA: 1\nB: __plldb.y__\n", "y", 2),
    ],
)
def test_an_unknown_placeholder_is_named_with_its_line(
    text: str, name: str, line: int, loader: object
) -> None:
    with pytest.raises(TemplateError) as raised:
        render_template(text + RESOURCES, {"x": "V"}, loader=loader)
    error = raised.value
    assert (error.placeholder, error.line) == (name, line)
    assert f"line {line}: the placeholder __plldb.{name}__ is unknown" in error.message
    assert "Known are: x." in str(error.hint)


def test_a_placeholder_that_the_template_lacks_is_named() -> None:
    with pytest.raises(TemplateError, match=r"never uses the placeholder __plldb\.a\.key__") as raised:
        render_template("A: __plldb.x__ # __plldb.a.key__\n" + RESOURCES, {"x": "V", "b": "V", "a.key": "V"})
    assert (raised.value.placeholder, raised.value.line) == ("a.key", None)


@pytest.mark.parametrize("text", ["A: __plldb.x\n", "A: >\n  __plldb.x\n  y__\n", "A: _plldb.x__\n"])
def test_what_only_looks_like_a_placeholder_is_left_alone(text: str) -> None:
    assert render_template(text + RESOURCES, {}).body == text + RESOURCES


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: str(loader.__name__))
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A: 1\nB: [1\nC: 2\n", 3),
        ("A: 1\n  B: 2\n", 2),
        ("A: 1\nB: *nobody\n", 2),
        ("A: 1\n---\nB: 1\n", 2),
        ("A: 1\nB: 2\nC: \x07\n", 3),
        ('A: 1\nB: "\\q"\n', 2),
    ],
)
def test_broken_yaml_is_told_with_its_line(text: str, line: int, loader: object) -> None:
    with pytest.raises(TemplateError, match=f"^template.yaml line {line}: ") as raised:
        render_template(text, {"x": "V"}, loader=loader)
    assert raised.value.line == line


@pytest.mark.parametrize("text", ["", "A: 1\n", "Resources:\n", "Resources: 1\n", "Resources: {}\n", "- 1\n"])
def test_a_template_without_resources_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match="no resources"):
        read_resources(text)


def test_a_resource_without_a_type_has_an_empty_one() -> None:
    (only,) = read_resources("Resources:\n  A: 1\n")
    assert (only.logical_id, only.resource_type, only.line) == ("A", "", 2)
