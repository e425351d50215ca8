"""The public functions of the debugger. Talks to AWS through the modules behind them."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, overload

from plldb.aws.place import DEFAULT_PLACE, Place
from plldb.aws.session import open_aws
from plldb.debugger.arming.naming.names import Names
from plldb.debugger.arming.restore import restore_functions
from plldb.debugger.attaching.attach import Order, attach_functions
from plldb.debugger.attaching.look import look
from plldb.debugger.attaching.options import DEFAULT_OPTIONS, AttachOptions, check_conditions
from plldb.debugger.editors.started import is_followed
from plldb.debugger.events.attach import AttachEvent, AttachFinished
from plldb.debugger.events.invoke import Invoked
from plldb.debugger.events.replay import ReplayEvent, ReplayFinished
from plldb.debugger.events.restore import RestoreEvent, RestoreFinished
from plldb.debugger.events.status import DebuggerStatus
from plldb.debugger.invoking.event import make_event
from plldb.debugger.invoking.invoke import invoke_function
from plldb.debugger.pace import DEFAULT_PACE, Pace
from plldb.debugger.replaying.options import DEFAULT_REPLAY, ReplayOptions
from plldb.debugger.replaying.replay import replay_files
from plldb.debugger.watching.ends import Leave
from plldb.debugger.workers import pool
from plldb.debugger.workers.environment import machine_of
from plldb.streams import Tell, stream


class Attachment:
    """An attached session, made by `attach`. Iterate over it for its events; the last is `AttachFinished`."""

    def __init__(self, events: AsyncGenerator[AttachEvent, None], leave: Leave) -> None:
        self._events = events
        self._leave = leave

    def __aiter__(self) -> AsyncIterator[AttachEvent]:
        return self._events

    def detach(self) -> None:
        """Take no more invocations; the stream ends once those under way have been answered."""
        self._leave.asked.set()

    async def withdraw(self) -> None:
        """Let neither sandboxes nor `status` find this session any more; return once that is so.

        For a program that is about to end and cannot wait for the end of the stream: what is being restored
        at this moment is waited for, and told, nothing else. Raises nothing.
        """
        self._leave.at_once.set()
        await self._leave.withdrawn.wait()


@asynccontextmanager
async def attach(
    place: Place = DEFAULT_PLACE,
    stack: str | Sequence[str] = "",
    functions: Sequence[str] = (),
    options: AttachOptions = DEFAULT_OPTIONS,
    *,
    pace: Pace = DEFAULT_PACE,
) -> AsyncIterator[Attachment]:
    """Run the invocations of deployed functions on this machine, until the session is detached.

    `AttachPlanned` comes before anything is changed: a caller that does not like it leaves the block. However
    the block is left, the functions are as deployed again at its end, and by themselves when the lease ends.

    Where this program itself runs under a debugger that follows it into other processes, as an editor starts
    it, that one debugs the workers, and no port is opened.

    Args:
        place: where to act; what it leaves open is found as the AWS tools find it.
        stack: name of the stack of the functions, or of several stacks: every Python function of them
            whose code is on this machine. Empty if ``functions`` name all.
        functions: of a stack only these, by logical id, name, ARN, or ``STACK/LogicalId``. A word may also
            be the name of another stack, or that of a function of no stack.
        options: how to attach.
        pace: how long plldb waits for what.

    Raises:
        ConditionError: a condition says nothing that could be asked.
        NotSetUpError: plldb's infrastructure is not there, or too old.
        NoFunctionsError: there is no function to attach to.
        PlldbError: see the tree in `plldb.errors`.
    """
    check_conditions(options.where)
    if is_followed():  # two debuggers in a worker would be in each other's way
        options = replace(options, debug_port=None, wait=False)
    leave = Leave()
    leave.withdrawn.set()  # before it connects, nobody finds it
    open_workers = partial(
        pool.open_workers,
        debug=options.debug_port,
        wait=options.wait,
        machine=machine_of(place, os.environ),
    )
    order = Order(names=_names(stack, functions), options=options, open_workers=open_workers)

    async def work(tell: Tell[AttachEvent]) -> AttachFinished:
        async with open_aws(place, pace) as aws:
            return await attach_functions(aws, order, tell, leave, pace=pace)

    async with aclosing(stream(work)) as events:
        yield Attachment(events, leave)


async def restore(
    place: Place = DEFAULT_PLACE,
    stack: str | Sequence[str] = "",
    functions: Sequence[str] = (),
    *,
    take_over: bool = False,
    pace: Pace = DEFAULT_PACE,
) -> AsyncGenerator[RestoreEvent, None]:
    """Put functions back as they were deployed, from any machine; the last event is `RestoreFinished`.

    What a deployment has changed since stays. A function that cannot be restored is told in a
    `FunctionRefused`, and the others go on.

    Args:
        place: where to act; what it leaves open is found as the AWS tools find it.
        stack: name of a stack, or of several, as in `attach`; with no name at all, every function.
        functions: more names, as in `attach`.
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
            named = _names(stack, functions)
            return await restore_functions(aws, named, tell, take_over=take_over, pace=pace)

    async with aclosing(stream(work)) as events:
        async for event in events:
            yield event


async def replay(
    files: Sequence[Path],
    options: ReplayOptions = DEFAULT_REPLAY,
    *,
    pace: Pace = DEFAULT_PACE,
) -> AsyncGenerator[ReplayEvent, None]:
    """Run invocations again that a session has recorded (`AttachOptions.record`); no AWS is needed.

    They run in the order of ``files``, each function's in one process, which starts when it is needed. The
    last event is `ReplayFinished`. A debugger that follows this program debugs them, as in `attach`.

    Args:
        files: recordings.
        options: where the code is, and how to run it.
        pace: how long plldb waits for what.

    Raises:
        RecordingError: a file cannot be read, or is no recording; nothing was run.
        SourceError: the code of a function, or a Python to run it, is not on this machine; nothing was run.
        PortError: a debugger cannot connect on this port.
    """
    if followed := is_followed():  # as in `attach`
        options = replace(options, debug_port=None, wait=False)

    async def work(tell: Tell[ReplayEvent]) -> ReplayFinished:
        machine = dict(os.environ)
        return await replay_files(files, options, tell, machine=machine, followed=followed, pace=pace)

    async with aclosing(stream(work)) as events:
        async for event in events:
            yield event


async def status(
    place: Place = DEFAULT_PLACE, stack: str | Sequence[str] = "", *, pace: Pace = DEFAULT_PACE
) -> DebuggerStatus:
    """Take one look at who is attached to what, and at what is armed. Changes nothing.

    ``stack`` is the name of a stack, or of several; empty for all that is held or armed.

    Raises:
        NoFunctionsError: there is no such stack.
        PlldbError: see the tree in `plldb.errors`.
    """
    async with open_aws(place, pace) as aws:
        return await look(aws, _names(stack).stacks, pace=pace)


async def invoke(
    place: Place = DEFAULT_PLACE,
    function: str = "",
    event: Any = None,
    *,
    stack: str = "",
    pace: Pace = DEFAULT_PACE,
) -> Invoked:
    """Send one event to a function through the cloud, once, and return its answer.

    That the function answers an error raises nothing: `Invoked.error` has it. To cancel it does not stop what
    runs in the cloud.

    Args:
        place: where to act; what it leaves open is found as the AWS tools find it.
        function: name or ARN, also of a version or an alias; with ``stack`` its logical id.
        event: what is sent: bytes are JSON text already, anything else is written as JSON. None is ``{}``.
        stack: name of the stack of the function; empty if it is named by itself.
        pace: how long plldb waits for what; ``answered_within`` for the answer.

    Raises:
        NoFunctionsError: there is no such function.
        SettingsError: the event is no JSON, or is too large.
        UnreachableError: no answer came; the hint says whether the function may have run.
        PlldbError: see the tree in `plldb.errors`.
    """
    text = make_event({} if event is None else event)
    async with open_aws(place, pace) as aws:
        return await invoke_function(aws, stack, function, text, pace=pace)


@overload
async def result(events: AsyncGenerator[RestoreEvent, None]) -> RestoreFinished: ...
@overload
async def result(events: AsyncGenerator[ReplayEvent, None]) -> ReplayFinished: ...
async def result(
    events: AsyncGenerator[RestoreEvent, None] | AsyncGenerator[ReplayEvent, None],
) -> RestoreFinished | ReplayFinished:
    """Run an operation to its end and return its last event.

    Raises:
        PlldbError: what the operation raises.
    """
    async with aclosing(events):
        async for event in events:
            if isinstance(event, RestoreFinished | ReplayFinished):
                return event
    raise RuntimeError("the events ended without a result")


def _names(stack: str | Sequence[str], functions: Sequence[str] = ()) -> Names:
    stacks = (stack,) if isinstance(stack, str) else stack
    return Names(stacks=tuple(dict.fromkeys(filter(None, stacks))), words=tuple(functions))
