"""``plldb replay`` as it is run: recorded invocations, with nothing of AWS around."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plldb.debugger.protocol.invocations import Answer
from plldb.debugger.recordings.recorder import write_file
from plldb.debugger.recordings.recordings import make_recording
from tests.docs.json_page import read_lines
from tests.support import program
from tests.support.dap import debugpy_started, editor
from tests.unit.debugger.test_recordings import SETTINGS, invocation

if TYPE_CHECKING:
    from collections.abc import Mapping

CODE = """
import os
calls = []
def handler(event, context):
    calls.append(event["user"])
    if "TABLE" in os.environ:
        breakpoint()
    print(context.aws_request_id, context.log_stream_name, context.client_context.custom, os.getenv("TABLE"))
    print(*sorted(name for name in os.environ if "KEY" in name or "TOKEN" in name or "PASSWORD" in name))
    if event["user"] is None:
        raise KeyError("price")
    return calls
"""
BARE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A project, and recordings of its function by what they answer."""
    (tmp_path / "app.py").write_text(CODE)
    answers = {"good": (b'{"user": "ada"}', b'["ada"]'), "bad": (b'{"user": null}', b"7")}
    for number, (name, (event, answer)) in enumerate(answers.items()):
        end = Answer(kind="response", body=answer)
        recording = make_recording(SETTINGS, invocation(event, 1_795_000_000.0 + number), end, "answered", 1)
        (tmp_path / name).mkdir()
        write_file(tmp_path / name, recording)
    (tmp_path / "changed.json").write_text('{"form":\n}')
    (tmp_path / "foreign.json").write_text('{"Records": []}')
    (tmp_path / "other.json").write_text('{"form": "plldb recording 9"}')
    return {name: str(next((tmp_path / name).iterdir()).relative_to(tmp_path)) for name in answers}


async def replay(folder: Path, *argv: str, env: Mapping[str, str] = BARE) -> program.Finished:
    arguments = ("replay", *argv, "--python", sys.executable)
    async with program.started(*arguments, env=env, cwd=folder) as running:
        return await running.finish()


async def test_the_exit_code_and_the_screen_say_how_handlers_end(
    tmp_path: Path, files: dict[str, str]
) -> None:
    good = await replay(tmp_path, files["good"], files["good"], "--no-debug", "--env", "TABLE=t")
    assert (good.code, good.stderr) == (0, "")
    assert "r1 2026/11/26/[$LATEST]0a {'a': 'ă'} t" in good.stdout
    assert "breakpoint() was passed over, since it has no terminal and no debugger here" in good.stdout
    assert '["ada", "ada"]' in good.stdout  # the same process
    assert 'not as recorded: then it answered ["ada"]' in good.stdout
    assert "replayed: 2 invocations, 1 not as recorded" in good.stdout
    assert "AWS_" not in good.stdout

    bad = await replay(tmp_path, files["bad"], "--no-debug", "--output", "json")
    lines = read_lines(bad.stdout)
    assert (bad.code, bad.stderr) == (1, "")
    kinds = [line["kind"] for line in lines if line["kind"] != "output"]
    assert kinds == ["replay_started", "invocation_started", "invocation_finished", "replayed", "finished"]
    (replayed,) = (line for line in lines if line["kind"] == "replayed")
    assert (replayed["outcome"], replayed["recorded_answer"], replayed["same"]) == ("failed", "7", False)
    assert (lines[-1]["result"], lines[-1]["failed"]) == ("failed", 1)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("{good}", "other.json"), "Record the invocation again, or replay the file with the version"),
        (
            ("{good}", "changed.json"),
            "changed.json is not JSON: line 2, column 1: Expecting value.\nhint: If you",
        ),
        (("{good}", "foreign.json"), "foreign.json is no recording that this version can read"),
        (("{good}", "absent.json"), "absent.json cannot be read: No such file or directory."),
        (("{good}", "/dev/zero"), "/dev/zero is too large for a recording."),
        (("{good}", "good"), "good cannot be read: Is a directory.\nhint: Name the files in it: good/*.json"),
        (("{good}", "--code", "good"), "The handler app.handler of orders is not in any file below"),
        ((), "Missing argument 'FILE...'"),
        (("{good}", "--wait", "--no-debug"), "--wait and --no-debug cannot be used together."),
    ],
)
async def test_what_cannot_be_run_is_named_and_nothing_runs(
    argv: tuple[str, ...], said: str, tmp_path: Path, files: dict[str, str]
) -> None:
    done = await replay(tmp_path, *(word.format(**files) for word in argv))
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_an_editor_stops_it(tmp_path: Path, files: dict[str, str]) -> None:
    arguments = ("replay", files["good"], "--debug-port", "0", "--wait", "--output", "json")
    async with program.started(*arguments, "--python", sys.executable, env=BARE, cwd=tmp_path) as running:
        started = await running.read_until("replay_started")
        (line,) = read_lines(started)
        async with editor(line["debug_port"], {tmp_path / "app.py": [5]}) as one:
            stop = await one.stop()
            assert await stop.line() == ("handler", 5)
            await stop.go_on()
            done = await running.finish()
    assert done.code == 0


async def test_an_editor_that_starts_it_stops_in_the_function(tmp_path: Path, files: dict[str, str]) -> None:
    words = ["replay", files["good"], "--python", sys.executable, "--debug-port", "0"]
    launch: dict[str, Any] = {"request": "launch", "module": "plldb", "args": words, "cwd": str(tmp_path)}
    launch |= {"subProcess": True, "console": "internalConsole", "python": [sys.executable]}
    async with (
        debugpy_started(BARE, tmp_path) as port,
        editor(port, {tmp_path / "app.py": [5]}, **launch) as one,
    ):
        stop = await one.stop()
        assert await stop.line() == ("handler", 5)
        await stop.go_on()
