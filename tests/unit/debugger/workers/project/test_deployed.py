import io
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from plldb.debugger.workers.project.deployed import copies_folder, handler_file, lay_over, unpack


def package(*names: str, pack: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", pack) as files:
        for name in names:
            files.writestr(name, name)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "handler", "found"),
    [
        (package("app.py", "src/app.py"), "app.handler", b"app.py"),
        (package("app.py", "src/app.py"), "src/app.handler", b"src/app.py"),
        (package("pkg/__init__.py"), "pkg.handler", b"pkg/__init__.py"),
        (package("other.py"), "app.handler", None),
        (package("run.py"), "run.sh", None),
        (package("app.py")[:-9], "app.handler", None),
        (
            package("app.py", pack=zipfile.ZIP_DEFLATED).replace(b"app.pyK", b"app.py\xff"),
            "app.handler",
            None,
        ),
        (b"", "app.handler", None),
    ],
)
def test_the_file_of_a_handler_out_of_a_package(content: bytes, handler: str, found: bytes | None) -> None:
    assert handler_file(content, handler) == found


def test_a_package_is_unpacked_once_for_this_user_alone_and_not_if_it_is_broken(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "copies" / "orders-1"
    for broken in (b"", package("app.py")[:-9]):
        assert not unpack(broken, folder)
    assert list(folder.parent.iterdir()) == []
    assert unpack(package("index.py", "../out.py"), folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(each.name for each in folder.iterdir()) == ["index.py", "out.py"]
    (folder / "index.py").write_text("changed")
    assert unpack(package("index.py"), folder), "another session was faster"
    assert (folder / "index.py").read_text() == "changed"
    assert [each.name for each in folder.parent.iterdir()] == ["orders-1"]


@pytest.mark.parametrize(
    ("machine", "folder"),
    [
        ({"XDG_CACHE_HOME": "/c", "LOCALAPPDATA": "/d"}, Path("/c")),
        ({"LOCALAPPDATA": "/d"}, Path("/d")),
        ({}, Path.home() / ".cache"),
    ],
)
def test_where_copies_are_kept(machine: dict[str, str], folder: Path) -> None:
    assert copies_folder(machine) == folder / "plldb" / "code"


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="another user is needed")
def test_a_user_without_a_home_is_told_what_to_set() -> None:
    code = (
        "import os, sys; sys.path[:] = eval(sys.argv[1])\n"
        "from plldb.debugger.workers.project.deployed import copies_folder\n"
        "from plldb.errors import PlldbError\n"
        "os.setuid(54321)\n"
        "try: copies_folder({})\n"
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
        assert lay_over(deployed, "wsgi_handler.handler", project, folder)
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
    assert not lay_over(b"", "wsgi_handler.handler", project, folder)
    lumigo = package("_lumigo/hello.py", "_lumigo/deep/x.py")
    assert lay_over(lumigo, "_lumigo/hello.world", project, tmp_path / "copies/web-2")
    assert [each.name for each in (tmp_path / "copies/web-2/_lumigo").iterdir()] == ["hello.py"]
