"""A session that ends otherwise than it should."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from plldb.debugger import attach
from plldb.debugger.attaching.options import AttachOptions
from plldb.debugger.attaching.runner import Runner
from plldb.debugger.attaching.serve import Service
from plldb.debugger.attaching.session import Arming, SessionRun
from plldb.debugger.errors import RefusedError
from plldb.debugger.events.restore import Restored
from tests.unit.aws.fakes import Client, refused
from tests.unit.debugger.attaching.test_held import ARN, BEFORE, held
from tests.unit.debugger.test_recordings import START

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from plldb.debugger.arming.examine import Function


class Link:
    """One invocation comes; then the session's row is gone."""

    def __init__(self) -> None:
        self.in_hand = (START.identity,)
        self.broken = asyncio.Event()

    async def events(self) -> AsyncIterator[object]:
        yield START
        await self.broken.wait()
        raise RefusedError("the row is gone")

    async def abandon(self) -> None:
        pass


class Workers:
    """A worker that stands at a breakpoint."""

    async def run(self, *_: Any) -> None:
        await asyncio.Event().wait()


async def test_nobody_waits_for_what_runs_once_nothing_is_heard_any_more() -> None:
    link, session = Link(), held(Client("dynamodb", {"update_item": [{}]}))
    workers = cast("Any", Workers())
    runner = Runner(cast("Any", link), workers, session, {})
    async with Service(cast("Any", link), workers, session, runner) as service:
        while not service.heard("orders"):
            await asyncio.sleep(0)
        await service.until_quiet("mails")
        waiting = asyncio.create_task(service.until_quiet("orders"))
        await asyncio.sleep(0)
        link.broken.set()
        with pytest.raises(RefusedError):
            await waiting
        assert (service.count(), service.is_busy()) == (1, True)


class Broken:
    """Workers that have a bug."""

    async def run(self, *_: Any) -> None:
        raise KeyError("bug")


async def test_a_bug_in_running_an_invocation_ends_the_session_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = held(Client("dynamodb", {"update_item": [{}]}))
    link, workers = cast("Any", Link()), cast("Any", Broken())
    service = Service(link, workers, session, Runner(link, workers, session, {}))

    async def serve() -> None:
        async with service:
            await asyncio.wait([service.serving])
            with pytest.raises(KeyError, match="bug"):
                await service.until_quiet("orders")

    with pytest.raises(KeyError, match="bug"):
        await serve()
    gc.collect()
    assert not caplog.records


async def test_all_is_restored_though_the_caller_cancels_again_while_arming_comes_to_its_end() -> None:
    functions = Client("lambda", {"get_function": [refused("ResourceNotFoundException", "GetFunction")]})
    session = held(functions, Client("dynamodb", {"get_item": [{}]}))
    candidates, options = (cast("Any", SimpleNamespace(name=ARN)),), AttachOptions()
    run = SessionRun(held=session, candidates=candidates, options=options, open_workers=cast("Any", None))
    cancelled, sent = asyncio.Event(), asyncio.Event()

    async def arm() -> dict[str, Function]:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
            await sent.wait()  # what was sent is awaited also when cancelled
        raise AssertionError

    async def serve(arming: Arming) -> None:
        async with run.restore_on_failure(cast("Any", Link()), arming):
            await asyncio.Event().wait()

    arming = asyncio.create_task(arm())
    serving = asyncio.create_task(serve(arming))
    await asyncio.sleep(0)
    serving.cancel()
    await cancelled.wait()
    serving.cancel()
    await asyncio.sleep(0)
    sent.set()
    await asyncio.wait([serving])
    assert (serving.cancelled(), arming.cancelled()) == (True, True)
    assert functions.times("get_function") == 1


async def test_a_session_that_has_not_begun_is_withdrawn_at_once() -> None:
    async with attach() as session, asyncio.timeout(60):
        await session.withdraw()


class SlowClient(Client):
    """Whatever else was asked is answered first."""

    async def _answer(self, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        for _ in range(20):
            await asyncio.sleep(0)
        return await super()._answer(name, parameters)


async def test_all_that_can_be_is_restored_though_there_are_bugs_in_ending_a_session() -> None:
    session = held(
        Client("lambda", {"get_function": [KeyError("in restoring"), {"Configuration": BEFORE}]}),
        SlowClient("dynamodb", {"get_item": [{}]}),
    )
    candidates = cast("Any", [SimpleNamespace(name="orders"), SimpleNamespace(name="mails")])
    run = SessionRun(
        held=session, candidates=candidates, options=AttachOptions(), open_workers=cast("Any", None)
    )
    put: list[object] = []

    async def abandon() -> None:
        raise KeyError("in answering")

    link, arming = SimpleNamespace(in_hand=(), abandon=abandon), asyncio.get_running_loop().create_future()
    with pytest.raises(KeyError, match="in restoring"):
        await run._detach_after_failure(cast("Any", link), cast("Any", arming), put.append)
    assert put[-1] == Restored(function="mails", how="nothing-to-do")
