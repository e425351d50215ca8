"""The template's text and the artifacts become the rendered template. Pure.

A placeholder is ``__plldb.NAME__`` in a scalar of the template. Only the scalars that hold one are
touched, and only as text: tags, anchors, comments, dates and everything else that CloudFormation
owns stay byte for byte what they were, so that line numbers stay what they were, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from plldb.bootstrap.errors import TemplateError

# Without spaces: where a folded text goes on in the next line, a name cannot.
PLACEHOLDER = re.compile(r"__plldb\.(\S*?)__")
BYTE_ORDER_MARK = "\ufeff"
# libyaml where PyYAML was built with it: the template is read at every setup.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateResource:
    """One resource of the template; ``line`` counts from 1."""

    logical_id: str
    resource_type: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedTemplate:
    """What CloudFormation gets, and what plldb knows about it."""

    body: str
    resources: tuple[TemplateResource, ...]

    def line_of(self, logical_id: str) -> int | None:
        """Return the line of a resource in template.yaml, None if it is not there."""
        return next((each.line for each in self.resources if each.logical_id == logical_id), None)


def render_template(text: str, values: Mapping[str, str], *, loader: Any = LOADER) -> RenderedTemplate:
    """Replace plldb's placeholders by their values and nothing else.

    Raises:
        TemplateError: the text is no YAML, has a placeholder that nobody knows, or lacks one of ``values``.
    """
    resources = read_resources(text, loader=loader)  # first: a text that is no YAML is to be called that
    return RenderedTemplate(body=_replace(text, values, loader), resources=resources)


def add_permissions_boundary(text: str, arn: str) -> str:
    """Return the template with this permissions boundary on each of its roles; nothing else changes.

    Raises:
        TemplateError: the text is no YAML, or a role has no properties to add it to.
    """
    for properties in reversed([*_role_properties(text)]):  # from the end, so that places stay right
        mark = properties.start_mark
        line = f"PermissionsBoundary: {_quoted(arn)}\n{' ' * mark.column}"
        text = text[: mark.index] + line + text[mark.index :]
    return text


def read_permissions_boundary(text: str) -> str:
    """Return the permissions boundary that the roles of a template have; empty if they have none."""
    for properties in _role_properties(text):
        if (boundary := _child(properties, "PermissionsBoundary")) is not None:
            return str(boundary.value)
    return ""


def _role_properties(text: str) -> Iterator[yaml.MappingNode]:
    for _, resource in _resource_nodes(text):
        kind, properties = _child(resource, "Type"), _child(resource, "Properties")
        if kind is not None and kind.value == "AWS::IAM::Role" and isinstance(properties, yaml.MappingNode):
            yield properties


@cache
def read_resources(text: str, *, loader: Any = LOADER) -> tuple[TemplateResource, ...]:
    """Return the resources of a template in the order of the text.

    Raises:
        TemplateError: the text is no YAML, or has no resources.
    """
    return tuple(_resource(key, value) for key, value in _resource_nodes(text, loader))


def _resource_nodes(text: str, loader: Any = LOADER) -> list[tuple[yaml.Node, yaml.Node]]:
    try:
        # Nodes, not values: constructing would fail on !Sub and turn 2012-10-17 into a date.
        root = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        raise _yaml_error(error, text) from error
    resources = _child(root, "Resources")
    if not isinstance(resources, yaml.MappingNode) or not resources.value:
        raise TemplateError("The template has no resources.", line=1, hint="Install plldb again.")
    return list(resources.value)


def _resource(key: yaml.Node, value: yaml.Node) -> TemplateResource:
    kind = _child(value, "Type")
    return TemplateResource(
        logical_id=str(key.value), resource_type=str(kind.value) if kind else "", line=key.start_mark.line + 1
    )


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _replace(text: str, values: Mapping[str, str], loader: Any) -> str:
    unused = set(values)
    pieces: list[str] = []
    position = 0
    for start, end, style, content in _scalars(text, loader):
        unused -= {found[1] for found in PLACEHOLDER.finditer(content)}
        pieces += [text[position:start], _filled(text, start, end, style, content, values)]
        position = end
    if unused:
        name = min(unused)
        raise TemplateError(
            f"The template never uses the placeholder __plldb.{name}__.",
            placeholder=name,
            hint="Every handler needs a function in template.yaml that refers to its package.",
        )
    return "".join([*pieces, text[position:]])


def _scalars(text: str, loader: Any) -> Iterator[tuple[int, int, str | None, str]]:
    """Yield start, end, style and content of each scalar that holds a placeholder."""
    # libyaml does not count a byte order mark, PyYAML does.
    mark = len(text) - len(text.removeprefix(BYTE_ORDER_MARK))
    try:
        for token in yaml.scan(text[mark:], Loader=loader):
            if isinstance(token, yaml.ScalarToken) and PLACEHOLDER.search(token.value):
                start, end = token.start_mark.index + mark, token.end_mark.index + mark
                yield start, end, token.style, token.value
    except yaml.YAMLError as error:
        raise _yaml_error(error, text) from error


def _filled(
    text: str, start: int, end: int, style: str | None, content: str, values: Mapping[str, str]
) -> str:
    if style not in ("|", ">"):
        return _quoted(_substitute(content, values, text, start, end))
    # The line of the indicator may end in a comment, which is no part of the scalar.
    first = text.index("\n", start, end)
    return text[start:first] + _substitute(text[first:end], values, text, first, end, block=True)


def _substitute(
    content: str, values: Mapping[str, str], text: str, start: int, end: int, *, block: bool = False
) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        line = text.count("\n", 0, max(text.find(found[0], start, end), start)) + 1
        if name not in values:
            raise TemplateError(
                f"template.yaml line {line}: nothing is known of the placeholder {found[0]}.",
                placeholder=name,
                line=line,
                hint=f"Known are: {', '.join(sorted(values)) or 'none'}.",
            )
        if block and not _fits_block(values[name]):
            raise TemplateError(
                f"template.yaml line {line}: the value of {found[0]} does not fit into a block of text.",
                placeholder=name,
                line=line,
                hint="Write that placeholder in quotes.",
            )
        return values[name]

    return PLACEHOLDER.sub(value, content)


def _fits_block(value: str) -> bool:
    # A block has no escapes, and reads spaces at the ends and empty lines as its layout.
    return value.isprintable() and value.isascii() and value == value.strip() != ""


def _quoted(value: str) -> str:
    # A double-quoted scalar can hold anything, and stays a string whatever it looks like (null, 1e5).
    # JSON writes one for plain text; what is not, YAML takes by its number.
    return "".join(
        json.dumps(char)[1:-1] if char.isascii() and char.isprintable() else f"\\U{ord(char):08x}"
        for char in value
    ).join('""')


def _yaml_error(error: yaml.YAMLError, text: str) -> TemplateError:
    problem, line = str(error), 1
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        problem, line = error.problem or problem, error.problem_mark.line + 1
    elif found := yaml.reader.Reader.NON_PRINTABLE.search(text):
        problem, line = f"the character {found[0]!r} is not allowed", text.count("\n", 0, found.start()) + 1
    return TemplateError(
        f"template.yaml line {line}: {problem}", line=line, hint="Mend the YAML at that line."
    )
