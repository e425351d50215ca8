"""From a stack and what was asked for to an attached session: its plan. Talks to AWS and the disk."""

from __future__ import annotations

import asyncio
import platform
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.debugger.arming.naming.find import list_stacks, tell_and_find
from plldb.debugger.arming.naming.names import Names, Wanted, check_named, stacks_of
from plldb.debugger.arming.naming.stacks import read_infrastructure
from plldb.debugger.arming.operate import Places
from plldb.debugger.arming.restore import look_at, open_places
from plldb.debugger.attaching.held import HeldFunctions
from plldb.debugger.attaching.options import AttachOptions, OpenWorkers
from plldb.debugger.attaching.plan import Candidate, Me, nothing_left, plan_function
from plldb.debugger.attaching.private_hosts import name_private_hosts
from plldb.debugger.attaching.session import SessionRun
from plldb.debugger.attaching.telling import Telling
from plldb.debugger.events.attach import AttachEvent, AttachFinished, AttachPlanned, PlannedFunction
from plldb.debugger.events.restore import FunctionRefused, TakeOverPlanned
from plldb.debugger.link.addresses import websocket_address
from plldb.debugger.link.rows import make_row
from plldb.debugger.pace import Pace
from plldb.debugger.watching.ends import Leave
from plldb.debugger.workers.source import check_project
from plldb.streams import Tell
from plldb.tasks import gather_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for: which functions, and how."""

    names: Names
    options: AttachOptions
    open_workers: OpenWorkers


async def attach_functions(
    aws: Aws, order: Order, tell: Tell[AttachEvent], leave: Leave, *, pace: Pace
) -> AttachFinished:
    """Attach until ``leave`` asks for the end or the lease ends; then restore.

    Raises:
        NotSetUpError: plldb's infrastructure is not there.
        NoFunctionsError: no function can be attached to.
        PlldbError: what else goes wrong; functions have been restored all the same.
    """
    seconds = order.options.hours * 3600
    target, infrastructure, listed, places, row = await gather_all(
        aws.read_target(),
        read_infrastructure(aws),
        list_stacks(aws, order.names),
        open_places(aws, pace),
        make_row(aws, stack="", host=platform.node(), now=time.time(), seconds=seconds),
    )
    wanted = await tell_and_find(aws, target, "attach", order.names, listed, tell)
    candidates = await _plan(aws, places, order, target, wanted, tell)
    if taken := [(each.name, each.hold) for each in candidates if each.taken]:
        looks = await gather_all(*[look_at(places, name, hold) for name, hold in taken])
        await tell(TakeOverPlanned(functions=tuple(looks)))
    await tell(
        AttachPlanned(
            functions=tuple(_planned(each, order.options.variables) for each in candidates),
            lease_until=row.ends_at,
            debug_port=order.options.debug_port,
            where=order.options.where,
        )
    )
    row = replace(row, stack=", ".join(stacks_of(wanted)))
    async with Telling(tell, pace.read_within) as telling:
        held = HeldFunctions(
            places=places,
            row=row,
            infrastructure=infrastructure,
            url=websocket_address(infrastructure.websocket_url, target.endpoint_url),
            tokens={each.name: secrets.token_hex(32) for each in candidates},
            settings={each.name: each.settings for each in candidates},
            where=order.options.where,
            telling=telling,
        )
        session = SessionRun(
            held=held, candidates=candidates, options=order.options, open_workers=order.open_workers
        )
        return await session.run(leave)


async def _plan(
    aws: Aws,
    places: Places,
    order: Order,
    target: Target,
    wanted: Sequence[Wanted],
    tell: Tell[AttachEvent],
) -> tuple[Candidate, ...]:
    check_named(wanted, order.options.folders)
    await asyncio.to_thread(check_project, order.options.project)
    me = Me(
        target=target, host=platform.node(), where=order.options.where, takes_over=order.options.take_over
    )
    planned = await gather_all(
        *[plan_function(aws, places, each, order.options.project, me) for each in wanted]
    )
    refused = [each for each in planned if isinstance(each, FunctionRefused)]
    for each in refused:
        await tell(each)
    candidates = tuple(each for each in planned if isinstance(each, Candidate))
    if not candidates:
        raise nothing_left(refused)
    return candidates


def _planned(candidate: Candidate, set_here: Mapping[str, str]) -> PlannedFunction:
    settings = candidate.settings
    hosts = name_private_hosts(settings.variables) if settings.in_vpc else ()
    return PlannedFunction(
        function=candidate.name,
        logical_id=settings.logical_id,
        stack=settings.stack,
        handler=candidate.source.handler,
        folder=str(candidate.source.folder),
        python=str(candidate.source.python),
        in_vpc=settings.in_vpc,
        private_hosts=tuple(name for name in hosts if name not in set_here),
    )
