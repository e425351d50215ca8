"""Files in YAML or JSON that other tools read too, as far as they can be read. Talks to the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Takes short forms such as !Sub for what stands behind them: only plain values are used here."""


def _untagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
    match node:
        case yaml.ScalarNode() if suffix == "Ref":
            return {"Ref": node.value}
        case yaml.MappingNode():
            return loader.construct_mapping(node, deep=True)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
    return None


_Loader.add_multi_constructor("!", _untagged)


def read_mapping(path: Path) -> Mapping[str, Any]:
    """Return what a file holds; nothing if there is none, or if it cannot be read.

    All functions of a stack, and each new worker, ask for the same files: a file is parsed again if it has
    changed.
    """
    try:
        state = path.stat()
    except (OSError, ValueError):
        return {}
    return _parse(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _parse(path: Path, _changed: int, _size: int) -> Mapping[str, Any]:
    try:
        text = path.read_text("utf-8")
        loaded = json.loads(text) if path.suffix == ".json" else yaml.load(text, _Loader)  # noqa: S506 - safe
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return mapping(loaded)


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}
