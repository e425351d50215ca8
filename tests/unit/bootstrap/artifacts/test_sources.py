"""Handlers and template are found in a folder and in a zip; what cannot be read is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import plldb
from plldb.bootstrap.artifacts.sources import (
    FileSource,
    PackageSource,
    list_handlers,
    list_layers,
    list_packages,
    read_files,
    read_template,
)
from plldb.bootstrap.errors import PackagingError

REAPER = "lease_reaper_handler"
NAMES = [REAPER, *(f"ws_api_{name}_handler" for name in ("authorize", "connect", "default", "disconnect"))]
ROOT = Path(plldb.__file__).parent
CARGO = "plldb/bootstrap/cloudformation/"

READ_ALL = """
import asyncio, json, sys
from plldb.bootstrap.artifacts import sources
from plldb.bootstrap.artifacts.packages import build_package
from plldb.bootstrap.errors import PackagingError

async def main():
    built = [build_package(each.name, await sources.read_files(each)) for each in sources.list_packages()]
    template = await sources.read_template()
    imported = "plldb.debugger" in sys.modules
    digests = {each.name: each.sha256 for each in built}
    return {"file": sources.__file__, "packages": digests, "template": template, "imported": imported}

try:
    print(json.dumps(asyncio.run(main())))
except PackagingError as error:
    print(json.dumps({"error": error.message, "hint": str(error.hint)}))
"""


def zipped(target: Path, leave_out: tuple[str, ...] = (), replace: dict[str, bytes] | None = None) -> Path:
    """The package as a zip, without some files and with others changed."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(ROOT.rglob("*")):
            name = f"plldb/{path.relative_to(ROOT).as_posix()}"
            if path.is_file() and "__pycache__" not in name and not name.startswith(leave_out):
                archive.writestr(name, (replace or {}).get(name, path.read_bytes()))
    return target


def read_from(place: Path) -> dict[str, object]:
    """What a fresh interpreter reads whose plldb is there."""
    script = f"import sys; sys.path.insert(0, {str(place)!r})\n{READ_ALL}"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=place.parent, env={**os.environ}
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, object] = json.loads(ran.stdout)
    return found


def folder_with(folder: Path, *names: str) -> Path:
    """A folder of files whose content is their name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


async def contents(source: PackageSource) -> dict[str, str]:
    return {file.path: file.content.decode() for file in await read_files(source)}


async def test_the_handlers_are_read_from_the_folder_byte_for_byte() -> None:
    packages = [each for each in list_packages() if each.folder == "lambda_functions"]
    assert [each.name for each in packages] == NAMES
    folder = ROOT / "bootstrap" / "cloudformation" / "lambda_functions"
    shared = {path.name for path in folder.glob("*.py")} - {f"{name}.py" for name in NAMES} - {"__init__.py"}
    for each in packages:
        read = await contents(each)
        if each.name == REAPER:  # it shares with the laptop what knows how to restore a function
            path = "debugger/arming/settings.py"
            assert read.pop(f"plldb/{path}") == (ROOT / path).read_text()
        assert read == {name: (folder / name).read_text() for name in {f"{each.name}.py", *shared}}


async def test_shared_modules_are_in_the_package_of_each_handler(tmp_path: Path) -> None:
    names = ("a_handler.py", "b_handler.py", "tables.py", "__init__.py", "notes.txt", "__pycache__/x.pyc")
    packages = list_handlers(folder_with(tmp_path, *names))
    assert [each.name for each in packages] == ["a_handler", "b_handler"]
    assert await contents(packages[0]) == {name: name for name in ("a_handler.py", "tables.py")}
    assert await contents(packages[1]) == {name: name for name in ("b_handler.py", "tables.py")}


async def test_the_layer_has_the_wrapper_the_agent_and_the_modules_that_the_laptop_shares(
    tmp_path: Path,
) -> None:
    agent = ("agent/wrapper", "agent/__main__.py", "agent/core.py", "agent/README")
    names = ("wire.py", "conditions.py", "session.py", *agent)
    (layer,) = list_layers(folder_with(tmp_path, *names))
    assert (layer.name, layer.folder) == ("plldb_agent", "layers")
    assert [each.path for each in layer.files if each.executable] == ["plldb/wrapper"]
    assert await contents(layer) == {
        "plldb/wrapper": "agent/wrapper",
        "plldb/python/plldb/debugger/agent/__main__.py": "agent/__main__.py",
        "plldb/python/plldb/debugger/agent/core.py": "agent/core.py",
        "plldb/python/plldb/debugger/conditions.py": "conditions.py",
        "plldb/python/plldb/debugger/wire.py": "wire.py",
    }


async def test_the_template_is_read_from_the_folder() -> None:
    path = ROOT / "bootstrap" / "cloudformation" / "template.yaml"
    assert await read_template() == path.read_text("utf-8")


def test_the_same_packages_are_built_from_a_zipped_installation(tmp_path: Path) -> None:
    from_zip = read_from(zipped(tmp_path / "plldb.zip"))
    from_folder = read_from(ROOT.parent)
    assert str(tmp_path) in str(from_zip.pop("file"))
    assert str(ROOT) in str(from_folder.pop("file"))
    assert from_zip == from_folder
    assert from_zip["imported"] is False  # what is uploaded is read, and never runs here


@pytest.mark.once
@pytest.mark.parametrize(
    ("leave_out", "message"),
    [
        ((f"{CARGO}template.yaml",), "Cannot read the template template.yaml"),
        ((f"{CARGO}lambda_functions/ws_", f"{CARGO}lambda_functions/lease"), "No handler in "),
        ((f"{CARGO}lambda_functions/",), "handler"),
        (("plldb/debugger/agent/wrapper",), "No agent in "),
    ],
)
def test_a_damaged_zip_is_a_packaging_error(tmp_path: Path, leave_out: tuple[str, ...], message: str) -> None:
    found = read_from(zipped(tmp_path / "plldb.zip", leave_out))
    assert message in str(found["error"])
    assert found["hint"] == "Install plldb again."


@pytest.mark.once
def test_a_template_that_is_no_text_is_a_packaging_error(tmp_path: Path) -> None:
    found = read_from(zipped(tmp_path / "plldb.zip", replace={f"{CARGO}template.yaml": b"A: \xff\n"}))
    assert "template.yaml is damaged" in str(found["error"])


@pytest.mark.parametrize("place", ["gone.py", "."])
async def test_a_file_that_cannot_be_read_is_named_with_its_package(tmp_path: Path, place: str) -> None:
    files = (FileSource(path="x_handler.py", place=tmp_path / place),)
    source = PackageSource(name="x_handler", folder="lambda_functions", files=files)
    with pytest.raises(
        PackagingError, match=r"Cannot read x_handler\.py of the package x_handler: "
    ) as raised:
        await read_files(source)
    assert isinstance(raised.value.__cause__, OSError)
