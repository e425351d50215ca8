"""Measured figures become rows with their targets. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scripts.benchmark.startup import REFERENCE

Results = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. ``met`` is None where there is no target, or nothing to hold it against."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    runs: str = ""


def judge(results: Results) -> list[Row]:
    """All rows for which there are figures."""
    parts: list[tuple[str, Callable[[Results], list[Row]]]] = [
        ("steps", _cold),
        ("steps", _changed),
        ("steps", _nothing),
        ("steps", _destroy),
        ("startup", _startup),
        ("stream", _stream),
    ]
    return [row for key, make in parts if key in results for row in make(results)]


def at_most(what: str, values: Sequence[float], limit: float, unit: str = "", digits: int = 0) -> Row:
    """A row whose median must not exceed the limit."""
    middle = statistics.median(values)
    return Row(
        what=what,
        measured=f"{middle:.{digits}f}{unit}",
        target=f"≤ {limit:g}{unit}",
        met=round(middle, digits) <= limit,
        runs=_spread(values, digits),
    )


def sure(what: str, values: Sequence[float], limit: float, unit: str = "", digits: int = 0) -> Row:
    """As `at_most`, but the range is that in which the median of all lies with a certainty of 95 %."""
    ordered, off = sorted(values), round(0.98 * len(values) ** 0.5)
    around = ordered[max(0, len(values) // 2 - off) : len(values) // 2 + off + 1]
    return replace(at_most(what, values, limit, unit, digits), runs=_spread(around, digits))


def never_more_than(what: str, values: Sequence[float], limit: float) -> Row:
    """A row for what must not happen in any run: the worst one is judged."""
    worst = max(values)
    return Row(
        what=f"{what}, worst run",
        measured=f"{worst:.0f}",
        target=f"≤ {limit:g}",
        met=worst <= limit,
        runs=_spread(values, 0),
    )


def ratio(what: str, results: Results, ours: str, theirs: str, limit: float) -> list[Row]:
    """A row for the wall time of ours against theirs, medians; the range is that of run by run."""
    steps = results["steps"]
    if theirs not in steps:
        return [Row(what=what, measured="not measured", target=f"≤ {limit:g} x")]
    a, b = (statistics.median(steps[name]["seconds"]) for name in (ours, theirs))
    measured = f"{a / b:.2f} x ({a:.2f} s, {b:.2f} s)"
    pairs = zip(steps[ours]["seconds"], steps[theirs]["seconds"], strict=True)
    runs = _spread([mine / other for mine, other in pairs], 2)
    return [Row(what=what, measured=measured, target=f"≤ {limit:g} x", met=a / b <= limit, runs=runs)]


def _cold(results: Results) -> list[Row]:
    cold = results["steps"]["plldb cold"]
    uploads = statistics.median(cold["uploads_in_flight"])
    return [
        at_most("cold setup: round trips to the stack's first event", cold["round_trips_to_first_event"], 8),
        Row(
            what="cold setup: uploads in flight",
            measured=f"{uploads:.0f}",
            target="≥ 4",
            met=uploads >= 4,
            runs=_spread(cold["uploads_in_flight"], 0),
        ),
        *ratio("cold setup: wall ÷ cdk bootstrap", results, "plldb cold", "cdk cold", 0.5),
        *ratio("cold setup: wall ÷ sam deploy", results, "plldb cold", "sam cold", 0.2),
    ]


def _changed(results: Results) -> list[Row]:
    changed = results["steps"]["plldb changed"]
    # The template is put as well; it is no package.
    packages = [count - 1 for count in changed["uploads"]]
    return [
        never_more_than("one handler changed: packages uploaded", packages, 1),
        at_most("one handler changed: round trips", changed["round_trips"], 7),
    ]


def _nothing(results: Results) -> list[Row]:
    nothing = results["steps"]["plldb nothing"]
    return [
        at_most("nothing to change: round trips", nothing["round_trips"], 2),
        never_more_than("nothing to change: requests that write", nothing["writes"], 0),
        *ratio("nothing to change: wall ÷ cdk bootstrap", results, "plldb nothing", "cdk nothing", 0.5),
        *ratio("nothing to change: wall ÷ sam deploy", results, "plldb nothing", "sam nothing", 0.3),
        *ratio("nothing to change: wall ÷ floor", results, "plldb nothing", "floor", 1.2),
    ]


def _destroy(results: Results) -> list[Row]:
    return [at_most("destroy: round trips", results["steps"]["plldb destroy"]["round_trips"], 7)]


def _startup(results: Results) -> list[Row]:
    seconds = results["startup"]["seconds"]
    heavy = results["startup"]["heavy_imports"]
    reference = seconds[REFERENCE]
    rows = []
    for name in heavy:
        # Round by round: these are so short that a neighbour who comes and goes slows one of them alone.
        middle = statistics.median(
            [ours / theirs for ours, theirs in zip(seconds[name], reference, strict=True)]
        )
        ours_ms, theirs_ms = (statistics.median(each) * 1000 for each in (seconds[name], reference))
        measured = f"{middle:.2f} x ({ours_ms:.0f} ms, {theirs_ms:.0f} ms)"
        what = f"{name}: wall ÷ {REFERENCE}"
        rows.append(Row(what=what, measured=measured, target="≤ 1.3 x", met=middle <= 1.3))
    imported = sorted({module for modules in heavy.values() for module in modules})
    what = "these: botocore, aiobotocore, aiohttp or rich imported"
    return [*rows, Row(what=what, measured=", ".join(imported) or "none", target="none", met=not imported)]


def _stream(results: Results) -> list[Row]:
    rows = []
    for where, figures in results["stream"].items():
        rows += [
            at_most(f"event visible → shown ({where}): median", figures["median"], 0.6, " s", 2),
            at_most(f"event visible → shown ({where}): 95 %", figures["p95"], 1.2, " s", 2),
            at_most(
                f"while events come ({where}): requests a second", figures["requests_per_second"], 1.2, "", 2
            ),
            at_most(f"last event → exit ({where})", figures["exit_after_last"], 1.0, " s", 2),
        ]
    return rows


def _spread(values: Sequence[float], digits: int) -> str:
    low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low}-{high}"
