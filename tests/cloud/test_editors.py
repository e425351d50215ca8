"""The dialogue of each editor with plldb: attached by its configuration, and having started plldb itself."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from plldb.debugger.arming.settings import read_arms
from tests.cloud.functions import eventually, invoke
from tests.cloud.shop import ACCOUNT, attached
from tests.support.dap import Manner, debugpy_started, editor
from tests.support.screens import on_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud.world import World
    from tests.conftest import RunPlldb


@pytest.fixture
def account() -> str:
    """One account for all that has the stack ``shop``."""
    return ACCOUNT


# As these were seen to speak: VS Code 1.139.1 with its debugger 2026.7, nvim-dap 0.10, dape 0.27.1. The
# first stands for an editor that takes debugpy's own event. They leave while a function stands still.
MANNERS = (
    Manner(),
    Manner("vscode", starts_sessions=True, answers_last=True, leaves=("disconnect", {"restart": False})),
    Manner(
        "neovim",
        starts_sessions=True,
        functions=False,
        leaves=("disconnect", {"restart": False, "terminateDebuggee": True}),
    ),
    Manner("dape", starts_sessions=True, exceptions_first=True, leaves=("terminate", {})),
)


async def test_each_editor_attaches_with_what_was_written_for_it_and_leaves_as_it_does(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    options = ("--debug-port", "0", "--write-launch")
    async with attached(aws_env, folder, "shop", "Orders", *options) as session:
        assert (await session.read_until("launch_entry"))["change"] == "created"
        (entry,) = json.loads((folder / ".vscode/launch.json").read_text())["configurations"]
        stops = {folder / "index.py": [4]}
        for number, manner in enumerate(MANNERS):
            async with editor(entry["connect"]["port"], stops, manner=manner, **entry) as one:
                await one.followed(min(number, 1))  # the worker is there already, but for the first
                caller = asyncio.create_task(invoke(world.functions, names["Orders"], number))
                stop = await one.stop()
                assert (await stop.line(), (await stop.variables())["event"]) == (("handler", 4), str(number))
                await one.leave()
            assert await caller == {"laptop": number}, manner
        assert (await session.end())[0] == 0


async def test_an_editor_that_starts_plldb_stops_in_the_functions(
    world: World,
    names: dict[str, str],
    aws_env: dict[str, str],
    folder: Path,
    tmp_path: Path,
    plldb_cli: RunPlldb,
) -> None:
    async def is_armed() -> bool:
        found = await world.functions.get_function_configuration(FunctionName=names["Mails"])
        return read_arms(found["Environment"]["Variables"]) is not None

    # The port is not opened, though it is asked for: the editor's debugger is in the workers already.
    words = ["attach", "shop", "Mails", "--yes", "--python", sys.executable, "--debug-port", "0"]
    launch: dict[str, Any] = {"request": "launch", "module": "plldb", "args": words, "cwd": str(folder)}
    launch |= {"subProcess": True, "console": "internalConsole", "python": [sys.executable]}
    stops = {folder / "index.py": [4]}
    async with debugpy_started(aws_env, tmp_path) as port, editor(port, stops, **launch) as one:
        await eventually(is_armed, True)
        caller = asyncio.create_task(invoke(world.functions, names["Mails"], 1))
        stop = await one.stop()
        assert (await stop.line(), (await stop.variables())["event"]) == (("handler", 4), "1")
        await stop.go_on()
        assert await caller == {"laptop": 1}
        # Its button to stop kills plldb: until functions are restored, their deployed code answers.
        await one.sessions[0].request("disconnect", terminateDebuggee=True)
    assert await invoke(world.functions, names["Mails"], 2) == {"deployed": 2}
    assert (await plldb_cli("restore", "shop")).code == 0
    assert not await is_armed()


STOPS = """
def handler(event, context):
    secret = event * 2
    breakpoint()
    return secret
"""


async def test_pdb_has_the_terminal_for_one_function_after_the_other(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path
) -> None:
    (folder / "index.py").write_text(STOPS)
    arguments = ("attach", "shop", "Orders", "Mails", "--no-debug", "--yes", "--python", sys.executable)
    async with on_terminal(*arguments, env=aws_env, cwd=folder) as screen:
        await screen.read_until("Ctrl-C puts everything back")
        first = asyncio.create_task(invoke(world.functions, names["Orders"], "a"))
        await screen.read_more(r"\(Pdb\) ")
        second = asyncio.create_task(invoke(world.functions, names["Mails"], "b"))
        await screen.read_more(r"Mails waits for this terminal at a breakpoint, too\s+\(Pdb\) $")
        screen.type("p secret\n")
        await screen.read_more("'aa'")
        assert not second.done()
        screen.type("c\n")
        assert await first == "aa"
        await screen.read_more(r"Mails stops:[^$]*\(Pdb\) ")
        screen.type("\x03")
        await screen.read_more(r"takes no new invocations and ends after this one[^$]*\n\(Pdb\) $")
        screen.type("p secret\nq\n")  # which raises BdbQuit in the function, as anywhere
        assert (await second)["errorType"] == "BdbQuit"
        await screen.read_until("BdbQuit")
        assert await screen.finish() == 0
    async with on_terminal(*arguments, env=aws_env, cwd=folder) as screen:
        await screen.read_until("Ctrl-C puts everything back")
        screen.type("q\n")  # before it is asked for
        first = asyncio.create_task(invoke(world.functions, names["Orders"], "a"))
        await screen.read_more(r"\(Pdb\) ")
        screen.hang_up()
        assert await first == "aa"
    async with attached(aws_env, folder, "shop", "Orders", "--no-debug") as session:  # no terminal
        await session.read_until("attached")
        assert await invoke(world.functions, names["Orders"], "a") == "aa"
        printed = await session.read_until("output")
        assert (
            "breakpoint() was passed over, since it has no terminal and no debugger here" in printed["text"]
        )
        assert (await session.end())[0] == 0
