"""What is not as in the cloud while invocations run here: who waits, what is out of reach; in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.output.layout import Line, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plldb.debugger.events.attach import AttachPlanned
    from plldb.debugger.events.invocations import InvocationStarted

_WAITS = {
    "error": "{} waits {} s; then its client gets an error, and what is answered here is dropped",
    "again": "{} waits {} s, and then invokes it again, three times in all",
    "blocked": "{} sends no later records of this shard until these are answered",
}
"""What happens while an invocation is held, by `Caller.then`; its name, and its seconds."""


class CallerWords:
    """Fed with the invocations of a session as they start, says once for each function what waits for it.

    ``held``: whether there may be breakpoints; without them nothing waits for longer than in the cloud.
    """

    def __init__(self) -> None:
        self.held = False
        self._told: set[tuple[str, str]] = set()

    def say(self, event: InvocationStarted, numbers: Mapping[str, str]) -> list[Line]:
        """Return what is to be said of this one; ``numbers`` are those of invocations, by their ids."""
        lines = []
        caller = event.caller
        if self.held and caller and (event.function, caller.name) not in self._told:
            self._told.add((event.function, caller.name))
            lines.append(Line(name="waiting", text=_WAITS[caller.then].format(caller.name, caller.seconds)))
        if event.repeats:
            text = (
                f"this is the event of {numbers.get(event.repeats, event.repeats)}, which still runs: its "
                "caller has probably stopped waiting (boto3 does after 60 s), and asks again"
            )
            lines.append(warning("waiting", text))
        return lines


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
