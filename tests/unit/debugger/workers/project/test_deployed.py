import io
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from plldb.debugger.workers.project.cache import cache_folder, compiled_folder, remove_unused, unpack, use
from plldb.debugger.workers.project.deployed import lay_over


def package(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        for name in names:
            files.writestr(name, name)
    return packed.getvalue()


def test_a_package_is_unpacked_once_for_this_user_alone_and_not_if_it_is_broken(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "copies" / "orders-1"
    for broken in (b"", package("app.py")[:-9]):
        assert not unpack(io.BytesIO(broken), folder, most=99)
    assert list(folder.parent.iterdir()) == []
    assert unpack(io.BytesIO(package("index.py", "../out.py")), folder, most=99)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(each.name for each in folder.iterdir()) == ["index.py", "out.py"]
    (folder / "index.py").write_text("changed")
    assert unpack(io.BytesIO(package("index.py")), folder, most=99), "another session was faster"
    assert (folder / "index.py").read_text() == "changed"
    assert [each.name for each in folder.parent.iterdir()] == ["orders-1"]


def test_what_nobody_has_used_for_thirty_days_is_removed_unless_the_developer_has_changed_it(
    tmp_path: Path,
) -> None:
    machine = {"XDG_CACHE_HOME": str(tmp_path)}
    copies = cache_folder("layers", machine)
    for name in ("old", "changed", "used", "new"):
        assert unpack(io.BytesIO(package("python/a.py", "bin/x")), copies / name, most=99, inside="python/")
        assert [each.name for each in (copies / name).iterdir()] == ["python"]
    (copies / ".new-half").mkdir()
    (copies / ".new-half/a.py").write_text("half")
    (copies / "changed/python/a.py").write_text("mine")
    then = (copies / "new").stat().st_mtime
    for each in copies.iterdir():
        os.utime(each, (then - 31 * 86400, then - (29 if each.name == "new" else 31) * 86400))
    assert use(copies / "used")
    assert not use(copies / "missing")
    remove_unused(machine, then)
    assert sorted(each.name for each in copies.iterdir()) == ["changed", "new", "used"]
    assert stat.S_IMODE(copies.parent.stat().st_mode) == 0o700
    assert not unpack(io.BytesIO(package("python/a.py")), copies / "large", most=3)


@pytest.mark.parametrize(
    ("machine", "folder"),
    [
        ({"XDG_CACHE_HOME": "/c", "LOCALAPPDATA": "/d"}, Path("/c")),
        ({"LOCALAPPDATA": "/d"}, Path("/d")),
        ({}, Path.home() / ".cache"),
    ],
)
def test_where_copies_are_kept(machine: dict[str, str], folder: Path) -> None:
    assert cache_folder("code", machine) == folder / "plldb" / "code"


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="another user is needed")
def test_a_user_without_a_home_is_told_what_to_set() -> None:
    code = (
        "import os, sys; sys.path[:] = eval(sys.argv[1])\n"
        "from plldb.debugger.workers.project.cache import cache_folder\n"
        "from plldb.errors import PlldbError\n"
        "os.setuid(54321)\n"
        "try: cache_folder('code', {})\n"
        "except PlldbError as error: print(error.code, error.message, error.hint.text)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, repr(sys.path)], env={}, capture_output=True, text=True, check=False
    )
    assert ran.stdout.startswith("source "), ran.stderr
    assert "XDG_CACHE_HOME" in ran.stdout


def test_what_a_tool_has_written_is_laid_over_the_project_and_nothing_else(tmp_path: Path) -> None:
    project, folder = tmp_path / "project", tmp_path / "copies/web-1"
    (project / "src").mkdir(parents=True)
    for name in ("src/app.py", "own.py", ".env"):
        (project / name).write_text("mine")
    deployed = package("wsgi_handler.py", ".serverless-wsgi", "own.py", "src/app.py", "flask/__init__.py")
    for _ in range(2):
        assert lay_over(io.BytesIO(deployed), "wsgi_handler.handler", project, folder)
    assert sorted(each.name for each in folder.iterdir()) == [
        ".env",
        ".serverless-wsgi",
        "own.py",
        "src",
        "wsgi_handler.py",
    ]
    assert (folder / "own.py").resolve() == project / "own.py"
    assert (folder / "src/app.py").resolve() == project / "src/app.py"
    assert sorted(each.name for each in project.iterdir()) == [".env", "own.py", "src"], "it is as it was"
    assert not lay_over(io.BytesIO(), "wsgi_handler.handler", project, folder)
    lumigo = package("_lumigo/hello.py", "_lumigo/deep/x.py")
    assert lay_over(io.BytesIO(lumigo), "_lumigo/hello.world", project, tmp_path / "copies/web-2")
    assert [each.name for each in (tmp_path / "copies/web-2/_lumigo").iterdir()] == ["hello.py"]


def test_compiled_files_are_kept_for_this_user_alone_or_nowhere(tmp_path: Path) -> None:
    machine = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    code = tmp_path / "project/src"
    folder = compiled_folder(code, machine)
    assert folder is not None
    assert folder == compiled_folder(code, machine) != compiled_folder(tmp_path / "other/src", machine)
    assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, *folder.parents[:2])} == {0o700}
    (tmp_path / "file").touch()
    assert compiled_folder(code, {"XDG_CACHE_HOME": str(tmp_path / "file")}) is None
