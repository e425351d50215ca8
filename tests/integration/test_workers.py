"""Functions in real workers: a process of a Python under AWS's own runtime."""

from __future__ import annotations

import asyncio
import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plldb.debugger.workers.pool import AT_ONCE
from plldb.debugger.workers.process import Kind
from plldb.debugger.workers.spare import Spare
from plldb.debugger.workers.state import Patience
from tests.support.workers import bench, make_start, write

PLLDB = """
import asyncio, json, pathlib, sys
from tests.support.workers import bench
async def main():
    async with bench(pathlib.Path(sys.argv[1]), debug=0) as function:
        child = (await function.invoke()).value
        busy = asyncio.create_task(function.invoke("busy"))
        while not function.output:
            await asyncio.sleep(0.01)
        print(json.dumps(child), flush=True)
        await busy
asyncio.run(main())
"""


def find_family(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    children = read(Path(f"/proc/{pid}/task/{pid}/children")).split()  # it may have ended meanwhile
    return [each for child in map(int, children) for each in (child, *find_family(child))]


def find_adapters(folder: Path) -> list[int]:
    """debugpy's adapters that work in a folder: they leave the family of who has started them."""
    found = [path.parent for path in Path("/proc").glob("[0-9]*/cmdline") if b"cargo/adapter" in read(path)]
    return [int(path.name) for path in found if os.path.realpath(path / "cwd") == str(folder.resolve())]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def gone(pid: int) -> None:
    """Wait until there is no such process."""
    async with asyncio.timeout(60):
        with suppress(FileNotFoundError, ProcessLookupError):
            while " Z " not in Path(f"/proc/{pid}/stat").read_text():
                await asyncio.sleep(0.01)


async def test_a_handler_gets_event_and_context_and_its_value_is_the_answer(tmp_path: Path) -> None:
    write(
        tmp_path,
        app="""
        def handler(event, context):
            return {
                "event": event, "request": context.aws_request_id, "arn": context.invoked_function_arn,
                "name": context.function_name, "memory": context.memory_limit_in_mb,
                "version": context.function_version, "group": context.log_group_name,
                "stream": context.log_stream_name, "custom": context.client_context.custom,
                "left": context.get_remaining_time_in_millis(),
            }
        """,
    )
    async with bench(tmp_path, timeout=700) as function:
        start = make_start({"a": "ü"}, headers={"client_context": json.dumps({"custom": {"k": "v"}})})
        ran = await function.run(start)
    value = ran.value
    assert 600_000 < value.pop("left") <= 700_000, "counts down from the function's own timeout"
    assert value == {
        "event": {"a": "ü"},
        "request": start.identity.request_id,
        "arn": "arn:aws:lambda:eu-west-1:123456789012:function:orders",
        "name": "orders",
        "memory": "256",
        "version": "$LATEST",
        "group": "/aws/lambda/orders",
        "stream": "2026/11/26/[$LATEST]0123",
        "custom": {"k": "v"},
    }
    assert ran.answer is not None
    assert ran.answer.headers == (("content-type", "application/json"),)


@pytest.fixture
def cores() -> Iterator[None]:
    """Crashes write core files, if this process may have them."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.parametrize(
    ("code", "error_type", "message"),
    [
        ("raise ValueError('no')", "ValueError", "no"),
        ("import os; os._exit(3)", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("raise SystemExit(4)", "Runtime.ExitError", "Runtime exited with error: exit status 4"),
        ("import os; os._exit(0)", "Runtime.ExitError", "Runtime exited without providing a reason"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "Runtime.ExitError",
            "Runtime exited with error: signal: killed",
        ),
        ("import os; os.abort()", "Runtime.ExitError", "Runtime exited with error: signal: aborted"),
        ("return {1, 2}", "Runtime.MarshalError", "Unable to marshal response: "),
        ("import time; time.sleep(60)", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
    ],
)
async def test_what_goes_wrong_is_an_error_for_the_caller_and_the_next_invocation_works(
    tmp_path: Path, cores: None, code: str, error_type: str, message: str
) -> None:
    write(tmp_path, app=f"def handler(event, context):\n    if event: {code}\n    return 'well'\n")
    async with bench(tmp_path, timeout=1 if error_type == "Sandbox.Timedout" else 60) as function:
        ran = await function.invoke(1)
        assert ran.answer is not None
        assert ran.answer.kind == "error"
        assert ran.value["errorType"] == error_type
        assert message in ran.value["errorMessage"]
        assert (await function.invoke()).value == "well"
    assert not [*tmp_path.glob("core*")], "the role's credentials would be in it"


@pytest.mark.parametrize(
    ("code", "error_type", "message"),
    [
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("import gone", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'gone'"),
        ("def", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': "),
        ("", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("import os; os._exit(3)", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
    ],
)
async def test_a_function_that_cannot_be_loaded_says_why_and_is_loaded_anew(
    tmp_path: Path, code: str, error_type: str, message: str
) -> None:
    write(tmp_path, app=code)
    async with bench(tmp_path) as function:
        ran = await function.invoke()
        assert ran.answer is not None
        assert ran.answer.kind == "error"
        assert ran.value["errorType"] == error_type
        assert message in ran.value["errorMessage"]
        write(tmp_path, app="def handler(event, context): return 'mended'")
        assert (await function.invoke()).value == "mended"


async def test_output_comes_line_by_line_before_the_answer_and_belongs_to_its_invocation(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        app="""
        import logging, os, sys
        print("loading")
        def handler(event, context):
            print(f"first {event}\\nsecond")
            logging.getLogger().warning("careful")
            os.write(2, b"no end of line")
            if event == 2: raise ValueError("no")
        """,
    )
    async with bench(tmp_path) as function:
        one, two = await function.invoke(1), await function.invoke(2)
    assert [line for line in one.lines if "careful" not in line] == [
        "loading",
        "first 1",
        "second",
        "no end of line",
    ]
    assert [line.stream for line in one.output].count("stderr") == 1
    assert any(line.startswith("[WARNING]\t") and line.endswith("\tcareful") for line in one.lines)
    assert "[ERROR] ValueError: no" in two.lines
    assert any(line.startswith("  File ") for line in two.lines)


async def test_each_sandbox_has_a_worker_of_its_own_that_lives_on(tmp_path: Path) -> None:
    write(
        tmp_path,
        app="""
        import os
        calls = 0
        def handler(event, context):
            global calls; calls += 1
            return [os.getpid(), calls]
        """,
    )
    async with bench(tmp_path) as function:
        (a, one), (b, first) = (
            ran.value
            for ran in await asyncio.gather(function.invoke(sandbox="a"), function.invoke(sandbox="b"))
        )
        assert a != b
        assert (await function.invoke(sandbox="a")).value == [a, 2]
        start = make_start(None, sandbox="a")
        function.workers.end(start.identity.sandbox)
        assert (await function.run(start)).value[1] == 1, "a sandbox that has ended takes its worker with it"
    assert one == first == 1


async def test_a_cancelled_invocation_ends_with_its_worker(tmp_path: Path) -> None:
    write(
        tmp_path,
        app="""
        import time
        def handler(event, context):
            print("here")
            while event: time.sleep(0.01)
            return "well"
        """,
    )
    async with bench(tmp_path) as function:
        start = make_start(1)
        running = asyncio.create_task(function.run(start))
        async with asyncio.timeout(60):
            while not function.output:
                await asyncio.sleep(0.01)
        function.workers.cancel(start.identity)
        assert (await running).answer is None
        assert (await function.invoke()).value == "well"


async def test_an_invocation_that_is_cancelled_while_its_worker_ends_leaves_nothing_open(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        app="""
        import subprocess, time
        print(subprocess.Popen(["sleep", "600"], start_new_session=True).pid, flush=True)
        def handler(event, context): time.sleep(600)
        """,
    )
    async with bench(tmp_path, timeout=1, patience=Patience(output=60)) as function:
        start = make_start(None)
        running = asyncio.create_task(function.run(start))
        async with asyncio.timeout(60):
            while not function.output or function.workers._workers[start.identity.sandbox].alive:
                await asyncio.sleep(0.01)
        function.workers.cancel(start.identity)  # its time is up, and its output is read to the end
        assert (await running).answer is None
        os.kill(int(function.output[0].text), signal.SIGKILL)  # which had left the group and kept that open


@pytest.mark.parametrize("how", ["cancel", "end"])
async def test_a_worker_that_is_being_started_ends_with_its_invocation_and_with_its_sandbox(
    tmp_path: Path, how: str
) -> None:
    write(tmp_path, app="def handler(event, context): return 1")
    before = find_family(os.getpid())
    async with bench(tmp_path) as function:
        start = make_start(1)
        running = asyncio.create_task(function.run(start))
        while {*find_family(os.getpid())} <= {*before}:
            await asyncio.sleep(0)
        if how == "cancel":
            function.workers.cancel(start.identity)
            assert (await running).answer is None
        else:
            function.workers.end(start.identity.sandbox)
            assert (await running).value["errorType"] == "Runtime.ExitError"
    assert {*find_family(os.getpid())} <= {*before}


async def test_the_next_invocation_runs_a_saved_file_where_it_had_been_loaded(
    tmp_path: Path,
) -> None:
    (tmp_path / "rules").mkdir()
    write(tmp_path / "rules", __init__="", price="PRICE = 1")
    write(
        tmp_path,
        other="",
        app="""
        import os
        def handler(event, context):
            if event:
                from rules import price
                return [os.getpid(), price.PRICE]
            return [os.getpid()]
        """,
    )
    async with bench(tmp_path, patience=Patience(look=60)) as function:
        a, price = (await function.invoke(1, sandbox="a")).value
        (b,) = (await function.invoke(sandbox="b")).value
        assert price == 1
        write(tmp_path / "rules", price="PRICE = 22")
        write(tmp_path, other="x = 1")
        c, price = (await function.invoke(1, sandbox="a")).value
        assert price == 22
        for second in (
            33,
            44,
        ):  # one size, one second: for Python's cache the same file
            write(tmp_path / "rules", price=f"PRICE = {second}")
            os.utime(tmp_path / "rules" / "price.py", ns=(0, 2_000_000_000 * 10**9 + second))
            c, price = (await function.invoke(1, sandbox="a")).value
            assert price == second
        assert c != a
        assert (await function.invoke(sandbox="b")).value == [b]


async def test_an_idle_worker_ends_after_a_while_and_one_whose_file_was_saved_at_once(tmp_path: Path) -> None:
    write(tmp_path, app="import os\ndef handler(event, context): return os.getpid()")
    async with bench(tmp_path, patience=Patience(look=0.01, idle=0.2)) as function:
        await gone((await function.invoke()).value)
    async with bench(tmp_path, patience=Patience(look=0.01)) as function:
        pid = (await function.invoke()).value
        write(tmp_path, app="def handler(event, context): return 'new'")
        await gone(pid)
        assert (await function.invoke()).value == "new"


async def test_of_a_worker_that_has_failed_nothing_stays_open(tmp_path: Path) -> None:
    write(tmp_path, app="import os\ndef handler(event, context): os._exit(3)")
    async with bench(tmp_path, patience=Patience(look=0.01)) as function:
        await function.invoke(sandbox="a")
        descriptors = len(os.listdir("/proc/self/fd"))
        await asyncio.gather(*(function.invoke(sandbox=f"s{number}") for number in range(4)))
        async with asyncio.timeout(60):
            while len(os.listdir("/proc/self/fd")) > descriptors + OF_SPARE:
                await asyncio.sleep(0.01)


async def test_nothing_is_left_when_plldb_is_killed_and_no_process_shows_a_secret(tmp_path: Path) -> None:
    write(
        tmp_path,
        app="""
        import re, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        def handler(event, context):
            if event: print(event); re.match("(a+)+$", "a" * 40 + "b")  # no thread but this one runs
            return child.pid
        """,
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "AWS_SECRET_ACCESS_KEY": "role-of-the-developer",
    }
    arguments = (sys.executable, "-c", PLLDB, str(tmp_path))
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, cwd=tmp_path, env=environment
    )
    assert process.stdout is not None
    child = json.loads(await process.stdout.readline())
    async with asyncio.timeout(60):
        while len(family := find_family(process.pid)) < 4:
            await asyncio.sleep(0.01)
    assert len(family) == 4, "the worker, its child, the one in spare, and that which editors attach to"
    (adapter,) = find_adapters(tmp_path)
    for pid in (*family, adapter):
        assert b"role-" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        async with asyncio.timeout(60):
            # Its child has the environment of the function. One that is just forked still has plldb's.
            while pid != child and b"role-" in Path(f"/proc/{pid}/environ").read_bytes():
                await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    for pid in (*family, adapter):
        await gone(pid)


ACCIDENTS = {
    # What the handler does, and the type of its error; empty for an answer, None for either.
    "a crash": ("os.kill(os.getpid(), 11)", "Runtime.ExitError"),
    "an endless loop": ("while True: pass", "Sandbox.Timedout"),
    "an endless loop without the interpreter": ("re.match('(a+)+$', 'a' * 40 + 'b')", "Sandbox.Timedout"),
    "output without end": ("while True: print('x' * 1000)", "Sandbox.Timedout"),
    "a child that stays": ("os.fork() or time.sleep(600)", ""),
    "a child that answers, too": ("os.fork()", ""),
    "a child that ends all": ("os.fork() or os.killpg(0, 9)\n    time.sleep(60)", "Runtime.ExitError"),
    "threads that stay": ("[threading.Thread(target=time.sleep, args=(600,)).start() for _ in range(9)]", ""),
    "daemon threads that print": ("threading.Thread(target=shout, daemon=True).start()", ""),
    "2 GB": ("held.append(b'x' * 2**31)", None),
    "the end of the interpreter": ("raise SystemExit(3)", "Runtime.ExitError"),
}
ANSWERS = ("", "Runtime.ExitError")
"""Those that come by themselves."""
CLUMSY = """
import os, re, sys, threading, time
held = []
def shout():
    while True: print("x" * 1000)
def handler(event, context):
    {code}
    return len(held)
"""


async def test_a_worker_that_fails_leaves_the_others_nothing_and_nobody_behind(tmp_path: Path) -> None:
    write(
        tmp_path,
        app="def handler(event, context): return event",
        **{f"app{number}": CLUMSY.format(code=code) for number, (code, _) in enumerate(ACCIDENTS.values())},
    )
    # Beside those that never end all are slow, and a second may not be enough for an answer.
    functions: dict[str, dict[str, Any]] = {
        f"app{number}": {"handler": f"app{number}.handler", "timeout": 60 if end in ANSWERS else 1}
        for number, (_, end) in enumerate(ACCIDENTS.values())
    }
    family, descriptors = find_family(os.getpid()), len(os.listdir("/proc/self/fd"))
    async with bench(tmp_path, timeout=60, others=functions) as function:
        assert (await function.invoke(0, sandbox="other")).value == 0
        failing = [
            asyncio.create_task(function.run(make_start(None, sandbox=each, function=each)))
            for each in functions
        ]
        number = 0
        while not all(each.done() for each in failing):
            number += 1
            assert (await function.invoke(number, sandbox="other")).value == number, "the others go on"
        for (what, (_, expected)), each in zip(ACCIDENTS.items(), failing, strict=True):
            answer = each.result().answer
            assert answer is not None, what
            error = dict(answer.headers).get("lambda-runtime-function-error-type", "")
            assert expected in (error, None), what
        for name in functions:  # whatever is still there of it
            again = await function.run(make_start(None, sandbox=name, function=name))
            assert again.answer is not None
        assert (await function.invoke(-1, sandbox="other")).value == -1
    assert {*find_family(os.getpid())} <= {*family}
    assert len(os.listdir("/proc/self/fd")) <= descriptors


@pytest.mark.parametrize(("python", "times"), [("", 20), ("#!/bin/sh\nexit 3\n", 200)])
async def test_many_failures_in_a_row_leave_no_zombie_and_no_descriptor(
    tmp_path: Path, python: str, times: int
) -> None:
    """200 crashes of a handler take half a minute, those of an interpreter two seconds."""
    write(tmp_path, app="import os\ndef handler(event, context): os._exit(event)")
    (tmp_path / "python").write_text(python)
    (tmp_path / "python").chmod(0o755)
    async with bench(tmp_path, python=str(tmp_path / "python") if python else sys.executable) as function:
        await function.invoke(3)
        family, descriptors = find_family(os.getpid()), len(os.listdir("/proc/self/fd"))
        for _ in range(times):
            assert (await function.invoke(3)).value["errorType"] == "Runtime.ExitError"
        assert len(find_family(os.getpid())) <= len(family) + 1, "the process in spare"
        assert len(os.listdir("/proc/self/fd")) <= descriptors + OF_SPARE


OF_SPARE = 8
"""Most descriptors of a process in spare: three pipes, its Runtime API and a connection to it."""


async def test_no_more_than_one_process_is_started_in_spare(tmp_path: Path) -> None:
    kind = Kind(python=Path(sys.executable), code=tmp_path, machine=os.environ, debugger=False)
    before, spare = len(find_family(os.getpid())), Spare()
    await asyncio.gather(*[spare.renew(kind) for _ in range(3)])
    assert len(find_family(os.getpid())) == before + 1
    await spare.close()


async def test_nothing_is_left_however_often_the_end_is_cancelled(tmp_path: Path) -> None:
    write(tmp_path, app="def handler(event, context): return event")
    before, ready = {*find_family(os.getpid())}, asyncio.Event()

    async def use() -> None:
        async with bench(tmp_path, debug=0, patience=Patience(spare=0)) as function:
            await function.invoke()
            while len({*find_family(os.getpid())} - before) < 3:  # the adapter's, the worker, the spare one
                await asyncio.sleep(0.01)
            ready.set()
            await asyncio.Event().wait()

    using = asyncio.create_task(use())
    await asyncio.wait({using, waiting := asyncio.create_task(ready.wait())}, return_when="FIRST_COMPLETED")
    while not using.done():
        using.cancel()
        await asyncio.sleep(0)
    assert (using.cancelled(), waiting.done()) == (True, True)
    assert ({*find_family(os.getpid())} - before, find_adapters(tmp_path)) == (set(), [])
    assert asyncio.all_tasks() == {asyncio.current_task()}


STARTING = """
import os, pathlib, time
mine = pathlib.Path(__file__).with_name("starting") / str(os.getpid())
mine.touch()
together = len(list(mine.parent.iterdir()))
time.sleep(0.05)
mine.unlink()
def handler(event, context): return together
"""


async def test_few_workers_start_at_a_time_and_the_others_wait_for_their_turn(tmp_path: Path) -> None:
    write(tmp_path, app=STARTING)
    (tmp_path / "starting").mkdir()
    async with bench(tmp_path) as function:
        running = [function.invoke(sandbox=f"s{number}") for number in range(4 * AT_ONCE)]
        together = [ran.value for ran in await asyncio.gather(*running)]
    assert max(together) <= AT_ONCE


async def test_a_worker_that_waits_for_its_turn_is_not_started_when_that_is_too_late_or_nobody_wants_it(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        app="from pathlib import Path\nPath(__file__).with_name('ran').touch()",
        loop="while True: pass",
    )
    async with bench(
        tmp_path, others={"loop": {"handler": "loop.handler"}}, timeout=1, patience=Patience(load=0.5)
    ) as function:
        loops = [make_start(1, sandbox=f"loop{number}", function="loop") for number in range(AT_ONCE)]
        # They keep the others waiting as long as a function may take to be loaded, and no longer.
        loading = [asyncio.create_task(function.run(start)) for start in loops]
        ended, late = make_start(1, sandbox="ended"), replace(make_start(1, sandbox="late"), latest=0.0)
        waiting = [asyncio.create_task(function.run(start)) for start in (ended, late)]
        for _ in range(3):
            await asyncio.sleep(0)
        function.workers.end(ended.identity.sandbox)
        assert (await waiting[0]).answer is None
        assert (await waiting[1]).value["errorType"] == "Plldb.TooLate"
        assert {(await each).value["errorType"] for each in loading} == {"Sandbox.Timedout"}
    assert not (tmp_path / "ran").exists()


async def test_what_the_machine_has_slept_over_does_not_start_when_it_wakes(tmp_path: Path) -> None:
    write(tmp_path, app="calls = 0\ndef handler(event, context):\n    global calls; calls += 1; return calls")
    async with bench(tmp_path) as function:
        awake = time.time() - time.monotonic()
        starts = [
            replace(make_start(1), latest=latest, clocks=clocks)
            for latest, clocks in (
                (math.inf, awake),
                (0.0, awake),
                (math.inf, awake - 600),
                (0.0, awake - 600),
            )
        ]
        *ran, slept = [(await function.run(start)).value for start in starts]
        assert ran == [1, 2, 3], "what a debugger held, and a short sleep"
        assert slept["errorType"] == "Plldb.TooLate"
        assert (await function.invoke(1)).value == 1


async def test_what_has_left_the_group_and_keeps_the_pipes_holds_up_no_answer_and_no_end(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        app="""
        import os, pathlib, subprocess, sys, threading, time
        HERE = pathlib.Path(__file__).parent
        STAY = "import os, time\\nfor _ in range(600): os.path.exists('app.py') and time.sleep(0.05)"
        def end():
            while not HERE.joinpath("answered").exists(): time.sleep(0.01)
            left = subprocess.Popen([sys.executable, "-c", STAY], cwd=HERE, start_new_session=True)
            with HERE.joinpath("left").open("a") as file: print(left.pid, file=file)
            os._exit(3)
        def handler(event, context):
            if event: threading.Thread(target=end).start()
            if event == 2: time.sleep(60)
            return os.getpid()
        """,
    )
    async with bench(tmp_path, patience=Patience(output=0.1)) as function:
        pid = (await function.invoke(1)).value
        (tmp_path / "answered").touch()
        await gone(pid)
        assert (await function.invoke()).value != pid, "one that ends between two invocations is replaced"
        assert (await function.invoke(2)).value["errorType"] == "Runtime.ExitError"
    left = [int(each) for each in (tmp_path / "left").read_text().split()]
    for each in left:
        assert read(Path(f"/proc/{each}/stat")).split()[2] in b"RS", "it lives: nobody has waited for it"
    (tmp_path / "app.py").unlink()
    for each in left:
        await gone(each)


async def test_a_python_that_does_not_start_is_an_answer(tmp_path: Path) -> None:
    write(tmp_path, app="def handler(event, context): pass")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    async with bench(tmp_path, python=str(python), patience=Patience(start=0.2)) as function:
        ran = await function.invoke()
        assert ran.value["errorType"] == "Plldb.NotStarted"


async def test_a_handler_outside_of_the_code_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path, handler="pty.spawn") as function:
        ran = await function.invoke()
    assert ran.value["errorType"] == "Plldb.Source"
    assert "pty.spawn" in ran.value["errorMessage"]
