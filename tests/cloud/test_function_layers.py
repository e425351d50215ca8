"""A function with layers is attached: what the Python here lacks of them is copied to this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cloud.functions import RUNTIME, create, invoke, pack
from tests.cloud.shop import attached
from tests.docs.json_page import check_lines
from tests.support.answers import access_denied
from tests.support.behaviours import Answer, after, on
from tests.support.environment import invent_account
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud.world import World
    from tests.support.cloud import Cloud

ACCOUNT = invent_account()
CODE = """
def handler(event, context):
    import {}
    return [shared.WHO, tables.WHO]
"""
FOREIGN = "\x7fELF\x02\x01" + "\0" * 12 + "\x15\0"  # for the processor POWER


@pytest.fixture
def account() -> str:
    """One account for all tests of this file."""
    return ACCOUNT


async def test_what_the_python_here_lacks_of_layers_is_fetched_once_and_comes_last(
    world: World, aws_env: dict[str, str], tmp_path: Path, cloud: Cloud
) -> None:
    first = {"python/shared.py": "WHO = 'first'", "python/yaml/__init__.py": "raise OSError", "bin/x": "x"}
    second = {
        f"python/lib/{RUNTIME}/site-packages/tables/__init__.py": "from . import fast\nWHO = 'second'",
        "python/tables/fast.py": "",
        f"python/lib/{RUNTIME}/site-packages/tables/fast.py": "",
        "python/broken/__init__.py": "from . import _fast",
        "python/broken/_fast.cpython-39-x86_64-linux-gnu.so": FOREIGN,
    }
    layers = [
        (await world.functions.publish_layer_version(LayerName=name, Content={"ZipFile": pack(files)}))[
            "LayerVersionArn"
        ]
        for name, files in (("one", first), ("two", second), ("three", {"lib/x": "x"}))
    ]
    name = await create(world.functions, CODE.format("shared, tables"), Layers=layers)
    arn = (await world.functions.get_function(FunctionName=name))["Configuration"]["FunctionArn"]
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.py").write_text(CODE.format("shared, tables, yaml"))
    env = {**aws_env, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    async with attached(env, project, arn, "--no-debug") as session:
        await session.read_until("attached")
        assert await invoke(world.functions, name, 1) == ["first", "second"]
        (project / "app.py").write_text("import broken")
        error = await invoke(world.functions, name, 1)
        assert error["errorType"] == "Runtime.ImportModuleError"
        await session.end()
    fetched = {line["layer"]: line["packages"] for line in session.lines if line["kind"] == "layer_fetched"}
    assert fetched == {layers[0]: ["shared"], layers[1]: ["broken", "tables"]}
    printed = [line["text"] for line in session.lines if line["kind"] == "output"]
    (told,) = [line for line in printed if "broken is built for Linux another processor" in line]
    assert "and Python 3.9" in told
    check_lines(session.lines)

    (project / "app.py").write_text(CODE.format("shared, tables"))
    async with attached(env, project, arn, "--no-debug") as session:
        await session.read_until("attached")
        assert await invoke(world.functions, name, 1) == ["first", "second"]
        await session.end()
    assert "layer_fetched" not in {line["kind"] for line in session.lines}
    denied = on(Answer(access_denied), "GetLayerVersionByArn", when=after(len(layers)))
    async with Proxy(cloud.direct, denied) as proxy:
        away = {"XDG_CACHE_HOME": str(tmp_path / "away"), "AWS_ENDPOINT_URL_LAMBDA": proxy.url}
        async with attached({**env, **away}, project, arn, "--no-debug") as session:
            await session.read_until("attached")
            error = await invoke(world.functions, name, 1)
            assert error["errorMessage"] == "No module named 'shared'"
            await session.end()
    missing = [line for line in session.lines if line["kind"] == "layer_missing"]
    assert sorted(line["layer"] for line in missing) == sorted(layers)
    assert all("lambda:GetLayerVersion" in line["message"] for line in missing)
    check_lines(session.lines)
