"""Output for programs: one JSON object a line on stdout. Talks to the console.

The schema is in ``docs/json.md``; a test compares both. What carries a result is held back until the run
has ended, and then is the last line. Only ASCII is written, so that nothing from AWS can control a terminal.
A usage error ends with such a line too, so nothing here may import the library.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from plldb.cli.output.renderer import write_line, write_note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plldb.cli.output.renderer import Outcome, Problem, RegionRun, Result, Terminal

SCHEMA_VERSION = 1

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class JsonRenderer:
    """Writes events as they come and the result last; ``result`` says which event carries one."""

    patience: float | None = None

    def __init__(
        self, operation: str, result: Callable[[Any], Result | None], terminal: Terminal, *, several: bool
    ) -> None:
        self._operation = operation
        self._result = result
        self._terminal = terminal
        self._several = several
        self._results: dict[str, Any] = {}
        self._ended = False

    def show(self, run: RegionRun[Any], event: Any) -> None:
        """Write an event, unless it carries the result: that waits for `done`."""
        if self._result(event):
            self._results[run.label] = event
        else:
            self._write(str(event.kind), run, fields_of(event))

    def idle(self, run: RegionRun[Any]) -> None:
        """Say nothing: a program has its own clock."""

    def done(self, run: RegionRun[Any], exit_code: int) -> None:
        """Write the result of a region."""
        fields: dict[str, Json] = {"operation": self._operation, "exit_code": exit_code}
        event = self._results.pop(run.label, None)
        result = self._result(event) if event is not None else None
        if result is not None:
            fields |= {"result": result.name, **fields_of(event)}
        self._end("finished", run, fields)

    def fail(self, run: RegionRun[Any] | None, problem: Problem) -> None:
        """Write why a region, or the whole run, has no result."""
        self._end("failed", run, problem_fields(problem))

    def summarise(self, outcomes: Sequence[Outcome]) -> None:
        """Write the last line of several regions."""
        worst = max(outcome.exit_code for outcome in outcomes)
        regions: list[Json] = [
            {"region": o.run.label, "exit_code": o.exit_code, "said": o.summary} for o in outcomes
        ]
        verdict: dict[str, Json] = {"code": "regions-failed"} if worst else {"result": "done"}
        fields: dict[str, Json] = {
            "operation": self._operation,
            **verdict,
            "exit_code": worst,
            "regions": regions,
        }
        self._end("failed" if worst else "finished", None, fields)

    def pause(self) -> None:
        """Do nothing: there is no live line to remove."""

    def note(self, text: str) -> None:
        """Write one line to stderr."""
        write_note(self._terminal.stderr, text)

    def _end(self, kind: str, run: RegionRun[Any] | None, fields: Mapping[str, Json]) -> None:
        last = run is None or not self._several
        self._write(kind if last else f"region_{kind}", run, fields)
        self._ended = self._ended or last

    def _write(self, kind: str, run: RegionRun[Any] | None, fields: Mapping[str, Json]) -> None:
        if self._ended:  # an interrupted stream may still have something to say while it closes
            return
        region: dict[str, Json] = {"region": run.label if run else None} if self._several else {}
        write_line(self._terminal.stdout, json_line(kind, self._terminal.clock(), {**region, **fields}))


def failed_line(problem: Problem) -> str:
    """Return the only line of a run that never began."""
    return json_line("failed", datetime.now(UTC).timestamp(), problem_fields(problem))


def json_line(kind: str, now: float, fields: Mapping[str, Json]) -> str:
    """Return one line of the stream, without its end."""
    time = as_json(datetime.fromtimestamp(now, UTC))
    return json.dumps({"version": SCHEMA_VERSION, "kind": kind, "time": time, **fields})


def problem_fields(problem: Problem) -> dict[str, Json]:
    """Return the fields of a ``failed`` line."""
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


def fields_of(value: object) -> dict[str, Json]:
    """Return the fields of a dataclass as JSON values; the kind of an event is that of its line."""
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is not an event")
    names = [field.name for field in dataclasses.fields(value) if field.name != "kind"]
    return {name: as_json(getattr(value, name)) for name in names}


def as_json(value: object) -> Json:
    """Turn a value of an event into what JSON can say."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case tuple() | list():
            return [as_json(item) for item in value]
        case Mapping():
            return {str(name): as_json(item) for name, item in value.items()}
        case _ if type(value).__str__ is not object.__str__:
            return str(value)  # it has a text of its own, as a hint does
        case _:
            return fields_of(value)
