"""The layer as setup builds it, and sandboxes that have it."""

from __future__ import annotations

import io
import shutil
import zipfile
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from plldb.bootstrap.artifacts.packages import build_package
from plldb.bootstrap.artifacts.sources import list_layers, read_files
from tests.unit.debugger.agent.sandbox import open_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.debugger.agent.sandbox import Sandbox


@pytest.fixture
async def layer(tmp_path: Path) -> Path:
    """What Lambda unpacks under /opt. Its state lies in the test's folder, else tests would share it."""
    (source,) = list_layers(files("plldb") / "debugger")
    package = build_package(source.name, await read_files(source))
    folder = tmp_path / "opt"
    with zipfile.ZipFile(io.BytesIO(package.body)) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, folder)
            shutil.os.chmod(path, entry.external_attr >> 16)  # type: ignore[attr-defined]
    wrapper = folder / "plldb" / "wrapper"
    text = wrapper.read_text()
    assert text.count("/tmp/.plldb-state") == 1
    wrapper.write_text(text.replace("/tmp/.plldb-state", str(tmp_path / "state")))
    return folder


@pytest.fixture
def sandbox(tmp_path: Path, layer: Path) -> Iterator[Sandbox]:
    """A sandbox in which nothing was started yet."""
    with open_sandbox(tmp_path, layer) as sandbox:
        yield sandbox
