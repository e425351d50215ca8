"""What serverless.yml says of functions, and where AWS Chalice keeps its own. Talks to the disk.

Both package the folder in which their file is, so that folder is the root of the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plldb.debugger.workers.project.reading import mapping, read_mapping
from plldb.debugger.workers.project.search import files_of_services, walk
from plldb.debugger.workers.settings import FunctionSettings

NAMES = ("serverless.yml", "serverless.yaml", "serverless.json")
"""Files of the Serverless Framework that are data; those in JavaScript are not read."""
CHALICE = ".chalice/config.json"
_FROM_FILE = re.compile(r"\$\{file\(([^)$]+)\)\}")


@dataclass(frozen=True, slots=True)
class Declared:
    """A function as a service declares it: the root of its code, its own handler, folders of its layers."""

    service: str
    key: str
    name: str
    folder: Path
    handler: str
    layers: tuple[Path, ...] = ()


def declared_by_serverless(project: Path, function: FunctionSettings) -> tuple[Declared, ...]:
    """Return what the services below a folder declare for a function.

    Several services may use the same key: then those count whose name the function's begins with.
    """
    found = tuple(
        each for path in files_of_services(project, NAMES) for each in _declared(path) if _is(each, function)
    )
    of_service = tuple(each for each in found if function.name.startswith(f"{each.service}-"))
    return of_service or found


def folders_of_chalice(project: Path, function: FunctionSettings) -> tuple[Path, ...]:
    """Return the Chalice projects of which a function has its name."""
    apps = {
        path.parent.parent.resolve(): str(read_mapping(path).get("app_name", ""))
        for path in (Path(folder, CHALICE) for folder, _ in walk(project, deepest=2))
        if path.is_file()
    }
    # A function is called <app_name>-<stage>, with the name of its Python function if it serves no API.
    return tuple(folder for folder, app in apps.items() if app and function.name.startswith(f"{app}-"))


def _declared(path: Path) -> Iterator[Declared]:
    content = read_mapping(path)
    service = content.get("service")
    # Once it was a mapping.
    called = service if isinstance(service, str) else str(mapping(service).get("name", ""))
    functions = content.get("functions")
    layers = {
        logical_id_of(str(key), "Layer"): path.parent / str(mapping(layer).get("path"))
        for key, layer in mapping(content.get("layers")).items()
    }
    common = mapping(content.get("provider")).get("layers")
    for part in functions if isinstance(functions, list) else [functions]:
        for key, function in _from_file(path.parent, part).items():
            each = mapping(_from_file(path.parent, function))
            handler, module, name = (each.get(field) for field in ("handler", "module", "name"))
            if isinstance(handler, str):
                # serverless-python-requirements: the folder of a function that is packaged individually
                folder = path.parent / module if isinstance(module, str) else path.parent
                named = each.get("layers", common)
                ids = [mapping(one).get("Ref") for one in (named if isinstance(named, list) else ())]
                own = tuple(layers[one].resolve() for one in ids if one in layers)
                yield Declared(called, str(key), str(name), folder.resolve(), handler, own)


def _from_file(base: Path, value: object) -> Mapping[str, Any]:
    if isinstance(value, str) and (found := _FROM_FILE.fullmatch(value.strip())):
        return read_mapping(base / found[1].strip())
    return mapping(value)


def _is(declared: Declared, function: FunctionSettings) -> bool:
    if function.logical_id:
        return function.own_id == logical_id_of(declared.key)
    return function.name == declared.name or function.name.endswith(f"-{declared.key}")


def logical_id_of(key: str, what: str = "Function") -> str:
    """Return the logical id that the Serverless Framework makes of the key of a function or a layer."""
    normal = key.replace("-", "Dash").replace("_", "Underscore")
    return f"{normal[:1].upper()}{normal[1:]}Lambda{what}"
