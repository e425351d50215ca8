"""What functions are called on the screen. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plldb.debugger.events.attach import PlannedFunction


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
