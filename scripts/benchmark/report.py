"""Rows become a table for the terminal, a page of the documentation and a JSON file. Pure,
but for reading how it was measured from ``method.md``."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.benchmark.targets import Results, Row

_METHOD = Path(__file__).with_name("method.md")


def render_text(rows: Sequence[Row], missing: Sequence[str]) -> str:
    """The table for a terminal."""
    cells = [("what", "measured", "runs", "target", "")] + [
        (row.what, row.measured, row.runs, row.target, verdict(row)) for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join([*(line.rstrip() for line in lines), *(f"not measured: {each}" for each in missing)])


def verdict(row: Row) -> str:
    """What became of the target."""
    if row.met is None:
        return ""
    return "met" if row.met else "MISSED"


def render_json(results: Results, rows: Sequence[Row]) -> str:
    """Everything, for programs."""
    table = [
        {"what": row.what, "measured": row.measured, "target": row.target, "met": row.met} for row in rows
    ]
    return json.dumps({"table": table, **results}, indent=1, ensure_ascii=False) + "\n"


def render_page(results: Results, rows: Sequence[Row]) -> str:
    """The page docs/benchmark.md."""
    conditions = results["conditions"]
    values = {
        "delay_ms": conditions["delay"] * 1000,
        "rounds": conditions["rounds"],
        "date": conditions["date"],
        "python": conditions["python"],
        "cores": conditions["cores"],
        "versions": ", ".join(f"{name} {version}" for name, version in conditions["versions"].items()),
    }
    parts = [
        _METHOD.read_text().format(**values),
        _targets_section(rows, results["missing"]),
        _tools_section(results),
    ]
    return "\n".join(parts)


def _targets_section(rows: Sequence[Row], missing: Sequence[str]) -> str:
    lines = [(row.what, row.measured, row.runs, row.target, verdict(row)) for row in rows]
    table = markdown_table(("what", "measured", "range", "target", ""), lines)
    notes = "".join(f"\nNot measured: {each}.\n" for each in missing)
    return f"## Targets\n\n{table}\n{notes}"


def _tools_section(results: Results) -> str:
    lines = []
    for name, step in results["steps"].items():
        figures = {key: statistics.median(values) for key, values in step.items()}
        lines.append(
            (
                name,
                f"{figures['seconds']:.2f}",
                f"{figures['cpu_seconds']:.2f}",
                f"{figures['requests']:.0f}",
                f"{figures['round_trips']:.0f}",
                f"{figures['in_flight']:.0f}",
            )
        )
    head = ("what", "wall, s", "CPU, s", "requests", "round trips", "most in flight")
    return f"## Everything that was run\n\n{markdown_table(head, lines)}\n"


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
