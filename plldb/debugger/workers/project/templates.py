"""Where a project's own template says that the code of a function lies. Talks to the disk.

AWS SAM and CloudFormation before packaging (``CodeUri``, ``Code``, Globals, nested stacks), and what AWS CDK
has synthesized (``cdk.out``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

NAMES = ("template.yaml", "template.yml", "template.json", "sam.yaml", "sam.yml")
"""Files that ``sam`` takes by itself, and those that projects use besides."""
DEEPEST = 5
"""How deep nested stacks are followed."""
_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_NESTED = {"AWS::Serverless::Application": "Location", "AWS::CloudFormation::Stack": "TemplateURL"}


class _Loader(yaml.SafeLoader):
    """Takes short forms such as !Sub for what stands behind them: only plain values are used here."""


def _untagged(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> object:
    match node:
        case yaml.MappingNode():
            return loader.construct_mapping(node, deep=True)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
    return None


_Loader.add_multi_constructor("!", _untagged)


def folders_in_templates(project: Path, logical_id: str) -> tuple[Path, ...]:
    """Return the folders that the templates of a project name for the code of a function.

    Several templates, or nested stacks, may use the same id.
    """
    found = []
    for name in NAMES:
        found += [folder for each, folder in _sam_functions(project / name, 0) if each == logical_id]
    return tuple(dict.fromkeys(found))


def assets_of_cdk(project: Path, logical_id: str) -> tuple[Path, ...]:
    """Return the folders in ``cdk.out`` that hold the code of a function as AWS CDK has put it together."""
    found = []
    for path in sorted((project / "cdk.out").glob("*.template.json")):
        resource = _resources(_read(path)).get(logical_id)
        if resource is None:
            continue
        asset = _mapping(resource.get("Metadata")).get("aws:asset:path")
        if isinstance(asset, str) and (path.parent / asset).is_dir():
            found.append(path.parent / asset)
    return tuple(found)


def _sam_functions(path: Path, depth: int) -> Iterator[tuple[str, Path]]:
    template = _read(path)
    common = _mapping(_mapping(template.get("Globals")).get("Function"))
    for logical_id, resource in _resources(template).items():
        kind, properties = resource.get("Type"), _mapping(resource.get("Properties"))
        if kind in _FUNCTIONS:
            code = properties.get("CodeUri", properties.get("Code", common.get("CodeUri")))
            # SAM takes the template's own folder where none is named.
            if folder := _folder(path.parent, code if code is not None else "."):
                yield logical_id, folder
        elif kind in _NESTED and depth < DEEPEST:
            nested = properties.get(_NESTED[kind])
            if isinstance(nested, str) and "://" not in nested:
                yield from _sam_functions(path.parent / nested, depth + 1)


def _folder(base: Path, code: object) -> Path | None:
    if not isinstance(code, str) or "://" in code:
        return None  # in S3, or inline
    folder = (base / code).resolve()
    return folder if folder.is_dir() else None


def _read(path: Path) -> Mapping[str, Any]:
    """Return a template; an empty one if there is none that can be read."""
    try:
        text = path.read_text("utf-8")
        loaded = json.loads(text) if path.suffix == ".json" else yaml.load(text, _Loader)  # noqa: S506 - safe
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return _mapping(loaded)


def _resources(template: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    found = _mapping(template.get("Resources"))
    return {str(name): each for name, each in found.items() if isinstance(each, dict)}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
