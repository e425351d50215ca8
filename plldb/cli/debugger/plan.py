"""The plan of a session: what functions are called, where their code lies, what changes; in words. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plldb.cli.debugger.status import where_text
from plldb.cli.output.layout import Item, Line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plldb.debugger.events.attach import AttachPlanned, PlannedFunction


def short_names(functions: Sequence[PlannedFunction]) -> dict[str, str]:
    """Return what each function is called, by its name: its logical id, which is shorter.

    Where functions of several stacks have the same one, the stack is said with it, as one would type it.
    """
    count = Counter(each.logical_id for each in functions)
    return {
        each.function: (f"{each.stack}/{each.logical_id}" if count[each.logical_id] > 1 else each.logical_id)
        if each.logical_id
        else each.function
        for each in functions
    }


def function_lines(names: Mapping[str, str], functions: Sequence[PlannedFunction]) -> list[Item]:
    """Say where the code of functions lies, and which Pythons run it; ``names`` is what they are called."""
    pythons = dict.fromkeys(each.python for each in functions)
    return [
        *(
            Line(name="function", text=f"{names[each.function]}: {each.handler} in {each.folder}")
            for each in functions
        ),
        *(Line(name="python", text=python) for python in pythons),
    ]


def condition_lines(where: tuple[str, ...]) -> list[Line]:
    """Say which invocations come here, where there are conditions."""
    if not where:
        return []
    return [
        Line(name="where", text=f"only invocations {where_text(where)}; the others run the deployed code")
    ]


def changes_line(plan: AttachPlanned) -> Line:
    """Say what attaching changes, and until when."""
    text = (
        f"a layer, a wrapper, the timeout and one variable of {_these(len(plan.functions))}, until this "
        f"ends, at the latest {_clock(plan.lease_until)}"
    )
    return Line(mark="warn", name="changes", text=text)


def _these(count: int) -> str:
    return "this function" if count == 1 else f"these {count} functions"


def _clock(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M} UTC"
