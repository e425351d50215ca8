"""The template's text and the artifacts become the rendered template. Pure.

A placeholder is ``__plldb.NAME__`` in a scalar of the template. Only the scalars that hold one are
touched, and only as text: tags, anchors, comments, dates and everything else that CloudFormation
owns stay byte for byte what they were, so that line numbers stay what they were, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import yaml

from plldb.bootstrap.errors import TemplateError
from plldb.errors import Hint

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
    scalars = _scalars(text, loader)
    _check(text, scalars, values)
    body = text
    for scalar in reversed(scalars):  # from the end, so that places stay right
        body = body[: scalar.start] + scalar.written(values) + body[scalar.end :]
    return RenderedTemplate(body=body, resources=resources)


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


def read_ahead(text: str) -> None:
    """Read a template while nothing else is to be done: what asks for it later, does not read it again.

    Raises:
        TemplateError: the text is no YAML, or has no resources.
    """
    read_resources(text)
    _scalars(text, LOADER)


@lru_cache(maxsize=4)
def compose(text: str, loader: Any = LOADER) -> yaml.Node | None:
    """Return the nodes of a YAML text. They are kept, so nobody may change them.

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    node: yaml.Node | None = yaml.compose(text, Loader=loader)
    return node


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
        root = compose(text, loader)
    except yaml.YAMLError as error:
        raise _yaml_error(error, text) from error
    resources = _child(root, "Resources")
    if not isinstance(resources, yaml.MappingNode) or not resources.value:
        raise TemplateError(
            "The template has no resources.", line=1, hint=Hint("reinstall", "Install plldb again.")
        )
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scalar:
    """A scalar that holds a placeholder: where it stands, and its content.

    Of a ``block`` the content is the text itself, behind the line of its indicator: that may end in a
    comment, which is no part of the scalar.
    """

    start: int
    end: int
    content: str
    block: bool

    def written(self, values: Mapping[str, str]) -> str:
        """Return what stands there once its placeholders are replaced."""
        content = PLACEHOLDER.sub(lambda found: values[found[1]], self.content)
        return content if self.block else _quoted(content)


@lru_cache(maxsize=4)
def _scalars(text: str, loader: Any) -> tuple[_Scalar, ...]:
    """Return the scalars that hold a placeholder, in the order of the text."""
    try:
        return tuple(_scan(text, loader))
    except yaml.YAMLError as error:
        raise _yaml_error(error, text) from error


def _scan(text: str, loader: Any) -> Iterator[_Scalar]:
    # libyaml does not count a byte order mark, PyYAML does.
    mark = len(text) - len(text.removeprefix(BYTE_ORDER_MARK))
    for token in yaml.scan(text[mark:], Loader=loader):
        if not isinstance(token, yaml.ScalarToken) or not PLACEHOLDER.search(token.value):
            continue
        start, end = token.start_mark.index + mark, token.end_mark.index + mark
        block = token.style in ("|", ">")
        if block:
            start = text.index("\n", start, end)
        content = text[start:end] if block else token.value
        yield _Scalar(start=start, end=end, content=content, block=block)


def _check(text: str, scalars: Sequence[_Scalar], values: Mapping[str, str]) -> None:
    """Find a placeholder that has no value, a value that does not fit, and a value that nothing uses."""
    places = [(scalar, found[1]) for scalar in scalars for found in PLACEHOLDER.finditer(scalar.content)]
    for scalar, name in places:
        placeholder = f"__plldb.{name}__"
        line = text.count("\n", 0, max(text.find(placeholder, scalar.start, scalar.end), scalar.start)) + 1
        if name not in values:
            raise TemplateError(
                f"template.yaml line {line}: the placeholder {placeholder} is unknown.",
                placeholder=name,
                line=line,
                hint=Hint("fix-template", f"Known are: {', '.join(sorted(values)) or 'none'}."),
            )
        if scalar.block and not _fits_block(values[name]):
            raise TemplateError(
                f"template.yaml line {line}: the value of {placeholder} does not fit into a block of text.",
                placeholder=name,
                line=line,
                hint=Hint("fix-template", "Write that placeholder in quotes."),
            )
    if unused := values.keys() - {name for _, name in places}:
        name = min(unused)
        raise TemplateError(
            f"The template never uses the placeholder __plldb.{name}__.",
            placeholder=name,
            hint=Hint("fix-template", "Every package needs a resource in template.yaml that refers to it."),
        )


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
        f"template.yaml line {line}: {problem}",
        line=line,
        hint=Hint("fix-template", "Fix the YAML at that line."),
    )
