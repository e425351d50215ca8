import sys
from pathlib import Path

import pytest

from plldb.debugger.workers.project.layers import ask_python, python_path, top_level

FILES = (
    *(
        "python/shared.py",
        "python/numpy/__init__.py",
        "python/numpy/core/x.py",
        "python/six-1.dist-info/RECORD",
    ),
    *("python/_cffi.cpython-312-x86_64-linux-gnu.so", "python/bin/tool.py", "python/numpy.libs/a.so"),
    *("python/lib/python3.12/site-packages/pandas/__init__.py", "python/lib/python3.9/site-packages/old.py"),
    *("python/data.txt", "bin/x.py", "lib/libz.so"),
)


@pytest.mark.parametrize(
    ("runtime", "names"),
    [
        ("python3.12", ("_cffi", "numpy", "pandas", "shared")),
        ("python3.9", ("_cffi", "numpy", "old", "shared")),
        ("python3.13", ("_cffi", "numpy", "shared")),
    ],
)
def test_what_can_be_imported_from_a_layer(runtime: str, names: tuple[str, ...]) -> None:
    assert top_level(FILES, runtime) == names


def test_the_last_layer_wins_and_packages_of_the_runtime_come_first(tmp_path: Path) -> None:
    for name in ("a/python/lib/python3.12/site-packages", "b/python"):
        (tmp_path / name).mkdir(parents=True)
    found = python_path([tmp_path / "a", tmp_path / "b", tmp_path / "empty"], "python3.12")
    assert [str(each.relative_to(tmp_path)) for each in found] == [
        "a/python/lib/python3.12/site-packages",
        "b/python",
        "a/python",
    ]


def test_python_is_asked_what_it_lacks(tmp_path: Path) -> None:
    names = ("json", "pytest", "no_such_package")
    assert ask_python(Path(sys.executable), names) == ("no_such_package",)
    assert ask_python(tmp_path / "none", names) == names
