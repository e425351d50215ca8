import io
import zipfile
from pathlib import Path

import pytest

from plldb.debugger.workers.project.compare import as_deployed, differing, read_directory

DEPLOYED = {
    "app.py": "one\ntwo\n",
    "shop/__init__.py": "",
    "shop/cart.py": "cart",
    "shop/data.json": "{}",
    # what installing and packaging add
    "requests/__init__.py": "requests",
    "requests-2.32.dist-info/RECORD": "many",
    "six.py": "six",
    "tests/__init__.py": "of a package that installs its tests",
    "requirements.txt": "made by a tool",
    "shop/__pycache__/cart.cpython-313.pyc": "compiled",
    "google/auth/__init__.py": "a namespace that the project has too",
}
HERE = {
    **{name: DEPLOYED[name] for name in ("app.py", "shop/__init__.py", "shop/cart.py", "shop/data.json")},
    # what packaging leaves out, or what is not deployed yet
    "tests/__init__.py": "",
    "requirements.txt": "requests",
    "shop/new.py": "new",
    "shop/__pycache__/cart.cpython-313.pyc": "other",
    "google/mine/__init__.py": "",
    "README.md": "read me",
}


def pack(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        for name, text in files.items():
            package.writestr(name, text)
        link = zipfile.ZipInfo("shop/link.py")
        link.external_attr = 0o120777 << 16
        package.writestr(link, "cart.py")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("change", "files"),
    [
        ({}, set()),
        ({"app.py": "one\r\ntwo\r\n"}, set()),
        ({"app.py": "one\ntwO\n"}, {"app.py"}),
        ({"app.py": "one\n", "shop/data.json": "[]"}, {"app.py", "shop/data.json"}),
        ({"shop/cart.py": None}, {"shop/cart.py"}),
        ({"shop/link.py": "cart"}, set()),
    ],
)
def test_only_files_of_the_project_that_are_not_as_deployed_are_named(
    tmp_path: Path, change: dict[str, str | None], files: set[str]
) -> None:
    for name, text in {**HERE, **change}.items():
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, newline="")
    packed = read_directory(pack(DEPLOYED))
    assert packed is not None
    assert differing(packed, tmp_path) == files


def test_the_end_of_a_package_is_enough_if_its_directory_is_in_it() -> None:
    whole = pack({**DEPLOYED, "large.py": "0" * 100_000})
    end = read_directory(whole[-2000:])
    assert end is not None
    assert [(each.filename, each.CRC) for each in end] == [
        (each.filename, each.CRC) for each in read_directory(whole) or ()
    ]
    for broken in (whole[-500:], whole[:-30], b"", b"no zip"):
        assert read_directory(broken) is None


@pytest.mark.parametrize(
    ("handler", "change", "folders"),
    [
        ("app.handler", {}, ["a", "b"]),
        ("app.handler", {"b/app.py": "other"}, ["a"]),
        ("app.handler", {"a/shop/cart.py": "other"}, ["b"]),
        ("app.handler", {"a/app.py": "other", "b/app.py": "another"}, []),
        ("shop.handler", {"a/shop/__init__.py": "other"}, ["b"]),
        ("shop/cart.handler", {"a/shop/cart.py": None}, ["b"]),
        ("run.sh", {}, []),
    ],
)
def test_the_folder_with_the_deployed_handler_and_of_several_the_one_with_most_deployed_files(
    tmp_path: Path, handler: str, change: dict[str, str | None], folders: list[str]
) -> None:
    files = {f"{each}/{name}": text for each in "ab" for name, text in HERE.items()} | change
    for name, text in files.items():
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    packed = read_directory(pack(DEPLOYED))
    assert packed is not None
    found = as_deployed(packed, [tmp_path / "a", tmp_path / "b"], handler)
    assert [each.name for each in found] == folders


def test_a_package_that_no_file_here_can_be_compared_with_differs_in_nothing(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    long = read_directory(pack({"shop/" + "x" * 300 + ".py": "", "shop/a\\b.py": "", "/shop/c.py": ""}))
    assert long is not None
    assert differing(long, tmp_path) == set()
    assert as_deployed(long, [tmp_path], "shop/a.handler") == []
