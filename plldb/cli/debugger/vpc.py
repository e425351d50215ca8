"""What is out of reach of a function of a VPC, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.output.layout import Line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plldb.debugger.events.attach import AttachPlanned


def vpc_lines(plan: AttachPlanned, short: Mapping[str, str]) -> list[Line]:
    """Return the line about functions of a VPC; ``short`` is what functions are called, by their names."""
    functions = [each for each in plan.functions if each.in_vpc]
    if not functions:
        return []
    names = ", ".join(short[each.function] for each in functions)
    hosts = dict.fromkeys(name for each in functions for name in each.private_hosts)
    options = " ".join(f"--env {name}=…" for name in hosts) or "--env NAME=VALUE"
    are = "is" if len(functions) == 1 else "are"
    text = f"{names} {are} in a VPC, whose private hosts this machine may not reach; for a tunnel, {options}"
    return [Line(mark="warn", name="vpc", text=text)]
