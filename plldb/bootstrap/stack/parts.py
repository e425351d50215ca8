"""The parts of the stack that can be deleted by hand, and what is left of a template without them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import yaml

from plldb.bootstrap.events.setup import PartType, StackPart
from plldb.bootstrap.template import compose

# Tables and functions have fixed names in the template.
_NAMES: dict[str, tuple[PartType, str]] = {
    "AWS::DynamoDB::Table": ("AWS::DynamoDB::Table", "TableName"),
    "AWS::Lambda::Function": ("AWS::Lambda::Function", "FunctionName"),
}
_API: PartType = "AWS::ApiGatewayV2::Api"
# The host name of an API begins with its id.
_API_ID = re.compile(r"wss://([a-z0-9]+)\.")
_IN_SUB = re.compile(r"\$\{(\w+)[.}]")


def read_parts(body: str, outputs: Mapping[str, str]) -> tuple[StackPart, ...]:
    """Return the tables, the functions and the API of a stack with this template and these outputs."""
    found = []
    for key, resource in _section(body, "Resources"):
        kind = _text(_child(resource, "Type"))
        if kind in _NAMES:
            resource_type, property_name = _NAMES[kind]
            name = _text(_child(_child(resource, "Properties"), property_name))
        elif kind == _API and (url := _API_ID.match(outputs.get("WebSocketUrl", ""))):
            resource_type, name = _API, url[1]
        else:
            continue
        found.append(StackPart(logical_id=str(key.value), resource_type=resource_type, name=name))
    return tuple(found)


def depending_on(body: str, missing: frozenset[str]) -> frozenset[str]:
    """Return these resources of a template, and all that refer to them, be it through others."""
    references = {str(key.value): _references(value) for key, value in _section(body, "Resources")}
    found = missing
    while more := {name for name, wanted in references.items() if wanted & found} - found:
        found |= more
    return found


def without(body: str, gone: frozenset[str]) -> str:
    """Return a template without these resources, and without the outputs that refer to them.

    All else stays byte for byte what it was, so that CloudFormation finds nothing else to change.
    """
    cut = [(key, value) for key, value in _section(body, "Resources") if key.value in gone]
    cut += [(key, value) for key, value in _section(body, "Outputs") if _references(value) & gone]
    lines = body.splitlines(keepends=True)
    for key, value in reversed(cut):
        lines[key.start_mark.line : _last_line(value) + 1] = []
    return "".join(lines)


def _section(body: str, name: str) -> list[tuple[yaml.Node, yaml.Node]]:
    section = _child(compose(body), name)
    return list(section.value) if isinstance(section, yaml.MappingNode) else []


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    match node:
        case yaml.ScalarNode():
            yield node
        case yaml.SequenceNode():
            for each in node.value:
                yield from _scalars(each)
        case yaml.MappingNode():
            for pair in node.value:
                for each in pair:
                    yield from _scalars(each)


def _references(resource: yaml.Node) -> set[str]:
    """Return the names that a resource or an output refers to; pseudo parameters among them do no harm."""
    found = set()
    for scalar in _scalars(resource):
        match scalar.tag:
            case "!Ref":
                found.add(scalar.value)
            case "!GetAtt":
                found.add(scalar.value.partition(".")[0])
            case "!Sub":
                found.update(_IN_SUB.findall(scalar.value))
    waits_for = _child(resource, "DependsOn")
    return found | ({scalar.value for scalar in _scalars(waits_for)} if waits_for else set())


def _last_line(node: yaml.Node) -> int:
    """Return the last line of a node; a block's own mark is where the next token begins."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _last_line(last[-1] if isinstance(last, tuple) else last)
    end = node.end_mark
    return int(end.line if end.column or end.line == node.start_mark.line else end.line - 1)
