"""What the doctor found, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.header import credentials_lines, endpoint_lines
from plldb.cli.hints import hint_steps, hint_text
from plldb.cli.output.layout import Item, Line, Mark, Tone, last_line, warning
from plldb.cli.output.text import counted

if TYPE_CHECKING:
    from plldb.aws.place import Target
    from plldb.bootstrap.events.looks import DoctorFinished, Finding
    from plldb.cli.hints import Where
    from plldb.cli.invocation import Invocation

_VERDICT_MARKS: dict[str, Mark] = {"ok": "done", "warning": "warn", "problem": "fail", "unknown": "same"}


def finding_lines(event: Finding, asked: Invocation, where: Where, target: Target | None) -> list[Item]:
    """Say what was found and what to do; of a caller whose ``target`` is known also how it signed in."""
    tone: Tone = "bad" if event.verdict == "problem" else "plain"
    unknown = "not examined: " if event.verdict == "unknown" else ""
    name = event.check
    lines: list[Item] = [
        Line(mark=_VERDICT_MARKS[event.verdict], name=name, text=f"{unknown}{event.message}", tone=tone)
    ]
    remedy = event.remedy if event.verdict != "ok" else None  # the last line says how to go on
    if remedy:
        lines.append(Line(text=hint_text(remedy)))
    lines += [Line(text=f"{step.purpose}: `{step.command}`") for step in hint_steps(remedy, asked, "", where)]
    if event.check == "caller" and target:
        lines += [*credentials_lines(target), *endpoint_lines(target)]
    return lines


def examined_line(event: DoctorFinished, unknown: int) -> Line:
    """Say what it all comes to; so many things could not be examined."""
    rest = f", {unknown} not examined" if unknown else ""
    if event.problems:
        text = f"{counted(event.problems, 'problem')}, {counted(event.warnings, 'warning')}{rest}"
        return last_line(text, good=False)
    warnings = f", {counted(event.warnings, 'warning')}" if event.warnings else ""
    if unknown:  # nobody knows whether it is ready
        return warning("plldb", f"no problem found{warnings}{rest}")
    return last_line(f"ready{warnings}", good=True)
