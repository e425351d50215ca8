"""The face for programs: one JSON object a line on stdout. Talks to the console.

The schema is in ``docs/json.md``, and a test holds both together. What carries a result is held back until
the run has ended, and then is the last line. Only ASCII is written, so nothing from AWS can steer a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.output.jsonvalues import Json, json_line, object_fields, problem_fields
from plldb.cli.output.renderer import write_line, write_note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plldb.cli.jobs import JobName, Shown
    from plldb.cli.output.renderer import Lane, Outcome, Terminal
    from plldb.cli.problems import Problem


class JsonFace:
    """Writes events as they come and the result last."""

    patience: float | None = None

    def __init__(self, job: JobName, terminal: Terminal, *, several: bool) -> None:
        self._job = job
        self._terminal = terminal
        self._several = several
        self._results: dict[str, Shown] = {}
        self._ended = False

    def show(self, lane: Lane, event: Shown) -> None:
        """Writes an event, unless it carries the result: that waits for `done`."""
        if result_of(event):
            self._results[lane.label] = event
        else:
            fields = object_fields(event)
            self._write(str(fields.pop("kind")), lane, fields)

    def idle(self, lane: Lane) -> None:
        """Says nothing: a program has its own clock."""

    def done(self, lane: Lane, exit_code: int) -> None:
        """Writes the result of a region."""
        event = self._results.pop(lane.label, None)
        head: dict[str, Json] = {"operation": self._job, "exit_code": exit_code}
        rest: dict[str, Json] = {} if event is None else {**object_fields(event), "result": result_of(event)}
        rest.pop("kind", None)
        self._end("finished", lane, {**head, **rest})

    def fail(self, lane: Lane | None, problem: Problem) -> None:
        """Writes why a region, or the whole run, has no result."""
        self._end("failed", lane, problem_fields(problem))

    def summarise(self, outcomes: Sequence[Outcome]) -> None:
        """Writes the last line of several regions."""
        worst = max(outcome.exit_code for outcome in outcomes)
        regions: list[Json] = [
            {"region": o.lane.label, "exit_code": o.exit_code, "said": o.said} for o in outcomes
        ]
        verdict: dict[str, Json] = {"code": "regions-failed"} if worst else {"result": "done"}
        fields: dict[str, Json] = {"operation": self._job, **verdict, "exit_code": worst, "regions": regions}
        self._end("failed" if worst else "finished", None, fields)

    def pause(self) -> None:
        """Nothing is ever asked here."""

    def note(self, text: str) -> None:
        """Writes one line to stderr."""
        write_note(self._terminal.stderr, text)

    def _end(self, kind: str, lane: Lane | None, fields: Mapping[str, Json]) -> None:
        last = lane is None or not self._several
        self._write(kind if last else f"region_{kind}", lane, fields)
        self._ended = self._ended or last

    def _write(self, kind: str, lane: Lane | None, fields: Mapping[str, Json]) -> None:
        if self._ended:  # an interrupted stream may still have something to say while it closes
            return
        region: dict[str, Json] = {"region": lane.label if lane else None} if self._several else {}
        write_line(self._terminal.stdout, json_line(kind, self._terminal.clock(), {**region, **fields}))


def result_of(event: Shown) -> str | None:
    """The result that an event carries; None if it is not the last of its stream."""
    return getattr(event, "outcome", None)
