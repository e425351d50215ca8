"""Values as JSON, and one line of the stream: what `plldb.cli.output.jsonlines` documents. Pure.

A usage error in JSON mode ends with such a line too, so nothing here may import the library.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plldb.cli.problems import Problem

SCHEMA_VERSION = 1

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def json_line(kind: str, now: float, fields: Mapping[str, Json]) -> str:
    """Returns one line of the stream, without its end."""
    time = as_json(datetime.fromtimestamp(now, UTC))
    return json.dumps({"version": SCHEMA_VERSION, "kind": kind, "time": time, **fields})


def failed_line(problem: Problem) -> str:
    """The only line of a run that never began."""
    return json_line("failed", datetime.now(UTC).timestamp(), problem_fields(problem))


def problem_fields(problem: Problem) -> dict[str, Json]:
    """The fields of a ``failed`` line."""
    return {
        "operation": problem.operation,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "exit_code": problem.exit_code,
        "stack": problem.stack or None,
        "status": problem.status,
        "failures": as_json(problem.failures),
        "next": as_json(problem.steps),
    }


def object_fields(value: object) -> dict[str, Json]:
    """The fields of a dataclass as JSON values."""
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is not an event")
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: as_json(item) for name, item in fields.items()}


def as_json(value: object) -> Json:
    """Turns a value of an event into what JSON can say."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case tuple() | list():
            return [as_json(item) for item in value]
        case dict():
            return {str(name): as_json(item) for name, item in value.items()}
        case _:
            return object_fields(value)
