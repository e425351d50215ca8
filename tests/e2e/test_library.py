"""Breaking out of the loop closes everything; several streams share a loop."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from plldb import bootstrap
from tests.e2e.holdings import BRISK, collect, read_stack
from tests.support.behaviours import on
from tests.support.events import PacedEvents, Pacing

if TYPE_CHECKING:
    from tests.conftest import OpenClient
    from tests.support.proxy import Proxy

STOPS: dict[str, type] = {
    "at_once": bootstrap.Started,
    "before_the_uploads": bootstrap.BucketReady,
    "before_the_stack": bootstrap.TemplatePublished,
    "in_mid_stream": bootstrap.StackEvent,
}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS.keys())
async def test_breaking_out_of_the_loop_closes_everything(
    aws_env: dict[str, str], proxy: Proxy, stop: type
) -> None:
    proxy.use(on(PacedEvents(Pacing(seconds=0.5)), "cloudformation"))
    before = asyncio.all_tasks()
    async with aclosing(bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK)) as events:
        async for event in events:
            if isinstance(event, stop):
                break
    # What is left are the proxy's own tasks, one for each connection that the client has closed.
    assert not [task for task in asyncio.all_tasks() - before if "Proxy" not in repr(task.get_coro())]
    gc.collect()  # a socket that is still open warns now, and a warning fails the test

    finished = (await collect(bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK)))[-1]
    assert isinstance(finished, bootstrap.SetupFinished)


async def test_cancelling_the_task_ends_the_stream_and_leaves_cloudformation_at_work(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient
) -> None:
    proxy.use(on(PacedEvents(Pacing(seconds=30.0)), "cloudformation"))
    begun = asyncio.Event()

    async def set_up() -> None:
        async with aclosing(bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK)) as events:
            async for event in events:
                if isinstance(event, bootstrap.StackEvent):
                    begun.set()

    task = asyncio.create_task(set_up())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()
    assert (await read_stack(open_client))["StackStatus"] == "CREATE_COMPLETE"


async def test_two_regions_stream_side_by_side_and_are_not_mixed_up(
    aws_env: dict[str, str], proxy: Proxy
) -> None:
    proxy.use(on(PacedEvents(Pacing(seconds=0.5)), "cloudformation"))
    regions = ("eu-west-1", "us-east-1")
    streams = [
        collect(bootstrap.setup(bootstrap.Place(region=region, endpoint_url=proxy.url), pace=BRISK))
        for region in regions
    ]
    for region, events in zip(regions, await asyncio.gather(*streams), strict=True):
        assert events[-1].deployment.region == region
        ids = {
            event.physical_id
            for event in events
            if isinstance(event, bootstrap.StackEvent) and event.is_stack
        }
        assert ids == {events[-1].deployment.stack_id}
        assert f":{region}:" in events[-1].deployment.stack_id
