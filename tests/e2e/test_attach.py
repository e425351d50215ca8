"""Several runs at one stack, and runs that are interrupted: followed, never disturbed."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from plldb import bootstrap
from tests.e2e.holdings import BRISK, collect, read_history, read_stack, stack_events
from tests.support import program
from tests.support.answers import server_error
from tests.support.behaviours import Answer, on
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy
from tests.support.template import RESOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import OpenClient, RunPlldb
    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.wire import Response


@pytest.fixture
def paced() -> PacedEvents:
    """Events of an operation that ends as soon as it is hastened."""
    return PacedEvents(Pacing(seconds=600))


@pytest.fixture
def slow_env(aws_env: dict[str, str], proxy: Proxy, paced: PacedEvents) -> dict[str, str]:
    """AWS with operations that take their time."""
    proxy.use(on(paced, "cloudformation"))
    return aws_env | {"AWS_ENDPOINT_URL": proxy.url}


async def test_a_second_setup_and_a_watch_follow_the_first_which_is_not_disturbed(
    slow_env: dict[str, str], paced: PacedEvents, open_client: OpenClient, tmp_path: Path
) -> None:
    async with program.started("bootstrap", "setup", env=slow_env, cwd=tmp_path) as first:
        begun = await first.read_until("CREATE_IN_PROGRESS")
        watching = ("bootstrap", "watch", "--output", "json")
        async with (
            program.started("bootstrap", "setup", env=slow_env, cwd=tmp_path) as second,
            program.started(*watching, env=slow_env, cwd=tmp_path) as watch,
        ):
            followed = await second.read_until("follow what is running")
            seen = await watch.read_until('"stack_event"')
            paced.hasten()
            ended = [await each.finish() for each in (first, second, watch)]
    assert [each.code for each in ended] == [0, 0, 0], ended
    rest, told, shown = (
        before + each.stdout for before, each in zip((begun, followed, seen), ended, strict=True)
    )
    assert "Version:" in rest.rstrip().splitlines()[-2]
    assert told.index("follow what is running") < told.index("nothing to change")
    lines = [json.loads(line) for line in shown.splitlines()]
    events = [line["event_id"] for line in lines if line["kind"] == "stack_event"]
    assert events == [event["EventId"] for event in await read_history(open_client)]
    assert (lines[-1]["result"], lines[-1]["status"]) == ("watched", "CREATE_COMPLETE")


async def test_a_destroy_follows_a_running_setup_and_then_removes_it(
    aws_env: dict[str, str], proxy: Proxy
) -> None:
    begun, told = asyncio.Event(), asyncio.Event()

    async def hold(call: Call, forward: Forward) -> Response:
        await told.wait()  # what the setup could not look at any more it could not tell
        return await forward(call)

    proxy.use(on(PacedEvents(Pacing(seconds=4)), "cloudformation"), on(hold, "DeleteStack"))

    async def set_up() -> list[object]:
        events: list[object] = []
        try:
            async for event in bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK):
                events.append(event)
                if isinstance(event, bootstrap.StackEvent):
                    begun.set()
            return events
        finally:
            told.set()

    async def remove() -> list[object]:
        await begun.wait()
        return await collect(bootstrap.destroy(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK))

    made, removed = await asyncio.gather(set_up(), remove())
    assert [event.status for event in made if isinstance(event, bootstrap.OperationFinished)] == [
        "CREATE_COMPLETE"
    ]
    actions = [event.action for event in removed if isinstance(event, bootstrap.ActionDecided)]
    assert actions == ["attach", "delete"]
    followed = [event.event_id for event in stack_events(removed) if event.started_by != "this_run"]
    assert followed == [event.event_id for event in stack_events(made) if event.started_by == "this_run"]
    assert isinstance(removed[-1], bootstrap.DestroyFinished)


async def test_events_are_told_once_though_the_last_look_at_the_stack_fails(
    slow_env: dict[str, str], paced: PacedEvents, proxy: Proxy
) -> None:
    # After the first look DescribeStacks fails for as long as one request is repeated.
    fails = on(Answer(server_error), "DescribeStacks", when=lambda count: 1 < count <= 1 + BRISK.attempts)
    begun = asyncio.Event()

    async def set_up() -> None:
        async for event in bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK):
            if isinstance(event, bootstrap.StackEvent):
                begun.set()

    async def join() -> list[Any]:
        await begun.wait()
        async with Proxy(proxy.url, fails) as second:
            joined: list[Any] = []
            async for event in bootstrap.setup(bootstrap.Place(endpoint_url=second.url), pace=BRISK):
                joined.append(event)
                if isinstance(event, bootstrap.ActionDecided):
                    paced.hasten()
            return joined

    _, events = await asyncio.gather(set_up(), join())
    told = [event.event_id for event in stack_events(events)]
    assert len(told) == len(set(told)) == 2 * (RESOURCES + 1)
    assert [e.action for e in events if isinstance(e, bootstrap.ActionDecided)] == ["attach", "nothing"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_setup_says_how_to_go_on_and_the_next_one_attaches(
    slow_env: dict[str, str],
    paced: PacedEvents,
    open_client: OpenClient,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    async with program.started("bootstrap", "setup", env=slow_env, cwd=tmp_path) as running:
        seen = await running.read_until("CREATE_IN_PROGRESS")
        running.process.send_signal(number)
        done = await running.finish()
    assert done.code == 130, done
    assert "CREATE_COMPLETE" not in (seen + done.stdout).rpartition(" plldb ")[2]
    assert done.stderr.splitlines()[0].startswith("error: interrupted")
    for way in ("CloudFormation goes on", "plldb bootstrap watch", "plldb bootstrap setup", "destroy"):
        assert way in done.stderr
    assert "Traceback" not in done.stderr

    async with program.started("bootstrap", "setup", env=slow_env, cwd=tmp_path) as again:
        await again.read_until("follow what is running")
        paced.hasten()
        done = await again.finish()
    assert done.code == 0, done
    assert "nothing to change" in done.stdout
    assert (await read_stack(open_client))["StackStatus"] == "CREATE_COMPLETE"


async def test_an_interrupt_in_json_ends_with_one_failed_line(
    slow_env: dict[str, str], tmp_path: Path
) -> None:
    arguments = ("bootstrap", "setup", "--output", "json")
    async with program.started(*arguments, env=slow_env, cwd=tmp_path) as running:
        seen = await running.read_until('"stack_event"')
        running.process.send_signal(signal.SIGINT)
        done = await running.finish()
    assert done.code == 130, done
    lines = [json.loads(line) for line in (seen + done.stdout).splitlines()]
    assert [line["kind"] for line in lines if line["kind"] in ("failed", "finished")] == ["failed"]
    assert (lines[-1]["code"], lines[-1]["exit_code"]) == ("interrupted", 130)
    assert [step["purpose"] for step in lines[-1]["next"]] == [
        *("watch it", "go on with it", "undo it (delete all of it)")
    ]


async def test_watch_tells_the_last_operation_when_nothing_runs(
    plldb_cli: RunPlldb, aws_env: dict[str, str], open_client: OpenClient
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    created = await read_history(open_client)
    await collect(bootstrap.setup(options=bootstrap.SetupOptions(tags={"team": "search"}), pace=BRISK))
    history = await read_history(open_client)

    watched = await plldb_cli("bootstrap", "watch", "--output", "json")
    assert watched.code == 0, watched
    lines = [json.loads(line) for line in watched.stdout.splitlines()]
    told = [line["event_id"] for line in lines if line["kind"] == "stack_event"]
    assert told == [event["EventId"] for event in history[len(created) :]]
    assert await read_history(open_client) == history
