"""What runs in a worker's process, apart from the worker."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest

CARGO = "plldb.debugger.workers.cargo"
binaries: Any = import_module(f"{CARGO}.binaries")
debugging: Any = import_module(f"{CARGO}.debugging")
differences: Any = import_module(f"{CARGO}.differences")
ending: Any = import_module(f"{CARGO}.ending")

# Stands for a worker: it says its own id and that of a child, and then it is busy.
WORKER = """
import os, subprocess, sys, time
sys.path.insert(0, {folder!r})
import ending
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL)
ending.end_with(os.dup(0), {how})
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs groups of processes")
@pytest.mark.parametrize(
    ("how", "child_ends"),
    [
        ("ending.fcntl", True),  # Linux
        ("None", True),  # macOS: no signal of the kernel
        ("None, None", False),  # Windows: no groups either
    ],
)
def test_a_worker_ends_with_the_pipe_that_plldb_holds(how: str, child_ends: bool) -> None:
    code = WORKER.format(folder=str(Path(ending.__file__).parent), how=how)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, start_new_session=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        worker.stdin.close()
        assert worker.wait(20) != 0
        if child_ends:
            # The child has this end of the pipe, too: nothing more comes once both have gone.
            assert worker.stdout.read() == b""
        else:
            os.kill(child, 9)


# Stands for a worker whose function stops twice; this end of its terminal is given, too.
STOPS = """
import os, sys, types
sys.path.insert(0, {folder!r})
import terminal
def handle(event):
    breakpoint()
    return event
runtime = types.SimpleNamespace(handle_event_request=lambda event: handle(event))
terminal.install(os.ttyname({side}), "orders", runtime)
for event in ("first", "second"):
    try:
        print(runtime.handle_event_request(event))
    except Exception as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs terminals")
def test_pdb_asks_again_after_q() -> None:
    # On Python 3.14, q would end the process, and would leave a debugger that does nothing any more.
    mine, side = os.openpty()
    code = STOPS.format(folder=str(Path(ending.__file__).parent), side=side)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, pass_fds=[side]) as worker:
        os.close(side)
        for keys in (b"n\n", b"q\n", b"c\n"):
            seen = b""
            while not seen.endswith(b"(Pdb) "):
                seen += os.read(mine, 1000)  # an OSError where it ends without having asked
            os.write(mine, keys)
        assert worker.stdout is not None
        assert worker.stdout.read().split() == [b"BdbQuit", b"second"]
    os.close(mine)


def test_a_python_that_debugpy_does_not_run_on_is_named() -> None:
    oldest = ".".join(map(str, debugging.OLDEST_PYTHON))
    assert metadata.metadata("debugpy")["Requires-Python"] == f">={oldest}"
    assert debugging.find_obstacle((3, 10)) is None
    assert debugging.find_obstacle((3, 9)) == ("debugpy needs Python 3.10 or later, and this is Python 3.9")


def test_the_proxies_of_this_machine_are_found() -> None:
    variables = {
        "HTTPS_PROXY": "http://me:secret@10.1.2.3:3128",
        "all_proxy": "10.1.2.4:3128",
        "HTTP_PROXY": "http://localhost:3128",
        "FTP_PROXY": "http://[",
        "NO_PROXY": "10.1.2.5",
    }
    assert {"10.1.2.3", "10.1.2.4", "127.0.0.1"} <= differences.find_proxies(variables)
    assert differences.find_proxies({"http_proxy": "", "X_PROXY": "http://"}) == set()


ELF = b"\x7fELF\x02\x01" + bytes(12)
X86, ARM = (ELF + machine.to_bytes(2, "little") for machine in (62, 183))
MACH = b"\xcf\xfa\xed\xfe" + (0x0100000C).to_bytes(4, "little")
HERE = ".".join(map(str, sys.version_info[:2]))
TAG = f"cpython-{HERE.replace('.', '')}"


@pytest.mark.parametrize(
    ("file", "content", "error", "says"),
    [
        (
            "tables/core/_fast.cpython-39-x86_64-linux-gnu.so",
            X86,
            ModuleNotFoundError("No module named 'tables.core._fast'", name="tables.core._fast"),
            f"tables is built for Linux x86_64 and Python 3.9, and this is {{here}} with Python {HERE}",
        ),
        (
            f"_one.{TAG}-darwin.so",
            MACH,
            ModuleNotFoundError("No module named '_one'", name="_one"),
            f"_one is built for macOS arm64 and Python {HERE}, and this is {{here}}",
        ),
        (
            "pictures/_image.abi3.so",
            MACH,
            ImportError("cannot import name '_image' from 'pictures' (x)", name="pictures"),
            "pictures is built for macOS arm64, and this is {here}",
        ),
        (
            "pictures/_image.abi3.so",
            MACH,
            ImportError("mach-o file", path="{file}"),
            "pictures is built for macOS",
        ),
        ("a/b.txt", b"", ModuleNotFoundError("No module named 'a.b'", name="a.b"), ""),
        ("a/b.so", b"", ModuleNotFoundError("No module named 'a.b'", name="a.b"), ""),
        ("a/b.abi3.so", None, ImportError("libGL.so.1: cannot open", name="a.b"), ""),
    ],
)
def test_a_package_built_for_another_machine_or_python_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, content: bytes | None, error: Any, says: str
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    here = binaries.this_machine()
    mine = {"Linux x86_64": X86, "Linux arm64": ARM}.get(here, MACH)
    (tmp_path / file).write_bytes(mine if content is None else content)
    error.path = error.path and str(tmp_path / file)
    said = binaries.explain_import(error) or ""
    assert said.startswith(says.format(here=here))
    assert bool(said) == bool(says)
    assert not said or "install it into the project's environment" in said


@pytest.mark.parametrize(("name", "says"), [("requestz", True), ("shop.prices", False), (None, False)])
def test_a_package_that_this_python_lacks_is_named_with_its_interpreter(name: str | None, says: bool) -> None:
    missing, tried = ModuleNotFoundError("No module", name=name), KeyError("price")
    tried.__context__ = missing
    assert f"{sys.executable} has no requestz: " in (differences.explain(missing, False) or "") or not says
    assert bool(differences.explain(missing, False)) == says
    assert differences.explain(tried, False) is None, "the function copes with it"


@pytest.mark.parametrize(
    ("head", "built"),
    [(X86, "Linux x86_64"), (ARM, "Linux arm64"), (MACH, "macOS arm64"), (b"MZ", "Windows"), (b"#!", None)],
)
def test_the_head_of_a_compiled_module_says_where_it_runs(
    tmp_path: Path, head: bytes, built: str | None
) -> None:
    (tmp_path / "x.so").write_bytes(head)
    assert binaries.built_for(str(tmp_path / "x.so")) == built
    assert binaries.built_for(str(tmp_path / "none.so")) is None
    assert [binaries.this_machine(each).split()[0] for each in ("darwin", "win32")] == ["macOS", "Windows"]
