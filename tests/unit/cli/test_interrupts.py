"""Ctrl-C and SIGTERM at each moment of a run: told, without a traceback. Talks to processes and signals."""

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from plldb.cli.interrupts import listen, until_stopped
from tests.unit.cli import scripts
from tests.unit.cli.scripts import Screen, ScriptedLibrary, Shown, complained, run, terminal, written

# Everything that a program in a process of its own begins with.
PROGRAM = """
import asyncio, os, signal, sys, time
from tests.unit.cli import scripts
from plldb.cli import main

class Library(scripts.ScriptedLibrary):
    async def _play(self, name, values):
        yield scripts.started()
        print("begun", file=sys.stderr, flush=True)
        {body}

sys.exit(main.main(["bootstrap", "--output", "json"], Library([])))
"""


def hear_sigint() -> None:
    """What is run in the background of a shell without job control ignores SIGINT, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begun(body: str, hangup: signal.Handlers = signal.SIG_DFL) -> subprocess.Popen[str]:
    """A program whose library does ``body`` after its first event; begun with that."""

    def hear() -> None:
        hear_sigint()
        signal.signal(signal.SIGHUP, hangup)

    program = PROGRAM.format(body=body)
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    if line != "begun\n":
        process.kill()
        raise AssertionError(line + process.communicate()[1])
    return process


def interrupted(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[list[Any], str, int]:
    """What the program writes after a signal, and its exit code."""
    process.send_signal(number)
    try:
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    return [json.loads(line) for line in stdout.splitlines()], stderr, process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_during_the_imports_is_told(number: int) -> None:
    program = (
        "import os, sys\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'asyncclick':\n"
        f"            os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "from plldb.__main__ import run\n"
        "run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "bootstrap", "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=hear_sigint,
    )
    assert (done.returncode, done.stderr) == (130, "error: interrupted\nhint: nothing was started.\n")
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (line["kind"], line["code"]) == ("failed", "interrupted")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_thread_that_cannot_be_stopped_does_not_keep_the_process_alive(number: int) -> None:
    # It stands for one that asks a name server, which answers after minutes or never.
    body = "await asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)"
    lines, stderr, code = interrupted(begun(body), number)
    assert (code, "Traceback" in stderr) == (130, False)
    assert [line["kind"] for line in lines] == ["started", "failed"]


def test_impatience_ends_the_cleaning_up_and_does_not_cost_the_last_line() -> None:
    body = (
        "try:\n            await asyncio.Event().wait()\n"
        "        finally:\n            os.kill(os.getpid(), signal.SIGINT)\n"
        "            await asyncio.Event().wait()"
    )
    lines, stderr, code = interrupted(begun(body))
    assert (code, "Traceback" in stderr, "still cleaning up" in stderr) == (130, False, False), stderr
    assert [line["kind"] for line in lines] == ["started", "failed"]


AGAIN = "os.kill(os.getpid(), signal.SIGHUP)\n            for _ in range(50): await asyncio.sleep(0)\n"
GOES_ON = AGAIN + "            print('goes on', file=sys.stderr)\n"
CLOSED = (
    f"try:\n            {AGAIN}            await asyncio.Event().wait()\n"
    f"        finally:\n            {GOES_ON}"
)
NOHUP = (
    f"if True:\n            {GOES_ON}"
    "        os.kill(os.getpid(), signal.SIGINT)\n        await asyncio.Event().wait()"
)


@pytest.mark.parametrize(
    ("body", "hangup"), [(CLOSED, signal.SIG_DFL), (NOHUP, signal.SIG_IGN)], ids=["closed", "nohup"]
)
def test_a_closed_terminal_ends_the_run_and_its_second_signal_does_not_end_the_cleaning_up(
    body: str, hangup: signal.Handlers
) -> None:
    process = begun(body, hangup)
    assert process.stderr is not None
    stderr = process.stderr.read()  # after `begun` some of it may be in the buffer
    process.communicate(timeout=60)
    assert (process.returncode, "goes on" in stderr, "Traceback" in stderr) == (130, True, False), stderr


class Quiet(ScriptedLibrary):
    """Says nothing more after its script, and does not end; ``then`` is done then, ``closing`` at the end."""

    def __init__(self, *script: Shown, then: Callable[[], None], closing: Any = None) -> None:
        super().__init__(script)
        self._then = then
        self._closing = closing

    async def _play(self, name: str, values: dict[str, object]) -> AsyncGenerator[Any, None]:
        try:
            async for event in super()._play(name, values):
                yield event
            self._then()
            await asyncio.Event().wait()
        finally:
            if self._closing:
                await self._closing()


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Closable(Screen):
    """An output that takes nothing any more once it has an ``error``."""

    error: OSError | None = None

    def write(self, text: str) -> int:
        if self.error:
            raise self.error
        return super().write(text)


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(errno.EIO, "Input/output error")], ids=repr)
@pytest.mark.parametrize(
    ("argv", "tty"), [(("--output", "json"), False), ((), False), ((), True)], ids=["json", "plain", "tty"]
)
@pytest.mark.parametrize("several", [(), ("--region", "a", "--region", "b")], ids=["one", "two"])
async def test_an_interrupt_is_told_though_the_output_is_closed(
    argv: tuple[str, ...], tty: bool, several: tuple[str, ...], error: OSError
) -> None:
    stdout = Closable(tty=tty)
    place = replace(terminal(tty=tty, TERM="xterm"), stdout=stdout)

    def close_and_interrupt() -> None:
        stdout.error = error
        os.kill(os.getpid(), signal.SIGINT)

    library = Quiet(scripts.started(), scripts.operation_started(), then=close_and_interrupt)
    assert (await run(library, *argv, *several, place=place))[0] == 130
    if not argv:
        assert complained(place).startswith("error: interrupted: plldb bootstrap setup has stopped\n")


async def test_what_takes_long_to_close_is_waited_for_and_told() -> None:
    place, cleaned = terminal(), []

    async def clean_up() -> None:
        while "still cleaning up" not in complained(place):
            await asyncio.sleep(0.01)
        cleaned.append("the change set of a dry run")

    library = Quiet(scripts.started(), then=interrupt, closing=clean_up)
    assert (await run(library, "--dry-run", place=place))[0] == 130
    assert cleaned
    assert complained(place).startswith("error: interrupted")


async def test_a_last_step_after_a_second_interrupt_is_not_waited_for_without_end() -> None:
    steps, forever = list[str](), asyncio.Event()

    async def step() -> None:
        steps.append("begun")
        await forever.wait()

    def leave() -> Callable[[], Coroutine[Any, Any, None]]:
        interrupt()
        return step

    stop = listen()
    work: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop.set()
    code = await until_stopped(work, stop, lambda: steps.append("told"), steps.append, leave)
    assert (code, steps, work.done()) == (130, ["begun", "told"], False)


@pytest.mark.parametrize("output", ["text", "json"])
async def test_an_output_that_cannot_be_written_ends_the_run_with_the_reason(output: str) -> None:
    stdout = Closable()
    stdout.error = OSError(errno.ENOSPC, "No space left on device")
    place = replace(terminal(), stdout=stdout)
    library = Quiet(scripts.started(), then=interrupt)
    assert (await run(library, "--output", output, place=place))[0] == 1
    assert complained(place).startswith("error: cannot write the output (No space left on device): plldb")


async def test_diagnostics_that_nobody_hears_do_not_end_the_run() -> None:
    stderr = Closable()
    stderr.error = BrokenPipeError()
    place = replace(terminal(), stderr=stderr)
    library = ScriptedLibrary(scripts.successful_setup())
    assert (await run(library, "--verbose", place=place))[0] == 0
    assert "deployed" in written(place)


# Closed or full, and the exit code.
REDIRECTS = {
    "stdin": ("<&-", 0),
    "stdout": (">&-", 0),
    "stderr": ("2>&-", 0),
    "all": ("<&- >&- 2>&-", 0),
    "full": (">/dev/full", 1),
}
COMMANDS = {
    "help": ["--help"],
    "text": ["bootstrap"],
    "json": ["bootstrap", "--output=json"],
    "question": ["bootstrap", "destroy"],
}
# Each with the commands that use it: one question reads, help and each renderer write in ways of their own.
STREAMS = {
    "stdin": ["question"],
    "stdout": ["help", "text", "json"],
    "stderr": ["text"],
    "all": ["question"],
    "full": ["help", "text", "json"],
}


@pytest.mark.parametrize(
    ("stream", "command"), [(stream, command) for stream in STREAMS for command in STREAMS[stream]]
)
def test_streams_that_are_closed_or_full_leave_no_traceback(stream: str, command: str) -> None:
    (redirect, code), argv = REDIRECTS[stream], COMMANDS[command]
    if redirect.endswith("full") and not os.path.exists("/dev/full"):
        pytest.skip("only Linux has a device that is full")
    program = (
        "import sys\n"
        "from tests.unit.cli import scripts\n"
        "from plldb.cli import main\n"
        f"code = main.main({argv!r}, scripts.ScriptedLibrary(scripts.finished_destroy()))\n"
        "main.flush_streams()\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" {redirect}', sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    if code:
        assert done.stderr.startswith("error: cannot write the output (No space left on device)")
