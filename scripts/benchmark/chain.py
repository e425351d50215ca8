"""Which resources of a template wait for which, and how long the longest chain takes. Pure.

The times are typical ones, from experience; nothing here has verified them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TABLE = "AWS::DynamoDB::Table"
ROLE = "AWS::IAM::Role"
LOG_GROUP = "AWS::Logs::LogGroup"
API = "AWS::ApiGatewayV2::Api"

TYPICAL_SECONDS = {
    TABLE: 20.0,
    ROLE: 17.0,
    "AWS::IAM::Policy": 15.0,
    "AWS::Lambda::Function": 5.0,
    LOG_GROUP: 1.0,
}
TABLE_WITH_INDEXES_SECONDS = 45.0
OTHER_SECONDS = 2.0  # the parts of an API, permissions

_IN_SUB = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[^}]*)?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource, how long it typically takes to create, and what it waits for."""

    logical_id: str
    kind: str
    seconds: float
    waits_for: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a resource is created, in typical seconds from the beginning of the stack."""

    resource: Resource
    start: float

    @property
    def end(self) -> float:
        """When it is ready."""
        return self.start + self.resource.seconds


class _Loader(yaml.SafeLoader):
    """Reads !Ref and its kind as what they are short for; a date stays text."""


def _construct_short(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def _construct_text(_: _Loader, node: yaml.Node) -> str:
    assert isinstance(node, yaml.ScalarNode)
    return str(node.value)


_Loader.add_multi_constructor("!", _construct_short)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _construct_text)


def read_graph(text: str) -> dict[str, Resource]:
    """Read the resources of a template."""
    resources: dict[str, Any] = yaml.load(text, Loader=_Loader)["Resources"]
    return {name: _resource(name, body, resources.keys()) for name, body in resources.items()}


def _resource(name: str, body: dict[str, Any], known: Any) -> Resource:
    after = body.get("DependsOn", [])
    named = set(_references(body)) | ({after} if isinstance(after, str) else set(after))
    return Resource(
        logical_id=name, kind=body["Type"], seconds=typical_seconds(body), waits_for=frozenset(named & known)
    )


def typical_seconds(body: dict[str, Any]) -> float:
    """How long a resource typically takes to create; unverified."""
    if body["Type"] == TABLE and body.get("Properties", {}).get("GlobalSecondaryIndexes"):
        return TABLE_WITH_INDEXES_SECONDS
    return TYPICAL_SECONDS.get(body["Type"], OTHER_SECONDS)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _named_by(key, inner)
            yield from _references(inner)


def _named_by(key: str, value: Any) -> Iterator[str]:
    if key == "Ref":
        yield value
    elif key == "Fn::GetAtt":
        yield value.partition(".")[0] if isinstance(value, str) else value[0]
    elif key == "Fn::Sub":
        yield from _IN_SUB.findall(value if isinstance(value, str) else value[0])


def schedule(graph: Mapping[str, Resource]) -> dict[str, Span]:
    """When each resource is created if CloudFormation begins each as soon as what it waits for is ready."""
    spans: dict[str, Span] = {}

    def place(name: str) -> Span:
        if name not in spans:
            start = max((place(other).end for other in graph[name].waits_for), default=0.0)
            spans[name] = Span(resource=graph[name], start=start)
        return spans[name]

    for name in graph:
        place(name)
    return spans


def find_chain(spans: Mapping[str, Span], *, at_least: int = 1) -> tuple[Span, ...]:
    """The chain that is ready last, among those of at least so many resources."""
    chains = (_chain_to(name, spans) for name in spans)
    return max((chain for chain in chains if len(chain) >= at_least), key=lambda chain: chain[-1].end)


def _chain_to(name: str, spans: Mapping[str, Span]) -> tuple[Span, ...]:
    span = spans[name]
    if not span.resource.waits_for:
        return (span,)
    last = max(sorted(span.resource.waits_for), key=lambda other: spans[other].end)
    return (*_chain_to(last, spans), span)


def find_before(graph: Mapping[str, Resource], kind: str) -> set[str]:
    """The types of everything that any resource of this type waits for, directly or not."""

    def all_before(name: str) -> frozenset[str]:
        return graph[name].waits_for.union(*(all_before(other) for other in graph[name].waits_for))

    waiting = [name for name, resource in graph.items() if resource.kind == kind]
    return {graph[other].kind for name in waiting for other in all_before(name)}


def tell_chain(chain: tuple[Span, ...]) -> str:
    """One line: each resource and its typical seconds, and the sum."""
    links = " -> ".join(f"{span.resource.logical_id} {span.resource.seconds:.0f} s" for span in chain)
    return f"{links} = {chain[-1].end:.0f} s" if len(chain) > 1 else links


def draw(spans: Mapping[str, Span], *, step: float = 1.0) -> str:
    """A bar for each resource from its beginning to its end, in the order in which they begin."""
    width = max(len(name) for name in spans)
    ordered = sorted(spans.values(), key=lambda span: (span.start, -span.end, span.resource.logical_id))
    lines = []
    for span in ordered:
        bar = " " * round(span.start / step) + "#" * max(1, round(span.resource.seconds / step))
        lines.append(f"{span.resource.logical_id:<{width}}  {bar} {span.end:.0f} s")
    return "\n".join(lines)
