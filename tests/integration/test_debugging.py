"""Functions in real workers, with debugpy and an editor."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import chdir
from typing import TYPE_CHECKING

import pytest

from plldb.debugger.errors import PortError
from tests.integration.test_workers import find_adapters
from tests.support.dap import editor
from tests.support.workers import Bench, Ran, bench, make_start, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

APP = """\
def handler(event, context):
    number = event["number"]
    double = helper(number)
    return double


def helper(number):
    return 2 * number
"""


HELPER = """\
def handler(event, context):
    return helper(1)


def helper(x):
    raise ValueError(x)
"""


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def invoke(function: Bench, event: object, **how: str) -> asyncio.Task[Ran]:
    return asyncio.create_task(function.invoke(event, **how))


async def test_two_workers_stop_at_a_breakpoint_and_show_their_variables(tmp_path: Path) -> None:
    write(tmp_path, app=APP)
    async with (
        bench(tmp_path, debug=0) as function,
        editor(function.workers.debug_port, {tmp_path / "app.py": [3]}) as one,
    ):
        running = [invoke(function, {"number": n}, sandbox=str(n)) for n in (21, 4)]
        stops = [await one.stop(), await one.stop()]
        assert [await stop.line() for stop in stops] == [("handler", 3)] * 2
        assert {(await stop.variables())["number"] for stop in stops} == {"21", "4"}
        assert [frame["name"] for frame in await stops[0].frames()] == ["handler"], "nothing of the runtime"
        for stop in stops:
            await stop.go_on()
        assert [(await ran).value for ran in running] == [42, 8]


async def test_stepping_out_of_the_handler_goes_on_and_never_ends_in_the_runtime(tmp_path: Path) -> None:
    write(tmp_path, app=APP)
    async with (
        bench(tmp_path, debug=0) as function,
        editor(function.workers.debug_port, {tmp_path / "app.py": [8]}, justMyCode=False) as one,
    ):
        for number in (1, 2):
            ran = invoke(function, {"number": number})
            stop = await one.stop()
            assert await stop.line() == ("helper", 8)
            await stop.go_on("stepOut")
            stop = await one.stop()
            assert await stop.line() == ("handler", 3)
            await stop.go_on("next")
            stop = await one.stop()
            assert await stop.line() == ("handler", 4)
            await stop.go_on("next")
            assert (await ran).value == 2 * number
            assert one.stops.empty()


async def test_the_editor_may_come_late_leave_and_come_back(tmp_path: Path) -> None:
    write(tmp_path, app=APP)
    async with bench(tmp_path, debug=0) as function:
        assert (await function.invoke({"number": 1})).value == 2, "nobody is there"
        for number in (2, 3):
            async with editor(function.workers.debug_port, {tmp_path / "app.py": [3]}) as one:
                await one.followed(1)
                ran = invoke(function, {"number": number})
                assert await (await one.stop()).line() == ("handler", 3)
            assert (await ran).value == 2 * number, "goes on as soon as the editor has left"
        assert (await function.invoke({"number": 4})).value == 8


async def test_after_debugpy_was_killed_another_one_is_there_for_the_next_editor(tmp_path: Path) -> None:
    write(tmp_path, app=APP)
    with chdir(tmp_path):  # by which its process is found
        async with bench(tmp_path, debug=0) as function:
            for sandbox in ("a", "b"):
                async with editor(function.workers.debug_port, {tmp_path / "app.py": [3]}) as one:
                    ran = invoke(function, {"number": 1}, sandbox=sandbox)
                    stop = await one.stop()
                    if sandbox == "b":
                        await stop.go_on()
                    else:
                        (pid,) = find_adapters(tmp_path)
                        os.kill(pid, signal.SIGKILL)
                    assert (await ran).value == 2


async def test_an_editor_may_take_over_in_the_middle_of_an_invocation(tmp_path: Path) -> None:
    write(
        tmp_path,
        app="""\
        import os, time
        def handler(event, context):
            print("here", flush=True)
            while not os.path.exists(event): time.sleep(0.01)
            found = "found"
            return found
        """,
    )
    async with bench(tmp_path, debug=0) as function:
        async with editor(function.workers.debug_port) as one:
            ran = invoke(function, str(tmp_path / "go"))
            await until(lambda: bool(function.output))
            await one.followed(1)
        async with editor(function.workers.debug_port, {tmp_path / "app.py": [6]}) as one:
            await one.followed(1)
            (tmp_path / "go").touch()
            stop = await one.stop()
            assert await stop.line() == ("handler", 6)
            assert (await stop.variables())["found"] == "'found'"
            await stop.go_on()
            assert (await ran).value == "found"


async def test_the_first_invocation_waits_for_an_editor(tmp_path: Path) -> None:
    write(tmp_path, app=APP)
    async with bench(tmp_path, debug=0, wait=True) as function:
        ran = invoke(function, {"number": 1})
        async with editor(function.workers.debug_port, {tmp_path / "app.py": [2]}) as one:
            await (await one.stop()).go_on()
            assert (await ran).value == 2


@pytest.mark.parametrize(
    ("code", "where", "error"),
    [
        (HELPER, ("helper", 6), "ValueError"),
        ("x = 1\nraise ValueError(x)\n", ("<module>", 2), "ValueError"),
        ("x = 1\nimport gone\n", ("<module>", 2), "Runtime.ImportModuleError"),
    ],
)
async def test_an_exception_stops_at_the_line_that_raised_it(
    tmp_path: Path, code: str, where: tuple[str, int], error: str
) -> None:
    write(tmp_path, app=code)
    async with (
        bench(tmp_path, debug=0) as function,
        editor(function.workers.debug_port, justMyCode=True) as one,
    ):
        ran = invoke(function, None)
        stop = await one.stop()
        assert stop.reason == "exception"
        assert await stop.line() == where
        assert (await stop.variables())["x"] == "1"
        await stop.go_on()
        assert (await ran).value["errorType"] == error


async def test_the_time_stands_still_at_a_breakpoint_and_then_counts_on(tmp_path: Path) -> None:
    write(
        tmp_path,
        app="""\
        import time
        def handler(event, context):
            before = context.get_remaining_time_in_millis()
            after = context.get_remaining_time_in_millis()
            while event: time.sleep(0.01)
            return before - after
        """,
    )
    async with (
        bench(tmp_path, debug=0, timeout=3) as function,
        editor(function.workers.debug_port, {tmp_path / "app.py": [4]}) as one,
    ):
        ran = invoke(function, None)
        stop = await one.stop()
        seen = [int(await stop.evaluate("context.get_remaining_time_in_millis()"))]
        await stop.evaluate("time.sleep(3.5)")  # longer than the timeout
        seen.append(int(await stop.evaluate("context.get_remaining_time_in_millis()")))
        await stop.go_on()
        assert seen[0] == seen[1] > 0
        assert (await ran).value < 3000
        ran = invoke(function, 1)
        await (await one.stop()).go_on()
        assert (await ran).value["errorType"] == "Sandbox.Timedout"


async def test_a_breakpoint_stops_in_a_thread_and_in_a_child_process(tmp_path: Path) -> None:
    write(
        tmp_path,
        app="""\
        import multiprocessing, threading
        def work(where):
            where = str(where)
            return where
        def handler(event, context):
            thread = threading.Thread(target=work, args=("thread",))
            thread.start(); thread.join()
            child = multiprocessing.get_context("fork").Process(target=work, args=("child",))
            child.start(); child.join()
            return child.exitcode
        """,
    )
    async with (
        bench(tmp_path, debug=0) as function,
        editor(function.workers.debug_port, {tmp_path / "app.py": [4]}) as one,
    ):
        ran = invoke(function, None)
        for where in ("thread", "child"):
            stop = await one.stop()
            assert (await stop.variables())["where"] == f"'{where}'"
            await stop.go_on()
        assert (await ran).value == 0


async def test_what_is_no_debugger_is_turned_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, app=APP)
    async with bench(tmp_path, debug=0) as function:
        for sent in (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
            b'Content-Length: 38\r\n\r\n{"type":"request","command":"launch"}  ',
            b"Content-Length: x\r\n\r\n",
            b"Content-Length: 2\r\n\r\n[]",
            b"Content-Length: 100000\r\n\r\n" + 100_000 * b"[",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", function.workers.debug_port)
            writer.write(sent)
            assert await reader.read() == b"", sent
            writer.close()
        assert (await function.invoke({"number": 2})).value == 4
    assert not [each for each in caplog.records if each.name == "asyncio" and each.exc_info]


async def test_a_second_editor_is_told_that_there_is_one(tmp_path: Path) -> None:
    async with bench(tmp_path, debug=0) as function, editor(function.workers.debug_port):
        with pytest.raises(RuntimeError, match="Another editor is attached"):
            async with editor(function.workers.debug_port):
                pass


async def test_without_a_debugger_the_function_runs_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, app=APP)
    python = make_odd_python(tmp_path, "echo this one cannot be debugged >&2; exit 1")
    async with bench(tmp_path, debug=0, python=python) as function:
        ran = await function.invoke({"number": 2})
        assert ran.value == 4
        assert ran.lines == ["plldb: the debugger cannot be started: this one cannot be debugged"]


def make_odd_python(folder: Path, does: str) -> str:
    """A Python that does something of its own before it runs a process that can be debugged."""
    python = folder / "python"
    text = f"""#!/bin/sh
    case "$*" in *frozen*) {does} ;; esac
    exec {sys.executable} "$@"
    """
    python.write_text(text)
    python.chmod(0o755)
    return str(python)


async def test_a_python_that_prints_at_its_start_can_be_debugged(tmp_path: Path) -> None:
    write(tmp_path, app=APP)
    python = make_odd_python(tmp_path, "echo hello; echo {}")
    async with (
        bench(tmp_path, debug=0, python=python) as function,
        editor(function.workers.debug_port, {tmp_path / "app.py": [3]}) as one,
    ):
        ran = invoke(function, {"number": 2})
        await (await one.stop()).go_on()
        assert (await ran).value == 4


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async with bench(tmp_path, debug=0) as function:
        port = function.workers.debug_port
        with pytest.raises(PortError, match=f"port {port} cannot be used"):
            async with bench(tmp_path, debug=port):
                pass


async def test_the_editor_sees_whose_process_it_is_and_may_end_the_first_one(tmp_path: Path) -> None:
    write(tmp_path, app=APP)
    async with bench(tmp_path, debug=0) as function:
        for number in (1, 2):
            async with editor(function.workers.debug_port, {tmp_path / "app.py": [3]}) as one:
                await one.followed(number - 1)  # the worker is there already the second time
                ran = invoke(function, {"number": number})
                stop = await one.stop()
                pid = await stop.evaluate("__import__('os').getpid()")
                assert one.names == [f"orders ({pid})"]
                await one.sessions[0].request("disconnect", terminateDebuggee=True)
                await stop.go_on()
                assert (await ran).value == 2 * number


async def test_breakpoint_in_the_code_stops_where_an_editor_is_and_does_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, app="def handler(event, context):\n    breakpoint()\n    return event\n")
    async with bench(tmp_path, debug=0) as function:
        assert (await function.invoke(1)).value == 1
        async with editor(function.workers.debug_port) as one:
            await one.followed(1)
            ran = invoke(function, 2)
            stop = await one.stop()
            assert await stop.line() == ("handler", 3)
            await stop.go_on()
            assert (await ran).value == 2


async def test_after_an_edit_or_a_cancelled_invocation_the_editor_goes_on_in_the_next_process(
    tmp_path: Path,
) -> None:
    write(tmp_path, app=APP)
    async with (
        bench(tmp_path, debug=0) as function,
        editor(function.workers.debug_port, {tmp_path / "app.py": [3]}) as one,
    ):
        start = make_start({"number": 1})
        ran = asyncio.create_task(function.run(start))
        await one.stop()
        function.workers.cancel(start.identity)  # while it stands at the breakpoint
        assert (await ran).answer is None
        for factor in (2, 30):
            write(tmp_path, app=APP.replace("2 *", f"{factor} *"))
            ran = invoke(function, {"number": 1})
            stop = await one.stop()
            assert await stop.line() == ("handler", 3)
            await stop.go_on()
            assert (await ran).value == factor
    assert len(set(one.names)) == 3
