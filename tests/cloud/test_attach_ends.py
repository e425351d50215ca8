"""How a session of ``plldb attach`` ends, and what one that was killed leaves: all is put back."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plldb import debugger
from plldb.debugger.arming.mutex import list_holds
from tests.cloud.functions import eventually, invoke, until
from tests.cloud.shop import ACCOUNT, attached, settings
from tests.cloud.world import PACE
from tests.support.answers import access_denied, server_error
from tests.support.behaviours import Answer, on
from tests.support.proxy import Proxy
from tests.support.screens import on_terminal

if TYPE_CHECKING:
    from tests.cloud.world import World
    from tests.conftest import RunPlldb
    from tests.support.behaviours import Forward
    from tests.support.cloud import Cloud
    from tests.support.operations import Call
    from tests.support.wire import Response


@pytest.fixture
def account() -> str:
    """One account for all that has the stack ``shop``."""
    return ACCOUNT


async def look(plldb_cli: RunPlldb) -> Any:
    """What ``plldb status`` tells."""
    return json.loads((await plldb_cli("status", "--output", "json")).stdout)


async def test_at_the_end_of_the_time_that_was_asked_for_all_is_put_back(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    async def run(name: str, reason: str, *option: str) -> None:
        before = await settings(world, names[name])
        async with attached(aws_env, folder, "shop", name, "--no-debug", *option) as session:
            await session.read_until("attached")
            assert (await session.read_until("detaching"))["reason"] == reason
            finished = await session.read_until("finished")
            assert (finished["result"], finished["restored"]) == ("detached", 1)
            assert (await session.running.finish()).code == 0
        assert await settings(world, names[name]) == before

    # A busy machine needs seconds until it is attached, and of these 18.
    await asyncio.gather(
        run("Orders", "lease", "--for", "0.005"), run("Mails", "idle", "--until-idle", "0.5")
    )


async def test_after_a_kill_the_deployed_code_answers_and_restore_puts_all_back(
    world: World,
    names: dict[str, str],
    aws_env: dict[str, str],
    folder: Path,
    plldb_cli: RunPlldb,
    cloud: Cloud,
) -> None:
    before, others = await settings(world, names["Orders"]), set(cloud.connections)
    async with attached(aws_env, folder, "shop", "Orders", "--no-debug") as session:
        await session.read_until("attached")
        assert await invoke(world.functions, names["Orders"], 1) == {"laptop": 1}
        both = set(cloud.connections) - others
        await session.running.kill()
        await until(lambda: not both <= set(cloud.connections))
    assert await invoke(world.functions, names["Orders"], 2) == {"deployed": 2}

    async def connected() -> list[bool]:
        return [each["connected"] for each in (await look(plldb_cli))["sessions"][-1:]]

    await eventually(connected, [False])
    restored = await plldb_cli("restore", "shop")
    assert restored.code == 0, restored
    assert "1 function restored" in restored.stdout
    assert await settings(world, names["Orders"]) == before


async def test_what_a_killed_session_has_left_is_taken_over_by_the_next(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    before = await settings(world, names["Orders"])
    for kill in (True, False):
        async with attached(aws_env, folder, "shop", "Orders", "--no-debug") as session:
            await session.read_until("attached")
            if kill:
                await session.running.kill()
            else:
                assert (await session.end())[0] == 0
    await eventually(lambda: settings(world, names["Orders"]), before)


async def test_a_closed_terminal_lets_the_invocation_under_way_finish_and_a_second_ctrl_c_ends_at_once(
    world: World,
    names: dict[str, str],
    aws_env: dict[str, str],
    folder: Path,
    plldb_cli: RunPlldb,
    cloud: Cloud,
) -> None:
    (folder / "index.py").write_text(
        "import pathlib, time\n"
        "def handler(event, context):\n"
        f"    while not pathlib.Path({str(folder)!r}, 'go').exists():\n"
        "        time.sleep(0.02)\n"
        "    return {'laptop': event}\n"
    )
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    async with (
        Proxy(cloud.direct) as tables,
        attached(
            aws_env | {"AWS_ENDPOINT_URL_DYNAMODB": tables.url}, folder, "shop", "Orders", "--no-debug"
        ) as session,
    ):
        signal.signal(signal.SIGHUP, inherited)
        await session.read_until("attached")
        running = asyncio.create_task(invoke(world.functions, names["Orders"], 1))
        await session.read_until("invocation_started")
        tables.use(on(Answer(access_denied), "UpdateItem"))  # the row of the session cannot be marked
        session.running.process.send_signal(signal.SIGHUP)
        assert (await session.read_until("detaching"))["in_hand"] == 1
        session.running.process.send_signal(signal.SIGHUP)  # it is sent twice, and is no impatience
        (folder / "go").touch()
        assert await running == {"laptop": 1}
        assert (await session.read_until("finished"))["result"] == "detached"
        assert (await session.running.finish()).code == 0
    (folder / "go").unlink()
    before = (await look(plldb_cli))["sessions"]
    async with attached(aws_env, folder, "shop", "Orders", "Mails", "--no-debug") as session:
        await session.read_until("attached")
        running = asyncio.create_task(invoke(world.functions, names["Orders"], 1))
        await session.read_until("invocation_started")
        session.running.process.send_signal(signal.SIGINT)
        await session.read_until("restored")
        code, last = await session.end()
    assert (code, last["kind"], last["code"]) == (130, "failed", "interrupted")
    assert last["hint"].startswith(f"{names['Orders']} is left armed, and")
    status = await look(plldb_cli)
    assert status["sessions"] == before, "its own is gone"
    assert [each["function"] for each in status["functions"]] == [names["Orders"]]
    (folder / "go").touch()
    running.cancel()
    assert (await plldb_cli("restore", "shop")).code == 0


async def test_an_interrupt_ends_the_wait_for_a_debugger_that_does_not_come(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    async with attached(aws_env, folder, "shop", "Orders", "--debug-port", "0", "--wait") as session:
        await session.read_until("attached")
        running = asyncio.create_task(invoke(world.functions, names["Orders"], 1))
        await session.read_until("invocation_started")
        assert (await session.end())[0] == 0
        assert await running == {"laptop": 1}


@pytest.mark.parametrize("way", ["window closed", "reader gone"])
async def test_functions_are_put_back_though_nobody_can_be_told(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, way: str
) -> None:
    before = await settings(world, names["Orders"])
    arguments = ("attach", "shop", "Orders", "--no-debug", "--yes", "--python", sys.executable)
    if way == "window closed":
        async with on_terminal(*arguments, env=aws_env, cwd=folder) as screen:
            await screen.read_until("Ctrl-C puts everything back")
            screen.hang_up()
            await screen.finish()
    else:
        line = shlex.join([sys.executable, "-m", "plldb", *arguments])
        head = await asyncio.create_subprocess_shell(
            f"{line} | grep -m 1 connected", env=aws_env, cwd=folder, stderr=asyncio.subprocess.PIPE
        )
        said = (await head.communicate())[1].decode()
        assert "the functions were put back" in said
        assert "plldb status" in said
    assert await settings(world, names["Orders"]) == before


async def test_restoring_after_an_error_comes_to_its_end_though_the_caller_gives_up(
    world: World, names: dict[str, str], cloud: Cloud, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [await settings(world, names[each]) for each in ("Orders", "Mails")]
    failing, restoring, go = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def fail(call: Call, forward: Forward) -> Response:
        if call.operation == "UpdateFunctionConfiguration" and names["Mails"] in call.request.target:
            return server_error(call)
        if call.operation == "GetFunction" and failing.is_set():
            restoring.set()
            await go.wait()
        return await forward(call)

    async def attach() -> None:
        options = debugger.AttachOptions(code=folder, python=Path(sys.executable), debug_port=None)
        async with debugger.attach(
            debugger.Place(), "shop", ["Orders", "Mails"], options, pace=PACE
        ) as session:
            async for event in session:
                if isinstance(event, debugger.Detaching):
                    failing.set()

    async with Proxy(cloud.direct, on(fail)) as functions:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", functions.url)
        work = asyncio.create_task(attach())
        await restoring.wait()
        for _ in range(100):
            work.cancel()
            await asyncio.sleep(0)
        go.set()
        await asyncio.wait([work])
    assert work.cancelled()
    assert [await settings(world, names[each]) for each in ("Orders", "Mails")] == before


async def test_callers_of_a_program_that_cancels_its_session_are_told_at_once(
    world: World, names: dict[str, str], folder: Path
) -> None:
    (folder / "index.py").write_text("import time\ndef handler(event, context):\n    time.sleep(600)\n")
    before = await settings(world, names["Orders"])
    options = debugger.AttachOptions(code=folder, python=Path(sys.executable), debug_port=None)
    running = list[asyncio.Task[dict[str, str]]]()

    async def attach() -> None:
        async with debugger.attach(debugger.Place(), "shop", ["Orders"], options, pace=PACE) as session:
            async for event in session:
                if isinstance(event, debugger.Attached):
                    running.append(asyncio.create_task(invoke(world.functions, names["Orders"], 1)))
                elif isinstance(event, debugger.InvocationStarted):
                    work.cancel()

    work = asyncio.create_task(attach())
    await asyncio.wait([work])
    assert work.cancelled()
    assert (await running[0])["errorType"] == "Plldb.Detached"  # else, after a minute, Plldb.Disconnected
    assert await settings(world, names["Orders"]) == before


async def test_who_wants_to_end_waits_neither_until_all_is_armed_nor_until_the_link_is_closed(
    world: World, names: dict[str, str], cloud: Cloud, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [await settings(world, names[each]) for each in ("Orders", "Mails")]

    async def hold_up(call: Call, forward: Forward) -> Response:
        if names["Mails"] in call.request.target:
            asked.append(call.operation)
            # What was sent to change it is awaited in any case; the look at how far that is need not be.
            if asked[-2:] == ["UpdateFunctionConfiguration", "GetFunction"] and asked.count(asked[-2]) == 1:
                await asyncio.Event().wait()
        return await forward(call)

    async def hold_first(call: Call, forward: Forward) -> Response:
        if b"PLLDBSessions" in (call.request.body or b"") and not closing.is_set():
            closing.set()
            await go.wait()
        return await forward(call)

    async def sessions() -> int:
        return int((await world.places.table.client.scan(TableName="PLLDBSessions"))["Count"])

    async def withdraw(session: debugger.Attachment) -> int:
        await closing.wait()
        await session.withdraw()  # as a second Ctrl-C does it
        left = await sessions()
        go.set()
        return left

    options = debugger.AttachOptions(code=folder, python=Path(sys.executable), debug_port=None)
    told, asked, closing, go = list[debugger.AttachEvent](), list[str](), asyncio.Event(), asyncio.Event()
    hold = on(hold_first, "DeleteItem")
    async with Proxy(cloud.direct, on(hold_up)) as proxy, Proxy(cloud.direct, hold) as tables:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", proxy.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", tables.url)
        others = await sessions()
        attaching = debugger.attach(debugger.Place(), "shop", ["Orders", "Mails"], options, pace=PACE)
        async with attaching as session, asyncio.timeout(60):
            withdrawing = asyncio.create_task(withdraw(session))
            async for event in session:
                told.append(event)
                if isinstance(event, debugger.FunctionArmed):
                    assert event.function == names["Orders"]
                    session.detach()
            assert await withdrawing == others
    assert not any(isinstance(event, debugger.Attached) for event in told)
    (finished,) = [event for event in told if isinstance(event, debugger.AttachFinished)]
    assert (finished.restored, finished.left_armed) == (2, ())
    assert [await settings(world, names[each]) for each in ("Orders", "Mails")] == before
    assert await list_holds(world.places.table) == ()
