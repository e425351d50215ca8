"""Measured figures become rows with their targets. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from scripts.benchmark.startup import REFERENCE

Results = dict[str, Any]

# What "constant" and "no faster than the bytes" allow for noise: the machine does other things, too.
NOISE = 1.25
CONSTANT = f"≤ {NOISE:g} x (constant, but for noise)"


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
        ("chain", _chain),
        ("packages", _packages),
        ("history", _history),
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
        *ratio("cold setup: wall ÷ cdk bootstrap", results, "plldb cold", "cdk cold", 0.55),
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


def _chain(results: Results) -> list[Row]:
    before = results["chain"]["roles_wait_for"]
    return [
        Row(
            what="template: what the roles wait for",
            measured=", ".join(before) or "nothing",
            target="no table, log group or API",
            met=not before,
        ),
        Row(what="template: what is ready last", measured=results["chain"]["last"]),
        Row(what="template: longest chain of several", measured=results["chain"]["longest"]),
    ]


def _packages(results: Results) -> list[Row]:
    sizes = results["packages"]
    rows = []
    for less, more in pairwise(sizes):
        growth, bytes_growth = more["seconds"] / less["seconds"], more["packages"] / less["packages"]
        what = f"{less['packages']:.0f} → {more['packages']:.0f} packages of 1 MB: time"
        measured = f"{growth:.1f} x ({less['seconds']:.2f} s, {more['seconds']:.2f} s)"
        met = growth <= bytes_growth * NOISE
        target = f"≤ {bytes_growth:.0f} x (as the bytes), + {NOISE - 1:.0%} noise"
        rows.append(Row(what=what, measured=measured, target=target, met=met))
    memory = sizes[-1]["memory_mb"]
    limit = sizes[1]["memory_mb"] * NOISE
    measured = " / ".join(f"{each['memory_mb']:.0f}" for each in sizes) + " MB"
    what = f"the same: memory for {' / '.join(str(round(each['packages'])) for each in sizes)}"
    return [
        *rows,
        Row(
            what=what,
            measured=measured,
            target=f"400 ≤ {NOISE:g} x 40 (bounded by those in flight)",
            met=memory <= limit,
        ),
    ]


def _history(results: Results) -> list[Row]:
    ages = results["history"]
    first, last = ages[0], ages[-1]
    names = f"{first['history']:.0f} → {last['history']:.0f} old events"
    rates = first["requests_per_second"], last["requests_per_second"]
    cpu = first["cpu_seconds"], last["cpu_seconds"]
    cost = results["timeline"]
    return [
        Row(
            what=f"{names}: requests a second for events",
            measured=f"{rates[0]:.2f} → {rates[1]:.2f}",
            target=CONSTANT,
            met=rates[1] <= rates[0] * NOISE,
        ),
        Row(
            what=f"{names}: CPU of the whole update",
            measured=f"{cpu[0]:.2f} s → {cpu[1]:.2f} s",
            target=CONSTANT,
            met=cpu[1] <= cpu[0] * NOISE,
        ),
        Row(
            what="100,000 events: cost of a new one, first → last thousand",
            measured=f"{cost['first_us']:.1f} µs → {cost['last_us']:.1f} µs",
            target=CONSTANT,
            met=cost["last_us"] <= cost["first_us"] * NOISE,
        ),
    ]


def _spread(values: Sequence[float], digits: int) -> str:
    low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low}-{high}"
