"""docs/json.md as data, and what a line of JSON has that the page does not say. Talks to the disk."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.docs.pages import ROOT, read_section

PAGE = ROOT / "docs" / "json.md"

_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+?) \| [^|]*\|$", re.MULTILINE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_CHECKS: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "time": lambda value: isinstance(value, str) and bool(_TIME.fullmatch(value)),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "any": lambda value: True,
}


def read_fields(heading: str) -> dict[str, str]:
    """The table below a heading: field → type."""
    return dict(_ROW.findall(read_section(PAGE, heading)))


def find_faults(value: object, wanted: str, path: str) -> list[str]:
    """Where a JSON value is not of the type that the page gives it."""
    if array := re.fullmatch(r"array of (.+)", wanted):
        return (
            [fault for each in value for fault in find_faults(each, array[1], f"{path}[]")]
            if isinstance(value, list)
            else [f"{path} is no array"]
        )
    if inside := re.fullmatch(r"object of (.+)", wanted):
        values = [*value.values()] if isinstance(value, dict) else None
        return find_faults(values, f"array of {inside[1]}", path)
    if link := re.fullmatch(r"\[(\w+)\]\(#\w+\)( or null)?", wanted):
        return [] if link[2] and value is None else find_faults_in_object(value, link[1], path)
    fits = any(_CHECKS[name](value) for name in wanted.split(" or "))
    return [] if fits else [f"{path} is {value!r}, not {wanted}"]


def find_faults_in_object(value: object, heading: str, path: str) -> list[str]:
    """Where a JSON object has not the fields below a heading, or not of their types."""
    fields = read_fields(heading)
    assert fields, f"json.md has no table below {heading}"
    if not isinstance(value, dict) or value.keys() != fields.keys():
        names = sorted(value) if isinstance(value, dict) else value
        return [f"{path}: {names} is not {sorted(fields)}"]
    return [
        fault for name, item in value.items() for fault in find_faults(item, fields[name], f"{path}.{name}")
    ]


# What the fields of a ``finished`` line are, beside those of every ``finished``.
_RESULTS = {
    "setup": "setup_finished",
    "destroy": "destroy_finished",
    "watch": "watch_finished",
    "status": "bootstrap_status",
    "doctor": "doctor_finished",
    "attach": "attach_finished",
    "replay": "replay_finished",
    "restore": "restore_finished",
    "invoke": "invoked",
}


def read_lines(stdout: str, *heads: str) -> list[dict[str, Any]]:
    """The lines of a run, each held to the page; ``heads`` are fields that every line has."""
    lines = [json.loads(line) for line in stdout.splitlines()]
    check_lines(lines, *heads)
    return lines


def check_lines(lines: Iterable[dict[str, Any]], *heads: str) -> None:
    """Hold lines of a run to the page."""
    faults = [fault for line in lines for fault in _find_faults_in_line(line, heads)]
    assert not faults, faults


def _find_faults_in_line(line: dict[str, Any], heads: tuple[str, ...]) -> list[str]:
    common, body = read_fields("Every line"), dict(line)
    wanted = {name: common[name] for name in ("version", "kind", "time", *heads)}
    kind = line["kind"].removeprefix("region_")
    if "regions" in line:
        return _take_out(body, wanted)
    if kind == "finished":
        wanted |= read_fields("finished")
        planned = {"setup": "setup_planned", "destroy": "removal_planned"}
        kind = (planned if line["result"] == "planned" else _RESULTS)[line["operation"]]
        kind = "debugger_status" if line["result"] in ("armed", "as_deployed") else kind
    return [*_take_out(body, wanted), *find_faults_in_object(body, kind, kind)]


def _take_out(body: dict[str, Any], wanted: Mapping[str, str]) -> list[str]:
    """Take these fields out of an object; return where they are not of their types."""
    return [fault for name, type_ in wanted.items() for fault in find_faults(body.pop(name), type_, name)]
