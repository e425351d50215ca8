"""The template as plain data: short tags become what they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.template import TEMPLATE

CARGO = TEMPLATE.parent


class CloudFormationLoader(yaml.SafeLoader):
    """Knows ``!Ref X``, ``!GetAtt A.B`` and ``!Name value``."""


def _long_form(loader: CloudFormationLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        if suffix == "Ref":
            return {"Ref": text}
        return {f"Fn::{suffix}": text.split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {f"Fn::{suffix}": loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {f"Fn::{suffix}": loader.construct_mapping(node, deep=True)}


CloudFormationLoader.add_multi_constructor("!", _long_form)


@pytest.fixture(scope="session")
def handlers_folder() -> Path:
    return CARGO / "lambda_functions"


@pytest.fixture(scope="session")
def handler_stems(handlers_folder: Path) -> list[str]:
    return sorted(path.stem for path in handlers_folder.glob("*_handler.py"))


@pytest.fixture(scope="session")
def template_path() -> Path:
    return TEMPLATE


@pytest.fixture(scope="session")
def template_text(template_path: Path) -> str:
    return template_path.read_text("utf-8")


@pytest.fixture(scope="session")
def template(template_text: str) -> dict[str, Any]:
    loaded = yaml.load(template_text, Loader=CloudFormationLoader)
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = template["Resources"]
    return found


@pytest.fixture(scope="session")
def functions(resources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Logical id → properties of every function."""
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
