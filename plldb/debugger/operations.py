"""restore and status: the doors of the debugger. Talks to AWS through the rooms behind them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from plldb.aws.place import DEFAULT_PLACE, Place
from plldb.aws.session import open_aws
from plldb.debugger.arming.restore import restore_functions
from plldb.debugger.attaching.look import look
from plldb.debugger.events import DebuggerStatus, RestoreEvent, RestoreFinished
from plldb.debugger.pace import DEFAULT_PACE, Pace
from plldb.streams import Tell, stream


async def restore(
    place: Place = DEFAULT_PLACE,
    stack: str = "",
    *,
    take_over: bool = False,
    pace: Pace = DEFAULT_PACE,
) -> AsyncGenerator[RestoreEvent, None]:
    """Put functions back as they were deployed, from any machine; the last event is `RestoreFinished`.

    What a deployment has changed since stays. A function that cannot be restored is told in a
    `FunctionRefused`, and the others go on.

    Args:
        place: where to act; what it leaves open is found as the AWS tools find it.
        stack: name of the stack whose functions to restore; empty for all of the account and region.
        take_over: restore also what other people hold; `TakeOverPlanned` names it before anything is
            changed, and a caller that does not like it stops iterating. Without, theirs are left to them
            while the lease runs.
        pace: how long plldb waits for what.

    Raises:
        NoFunctionsError: there is no such stack.
        PlldbError: see the tree in `plldb.errors`.
    """

    async def work(tell: Tell[RestoreEvent]) -> RestoreFinished:
        async with open_aws(place, pace) as aws:
            return await restore_functions(aws, stack, tell, take_over=take_over, pace=pace)

    async with aclosing(stream(work)) as events:
        async for event in events:
            yield event


async def status(
    place: Place = DEFAULT_PLACE, stack: str = "", *, pace: Pace = DEFAULT_PACE
) -> DebuggerStatus:
    """Take one look at who is attached to what, and at what is armed. Changes nothing.

    The arguments are as in `restore`.

    Raises:
        NoFunctionsError: there is no such stack.
        PlldbError: see the tree in `plldb.errors`.
    """
    async with open_aws(place, pace) as aws:
        return await look(aws, stack, pace=pace)


async def result(events: AsyncGenerator[RestoreEvent, None]) -> RestoreFinished:
    """Run an operation to its end and return its last event.

    Raises:
        PlldbError: what the operation raises.
    """
    async with aclosing(events):
        async for event in events:
            if isinstance(event, RestoreFinished):
                return event
    raise RuntimeError("the events ended without a result")
