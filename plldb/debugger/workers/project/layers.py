"""The packages of functions' layers, where the project's Python lacks them. Talks to Lambda and the disk.

A layer is looked at once in a session: the list of files at the end of its package tells whether it is
needed at all. One that was fetched stays in the user's cache.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plldb.debugger.arming.functions import Lambda
from plldb.debugger.errors import SourceError
from plldb.debugger.events.layers import LayerFetched, LayerMissing
from plldb.debugger.workers.project.cache import LARGEST, cache_folder, unpack, use
from plldb.debugger.workers.project.compare import Package, read_files
from plldb.debugger.workers.settings import FunctionSettings
from plldb.errors import PlldbError
from plldb.tasks import cancel_all, gather_all

ASK_FOR = 20.0
"""Seconds in which Python tells what it has."""
PYTHON = "python/"
"""Where Lambda looks into a layer for packages, besides ``python/lib/python3.x/site-packages``."""
_ASK = """
import importlib.util as u, json, sys
def lacks(name):
    try: found = u.find_spec(name)
    except Exception: return True
    return found is None or found.origin is None
print(json.dumps([each for each in json.loads(sys.argv[1]) if lacks(each)]))
"""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a function runs: the folders of its code and of layers that the project has, the interpreter."""

    folders: tuple[Path, ...]
    python: Path


@dataclass(frozen=True, slots=True)
class _Seen:
    location: str = field(repr=False)
    files: tuple[str, ...]


class Layers:
    """The layers of a session's functions. `open_layers` makes one."""

    def __init__(
        self,
        where: Lambda,
        homes: Mapping[str, Home],
        tell: Callable[[LayerFetched | LayerMissing], None],
    ) -> None:
        self._where = where
        self._homes = homes
        self._tell = tell
        self._tasks: dict[tuple[str, str], asyncio.Task[Any]] = {}

    async def of(self, function: FunctionSettings) -> tuple[Path, ...]:
        """Return what comes behind the project's own path for a function; fetch what is not there yet."""
        folders = await gather_all(*[self._folder(arn, function) for arn in function.layers])
        return python_path([each for each in folders if each], function.runtime)

    async def fetch(self, functions: Iterable[FunctionSettings]) -> None:
        """Fetch for all of them."""
        await gather_all(*[self.of(each) for each in functions])

    async def close(self) -> None:
        """Stop what is under way."""
        await cancel_all(self._tasks.values())

    async def _folder(self, arn: str, function: FunctionSettings) -> Path | None:
        try:
            folder = cache_folder("layers") / _name(arn)
            if await asyncio.to_thread(use, folder):
                return folder
            seen: _Seen = await self._once("look", arn, self._look(arn))
            missing = await self._missing(arn, top_level(seen.files, function.runtime), function)
            fetched: bool = bool(missing) and await self._once(
                "fetch", arn, self._fetch(arn, seen, folder, missing)
            )
        except PlldbError as error:
            await self._once("tell", arn, self._miss(arn, error.message))
            return None
        except OSError as error:  # the disk is full
            await self._once("tell", arn, self._miss(arn, f"Its package cannot be kept: {error.strerror}."))
            return None
        return folder if fetched else None

    async def _missing(self, arn: str, names: tuple[str, ...], function: FunctionSettings) -> tuple[str, ...]:
        """Return those of a layer's packages that neither the code of a function nor its Python has."""
        home = self._homes[function.name]
        if not names:
            return ()
        asked = asyncio.to_thread(ask_python, home.python, names)  # one process, however many functions
        lacking = await self._once(f"ask {home.python} {function.runtime}", arn, asked)
        here = await asyncio.to_thread(_names_in, home.folders)
        return tuple(each for each in lacking if each not in here)

    async def _once(self, what: str, arn: str, work: Coroutine[Any, Any, Any]) -> Any:
        if (what, arn) in self._tasks:
            work.close()
        else:
            self._tasks[what, arn] = asyncio.create_task(work)
        return await asyncio.shield(self._tasks[what, arn])

    async def _look(self, arn: str) -> _Seen:
        where = self._where
        answer = await where.call(where.client.get_layer_version_by_arn, Arn=arn)
        location = str((answer.get("Content") or {}).get("Location") or "")
        files = await read_files(where.aws, Package(location, ""))
        if files is None:
            raise SourceError("The list of its files cannot be downloaded.")
        return _Seen(location, tuple(each.filename for each in files))

    async def _fetch(self, arn: str, seen: _Seen, folder: Path, missing: tuple[str, ...]) -> bool:
        with tempfile.TemporaryFile() as package:
            got = await self._where.aws.download_to(package, seen.location, most=LARGEST)
            if not got or not await asyncio.to_thread(unpack, package, folder, most=LARGEST, inside=PYTHON):
                await self._miss(arn, "Its package cannot be downloaded and unpacked.")
                return False
            size = package.seek(0, os.SEEK_END)
        self._tell(LayerFetched(layer=arn, packages=missing, size=size))
        return True

    async def _miss(self, arn: str, message: str) -> None:
        self._tell(LayerMissing(layer=arn, message=message))


@asynccontextmanager
async def open_layers(
    where: Lambda, homes: Mapping[str, Home], tell: Callable[[LayerFetched | LayerMissing], None]
) -> AsyncIterator[Layers]:
    """Open the layers of functions that run at these places; at the end nothing is fetched any more."""
    layers = Layers(where, homes, tell)
    try:
        yield layers
    finally:
        await layers.close()


async def cached_layers(function: FunctionSettings) -> tuple[Path, ...]:
    """Return what comes behind the project's own path of what was fetched before; asks nobody."""
    folders = [cache_folder("layers") / _name(arn) for arn in function.layers]
    there = [each for each in folders if await asyncio.to_thread(use, each)]
    return python_path(there, function.runtime)


def _name(arn: str) -> str:
    name, version = arn.split(":")[-2:]
    return f"{name}-{version}-{hashlib.sha256(arn.encode()).hexdigest()[:12]}"


def python_path(layers: list[Path], runtime: str) -> tuple[Path, ...]:
    """Return the folders for ``sys.path``, in Lambda's order: of several layers the last one wins."""
    inside = (f"{PYTHON}lib/{runtime}/site-packages", PYTHON)
    folders = (layer / each for each in inside for layer in reversed(layers))
    return tuple(each for each in folders if each.is_dir())


def top_level(files: Iterable[str], runtime: str) -> tuple[str, ...]:
    """Return the names that can be imported from a layer with these files. Pure."""
    inside = (f"{PYTHON}lib/{runtime}/site-packages/", PYTHON)
    found = set()
    for file in files:
        base = next((each for each in inside if file.startswith(each)), None)
        if base is not None and file.endswith((".py", ".so")):
            name = file.removeprefix(base).split("/")[0].split(".")[0]
            if name.isidentifier() and not (base == PYTHON and name in ("lib", "bin")):
                found.add(name)
    return tuple(sorted(found))


def _names_in(folders: Iterable[Path]) -> frozenset[str]:
    return frozenset(each.name.split(".")[0] for folder in folders for each in folder.iterdir())


def ask_python(python: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of these packages that an interpreter lacks; all of them if it does not tell."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(  # noqa: S603 - the project's interpreter, and names as data
            [python, "-c", _ASK, json.dumps(names)],
            capture_output=True,
            text=True,
            timeout=ASK_FOR,
            check=True,
            cwd=python.parent,  # it looks for packages there, too
            env=variables,
        )
        return tuple(json.loads(done.stdout))
    except (OSError, ValueError, subprocess.SubprocessError):
        return names
