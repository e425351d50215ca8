from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plldb.debugger.errors import SourceError
from plldb.debugger.workers.settings import FunctionSettings
from plldb.debugger.workers.source import Project, Source, find_source
from tests.unit.debugger.workers.project.starters import STARTERS

INLINE = """
Resources:
  Cfn: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: !Sub 'import os'}, Handler: index.handler}}
  Sam: {Type: AWS::Serverless::Function, Properties: {InlineCode: 'import os', Handler: index.handler}}
"""
SYNTHESIZED = '{"Resources": {"Cdk": {"Properties": {"Code": {"ZipFile": "import os"}}}}}'


def find(root: Path, name: str, logical_id: str, handler: str) -> Source:
    function = FunctionSettings(
        name=name, arn="", handler=handler, runtime="python3.13", logical_id=logical_id
    )
    return find_source(Project(folder=root, python=Path(sys.executable)), function)


@pytest.mark.parametrize("kind", STARTERS)
def test_the_source_of_each_function_is_found_with_no_configuration(tmp_path: Path, kind: str) -> None:
    starter = STARTERS[kind]
    starter.write(tmp_path)
    for each in starter.functions:
        found = find(tmp_path, each.name, each.logical_id, each.handler)
        assert (found.folder.relative_to(tmp_path.resolve()).as_posix(), found.handler) == (
            each.folder,
            each.own or each.handler,
        )


@pytest.mark.parametrize("logical_id", ["Cfn", "Sam", "Cdk"])
def test_code_in_the_template_itself_is_named_and_no_other_file_runs_in_its_place(
    tmp_path: Path, logical_id: str
) -> None:
    (tmp_path / "template.yaml").write_text(INLINE)
    (tmp_path / "cdk.out").mkdir()
    (tmp_path / "cdk.out/shop.template.json").write_text(SYNTHESIZED)
    (tmp_path / "index.py").touch()
    with pytest.raises(SourceError, match=r"code of f-1 is in the template .*template\.\w+ itself"):
        find(tmp_path, "f-1", logical_id, "index.handler")


def test_a_link_leads_to_another_folder_of_the_project_but_not_out_of_it(tmp_path: Path) -> None:
    for name in ("project/fn", "project/shared", "outside"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("project/shared/one.py", "outside/two.py"):
        (tmp_path / name).touch()
        (tmp_path / "project/fn" / name.rpartition("/")[2]).symlink_to(tmp_path / name)
    (tmp_path / "project/template.yaml").write_text(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: fn}}}"
    )
    assert find(tmp_path / "project", "f-1", "F", "one.handler").folder.name == "fn"
    with pytest.raises(SourceError, match="is not in any file below"):
        find(tmp_path / "project", "f-1", "F", "two.handler")
