"""Where a project's own template says that the code of a function lies. Talks to the disk.

AWS SAM and CloudFormation before packaging (``CodeUri``, ``Code``, Globals, nested stacks), and what AWS CDK
has synthesized (``cdk.out``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from plldb.debugger.workers.project.reading import mapping, read_mapping
from plldb.debugger.workers.project.search import above, files_of_services, find_handler

NAMES = ("template.yaml", "template.yml", "template.json", "sam.yaml", "sam.yml")
"""Files that ``sam`` takes by itself, and those that projects use besides."""
OTHER_NAMES = ("*.yaml", "*.yml", "*.json", "*.template")
"""Any file beside them may be a template, if it has a function of that logical id."""
DEEPEST = 5
"""How deep nested stacks are followed."""
LARGEST = 1_000_000
"""Bytes; CloudFormation takes no larger template, but other files of these names may be large."""
SAM_OUTPUT = ".aws-sam/build"
_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_LAYERS = ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion")
_NESTED = {"AWS::Serverless::Application": "Location", "AWS::CloudFormation::Stack": "TemplateURL"}


@dataclass(frozen=True, slots=True)
class _Function:
    """A function of a template, ``Nested/Orders`` in a nested one. No folder: code in S3, or inline.

    ``layers`` are the folders of those of its layers whose code is in the project, and how each is built.
    """

    template: Path
    logical_id: str
    folder: Path | None
    inline: bool
    layers: tuple[tuple[Path, str], ...] = ()


def folders_in_templates(project: Path, logical_id: str) -> tuple[Path, ...]:
    """Return the folders that the templates of a project name for the code of a function.

    Several templates, of other stacks or nested ones, may use the same id.
    """
    return tuple(dict.fromkeys(each.folder for each in _find(project, logical_id) if each.folder))


def declared_above(root: Path, logical_id: str, handler: str) -> tuple[Path, Path] | None:
    """Return the folder above with the template of a function that is not in ``root``, and that of its code.

    None where no template says that. Most functions have a handler of the same name: in the folder of one of
    them all others would run its code.
    """
    for parent in above(root):
        found = [each for each in folders_in_templates(parent, logical_id) if find_handler(each, handler)]
        if any(each.is_relative_to(root) or root.is_relative_to(each) for each in found):
            return None
        if found:
            return parent, found[0]
    return None


def layers_in_templates(project: Path, logical_id: str, folder: Path, runtime: str) -> tuple[Path, ...]:
    """Return the folders from which Python finds the packages of a function's layers that the project has.

    SAM copies what lies in the folder of a layer that it builds to ``python`` in the layer.

    Args:
        project: the folder of the project.
        logical_id: of the function; several templates may use it.
        folder: where the code of the function lies, by which it is known which template is its own.
        runtime: of the function.
    """
    found = sorted(_find(project, logical_id), key=lambda each: each.folder != folder)
    return python_folders(found[0].layers if found else (), runtime)


def python_folders(layers: Sequence[tuple[Path, str]], runtime: str) -> tuple[Path, ...]:
    """Return where Python looks into layers, of which each is a folder and how SAM builds it."""
    folders = (
        folder if method.startswith("python") else folder / inside
        for inside in (f"python/lib/{runtime}/site-packages", "python")
        for folder, method in reversed(layers)
    )
    return tuple(dict.fromkeys(each for each in folders if each.is_dir()))


def inline_in(project: Path, logical_id: str) -> Path | None:
    """Return the template that has the code of a function in itself, if one does and none names a folder."""
    found = _find(project, logical_id) or list(_synthesized(project / "cdk.out", _last_part(logical_id)))
    inline = [each.template for each in found if each.inline]
    return inline[0] if inline and len(inline) == len(found) else None


def built_folders(project: Path, logical_id: str) -> tuple[Path, ...]:
    """Return the folders that hold the code of a function as SAM or AWS CDK has put it together."""
    assets = _synthesized(project / "cdk.out", _last_part(logical_id))
    return (
        *folders_in_templates(project / SAM_OUTPUT, logical_id),
        *(each.folder for each in assets if each.folder),
    )


def cdk_app(project: Path) -> Path | None:
    """Return the file that makes the stacks of an AWS CDK project: functions may have others of its name."""
    command = str(read_mapping(project / "cdk.json").get("app", ""))
    return next((project / each for each in command.split() if each.endswith(".py")), None)


def _synthesized(output: Path, name: str) -> Iterator[_Function]:
    """Yield the functions of this id in the templates of AWS CDK; their folders are assets."""
    for path in sorted(output.glob("*.template.json")):
        resource = _resources(read_mapping(path)).get(name)
        if resource is not None:
            asset = mapping(resource.get("Metadata")).get("aws:asset:path")
            code = mapping(mapping(resource.get("Properties")).get("Code"))
            yield _Function(path, name, _folder(path.parent, asset), "ZipFile" in code)
    # Those of stages and pipelines; the assets themselves may have very many files.
    for assembly in sorted(output.glob("assembly-*")):
        yield from _synthesized(assembly, name)


def _find(project: Path, logical_id: str) -> list[_Function]:
    """Return the functions of this id, nested as it says; else of its last part."""
    if not logical_id:
        return []
    name = _last_part(logical_id)
    beside = chain((project / each for each in NAMES), _other_templates(project, name))
    for paths in (beside, files_of_services(project, NAMES)):
        there = [each for path in paths for each in _functions(path)]
        found = [each for each in there if each.logical_id == logical_id] or [
            each for each in there if _last_part(each.logical_id) == name
        ]
        if found:
            return found
    return []


def _other_templates(project: Path, name: str) -> Iterator[Path]:
    for path in sorted({path for each in OTHER_NAMES for path in project.glob(each)}):
        try:
            large = path.stat().st_size > LARGEST
            if path.name not in NAMES and not large and name in path.read_text("utf-8"):
                yield path
        except (OSError, ValueError):
            continue


def _functions(path: Path, above: str = "", depth: int = 0) -> Iterator[_Function]:
    template = read_mapping(path)
    common = mapping(mapping(template.get("Globals")).get("Function"))
    layers = dict(_layers(path.parent, template))
    for name, resource in _resources(template).items():
        kind, properties = resource.get("Type"), mapping(resource.get("Properties"))
        if kind in _FUNCTIONS:
            named = [*_names(common.get("Layers")), *_names(properties.get("Layers"))]
            own = tuple(layers[each] for each in named if each in layers)
            yield replace(_function(path, above + name, properties, common), layers=own)
        elif kind in _NESTED and depth < DEEPEST:
            nested = properties.get(_NESTED[kind])
            if isinstance(nested, str) and "://" not in nested:
                yield from _functions(path.parent / nested, f"{above}{name}/", depth + 1)


def _layers(base: Path, template: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Path, str]]]:
    for name, resource in _resources(template).items():
        properties = mapping(resource.get("Properties"))
        code = properties.get("ContentUri", properties.get("Content"))
        if resource.get("Type") in _LAYERS and (folder := _folder(base, code)):
            yield name, (folder, str(mapping(resource.get("Metadata")).get("BuildMethod", "")))


def _names(references: object) -> Iterator[str]:
    for each in references if isinstance(references, list) else ():
        yield str(mapping(each).get("Ref", each))


def _function(path: Path, name: str, properties: Mapping[str, Any], common: Mapping[str, Any]) -> _Function:
    code = properties.get("CodeUri", properties.get("Code", common.get("CodeUri")))
    inline = "InlineCode" in properties or "ZipFile" in mapping(code)
    # SAM takes the template's own folder where none is named.
    folder = None if inline else _folder(path.parent, code if code is not None else ".")
    return _Function(path, name, folder, inline)


def _last_part(logical_id: str) -> str:
    """Return the id of a function in its own template, also if that is of a nested stack."""
    return logical_id.rpartition("/")[2]


def _folder(base: Path, code: object) -> Path | None:
    if not isinstance(code, str) or "://" in code:
        return None  # in S3
    folder = (base / code).resolve()
    return folder if folder.is_dir() else None


def _resources(template: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    found = mapping(template.get("Resources"))
    return {str(name): each for name, each in found.items() if isinstance(each, dict)}
