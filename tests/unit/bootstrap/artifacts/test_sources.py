"""Handlers and template are found in a folder and in a zip; what cannot be read is named."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import plldb
from plldb.bootstrap.artifacts.sources import HandlerFile, list_handlers, read_handler, read_template
from plldb.errors import PackagingError

NAMES = [f"ws_api_{name}_handler" for name in ("authorize", "connect", "default", "disconnect")]
ROOT = Path(plldb.__file__).parent
CARGO = "plldb/bootstrap/cloudformation/"

READ_ALL = """
import asyncio, hashlib, json, sys
from plldb.bootstrap.artifacts import sources
from plldb.errors import PackagingError

async def main():
    handlers = [await sources.read_handler(each) for each in sources.list_handlers()]
    digests = {each.file_name: hashlib.sha256(each.content).hexdigest() for each in handlers}
    template = await sources.read_template()
    return {"file": sources.__file__, "handlers": digests, "template": template}

try:
    print(json.dumps(asyncio.run(main())))
except PackagingError as error:
    print(json.dumps({"error": error.message, "hint": error.hint}))
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


async def test_the_four_handlers_are_read_from_the_folder_byte_for_byte() -> None:
    handlers = await asyncio.gather(*map(read_handler, list_handlers()))
    assert [each.function_name for each in handlers] == NAMES
    for each in handlers:
        assert each.file_name == f"{each.function_name}.py"
        folder = ROOT / "bootstrap" / "cloudformation" / "lambda_functions"
        assert each.content == (folder / each.file_name).read_bytes()


async def test_the_template_is_read_from_the_folder() -> None:
    path = ROOT / "bootstrap" / "cloudformation" / "template.yaml"
    assert await read_template() == path.read_text("utf-8")


def test_the_same_is_read_from_a_zipped_package(tmp_path: Path) -> None:
    from_zip = read_from(zipped(tmp_path / "plldb.zip"))
    from_folder = read_from(ROOT.parent)
    assert str(tmp_path) in str(from_zip.pop("file"))
    assert str(ROOT) in str(from_folder.pop("file"))
    assert from_zip == from_folder


@pytest.mark.parametrize(
    ("leave_out", "message"),
    [
        ((f"{CARGO}template.yaml",), "Cannot read the template template.yaml"),
        ((f"{CARGO}lambda_functions/ws_",), "No handler in "),
        ((f"{CARGO}lambda_functions/",), "handler"),
    ],
)
def test_a_damaged_zip_is_a_packaging_error(tmp_path: Path, leave_out: tuple[str, ...], message: str) -> None:
    found = read_from(zipped(tmp_path / "plldb.zip", leave_out))
    assert message in str(found["error"])
    assert found["hint"] == "Install plldb again."


def test_a_template_that_is_no_text_is_a_packaging_error(tmp_path: Path) -> None:
    found = read_from(zipped(tmp_path / "plldb.zip", replace={f"{CARGO}template.yaml": b"A: \xff\n"}))
    assert "template.yaml is damaged" in str(found["error"])


async def test_a_handler_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    handler = HandlerFile(function_name="ws_api_connect_handler", place=tmp_path / "gone.py")
    with pytest.raises(PackagingError, match="Cannot read the handler ws_api_connect_handler") as raised:
        await read_handler(handler)
    assert isinstance(raised.value.__cause__, FileNotFoundError)


async def test_a_folder_in_the_place_of_a_handler_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="the handler x_handler"):
        await read_handler(HandlerFile(function_name="x_handler", place=tmp_path))
