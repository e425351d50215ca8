from __future__ import annotations

import json
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plldb.debugger.errors import SeveralFoldersError, SourceError
from plldb.debugger.workers.project.interpreter import find_local_packages, find_python
from plldb.debugger.workers.settings import FunctionSettings, read_settings
from plldb.debugger.workers.source import Project, check_project, find_source

FUNCTION = FunctionSettings(
    name="shop-Orders-1A", arn="", handler="app.handler", runtime="python3.13", logical_id="Orders"
)
SAM = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {CodeUri: common/, Runtime: python3.13}}
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: orders/, Handler: app.handler, Role: !GetAtt Role.Arn}
  Bills:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler}
  Packed:
    Type: AWS::Lambda::Function
    Properties: {Code: ./bills, Handler: app.handler}
  Nested:
    Type: AWS::Serverless::Application
    Properties: {Location: nested/template.yaml}
"""
NESTED = """
Resources:
  Deep:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: app.handler, Tags: {a: !Sub "${b}"}}
"""
CDK = json.dumps(
    {"Resources": {"Orders": {"Type": "AWS::Lambda::Function", "Metadata": {"aws:asset:path": "asset.1"}}}}
)


def make(root: Path, *files: str, **texts: str) -> None:
    """Files below a folder; the text of a Python file is its path."""
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get(name, name))


def find(root: Path, **changes: Any) -> str:
    project = Project(folder=root, python=Path(sys.executable))
    return str(find_source(project, replace(FUNCTION, **changes)).folder.relative_to(root.resolve()))


@pytest.mark.parametrize(
    ("files", "handler", "folder"),
    [
        (["app.py"], "app.handler", "."),
        (["app.py", "old/app.py"], "app.handler", "."),
        (["src/app.py"], "app.handler", "src"),
        (["services/orders/app.py", "services/bills/main.py"], "app.handler", "services/orders"),
        (["pkg/__init__.py"], "pkg.handler", "."),
        (["src/pkg/mod.py"], "pkg.mod.handler", "src"),
        (["src/pkg/mod.py"], "src/pkg/mod.handler", "."),
        ([".aws-sam/build/Orders/app.py", "src/app.py", ".venv/lib/app.py"], "app.handler", "src"),
    ],
)
def test_the_folder_from_which_the_handler_can_be_imported(
    tmp_path: Path, files: list[str], handler: str, folder: str
) -> None:
    make(tmp_path, *files)
    assert find(tmp_path, handler=handler) == folder


@pytest.mark.parametrize(
    ("logical_id", "folder"),
    [("Orders", "orders"), ("Bills", "common"), ("Packed", "bills"), ("Deep", "nested/src"), ("Else", ".")],
)
def test_a_template_says_where_the_code_is(tmp_path: Path, logical_id: str, folder: str) -> None:
    files = ("app.py", "orders/app.py", "common/app.py", "bills/app.py", "nested/src/app.py")
    make(tmp_path, *files, "template.yaml", "nested/template.yaml")
    (tmp_path / "template.yaml").write_text(SAM)
    (tmp_path / "nested/template.yaml").write_text(NESTED)
    assert find(tmp_path, logical_id=logical_id) == folder


@pytest.mark.parametrize(
    ("templates", "folder"),
    [
        ({"services/a/template.yaml": "Orders", "services/b/template.yaml": "Bills"}, "services/a/src"),
        ({"template.yaml": "Bills", "orders.yaml": "Orders"}, "src"),
        ({"a/template.yaml": "Orders", "b/template.yaml": "Orders"}, "a/src, b/src"),
        ({"template.yaml": "Orders", "x.yaml": "Orders: {Properties: {CodeUri: x}}, Else"}, "src, x"),
    ],
)
def test_templates_of_several_stacks_say_where_the_code_is_and_none_is_taken_for_another(
    tmp_path: Path, templates: dict[str, str], folder: str
) -> None:
    for name, key in templates.items():
        make(tmp_path, name, str(Path(name).parent / "src/app.py"), "x/app.py")
        text = f"{{Resources: {{{key}: {{Properties: {{CodeUri: src}}}}}}}}"
        (tmp_path / name).write_text(
            text.replace("{Properties", "{Type: AWS::Serverless::Function, Properties")
        )
    if "," not in folder:
        assert find(tmp_path) == folder
        return
    with pytest.raises(SeveralFoldersError) as raised:
        find(tmp_path)
    assert ", ".join(raised.value.folders) == folder


@pytest.mark.parametrize("text", ["", "[", "- a", "Resources: []", "Resources: {Orders: 1}", "\0"])
def test_a_template_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    make(tmp_path, "src/app.py")
    (tmp_path / "template.yaml").write_text(text)
    assert find(tmp_path) == "src"


def test_of_several_folders_that_of_which_cdk_has_made_its_asset(tmp_path: Path) -> None:
    make(tmp_path, "a/app.py", "b/app.py", "cdk.out/asset.1/app.py", "cdk.out/shop.template.json")
    (tmp_path / "cdk.out/shop.template.json").write_text(CDK)
    (tmp_path / "cdk.out/asset.1/app.py").write_text("b/app.py")
    assert find(tmp_path) == "b"
    for name in ("a", "b"):
        (tmp_path / name / "app.py").unlink()
    assert find(tmp_path) == "cdk.out/asset.1", "code that only the tool has made"


def test_in_the_folder_of_one_function_no_other_one_runs_its_code(tmp_path: Path) -> None:
    make(tmp_path, ".git/HEAD", "orders/app.py", "common/app.py", "bills/app.py")
    (tmp_path / "template.yaml").write_text(SAM)
    (tmp_path / "orders/deep").mkdir()
    for folder in ("orders", "."):
        assert find(tmp_path / folder) == {"orders": ".", ".": "orders"}[folder]
    for other, its in (("Bills", "common"), ("Packed", "bills")):
        with pytest.raises(SourceError, match=rf"says that the code of .* is in \S+/{its}, and so not below"):
            find(tmp_path / "orders", logical_id=other)
    assert find(tmp_path / "orders", logical_id="Else") == ".", "of which no template says anything"


def test_a_chalice_project_has_only_functions_of_its_own_name(tmp_path: Path) -> None:
    make(tmp_path, "tool/app.py", "orders/app.py", "tool/.chalice/config.json")
    (tmp_path / "tool/.chalice/config.json").write_text('{"app_name": "tool"}')
    assert find(tmp_path, name="tool-dev") == "tool"
    with pytest.raises(SeveralFoldersError):
        find(tmp_path)


LAYERS = """
Globals: {Function: {Layers: [!Ref Common, !Sub 'arn:aws:lambda:${AWS::Region}:1:layer:x:1']}}
Resources:
  Orders: {Type: AWS::Serverless::Function, Properties: {CodeUri: src, Layers: [{Ref: Tables}, !Ref Gone]}}
  Bills: {Type: AWS::Serverless::Function, Properties: {CodeUri: src}}
  Common:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: python3.13}
    Properties: {ContentUri: layers/common}
  Tables: {Type: AWS::Lambda::LayerVersion, Properties: {Content: layers/tables}}
  Gone: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layers/gone}}
"""


def test_layers_whose_code_is_in_the_project_are_found_in_its_template(tmp_path: Path) -> None:
    make(tmp_path, "src/app.py", "layers/common/shared.py", "layers/tables/python/tables.py")
    make(tmp_path, "layers/tables/python/lib/python3.13/site-packages/x.py")
    (tmp_path / "template.yaml").write_text(LAYERS)
    project = Project(folder=tmp_path, python=Path(sys.executable))
    found = find_source(project, replace(FUNCTION, runtime="python3.13")).layers
    assert [str(each.relative_to(tmp_path.resolve())) for each in found] == [
        "layers/tables/python/lib/python3.13/site-packages",
        "layers/common",
        "layers/tables/python",
    ]
    bills = find_source(project, replace(FUNCTION, logical_id="Bills", name="bills")).layers
    assert [each.name for each in bills] == ["common"]
    (tmp_path / "template.yml").write_text(LAYERS.replace("src", "src2").replace("layers/common", "src2"))
    (tmp_path / "src").rename(tmp_path / "src2")
    assert [each.name for each in find_source(project, FUNCTION).layers][1] == "src2", "of its own template"


def test_layers_of_a_service_are_found_where_its_function_names_them(tmp_path: Path) -> None:
    make(tmp_path, "app.py", "layers/one/python/one.py", "layers/two/python/two.py")
    (tmp_path / "serverless.yml").write_text(
        "service: shop\nprovider: {layers: [!Ref OneLambdaLayer]}\n"
        "layers: {one: {path: layers/one}, two-x: {path: layers/two}}\nfunctions:\n"
        "  a: {handler: app.handler}\n  b: {handler: app.handler, layers: [{Ref: TwoDashxLambdaLayer}, x]}\n"
    )
    for name, layer in (("ALambdaFunction", "one"), ("BLambdaFunction", "two")):
        found = find_source(Project(folder=tmp_path), replace(FUNCTION, logical_id=name)).layers
        assert found == ((tmp_path / "layers" / layer / "python").resolve(),)


def test_several_folders_are_named(tmp_path: Path) -> None:
    make(tmp_path, "a/app.py", "b/app.py", **{"b/app.py": "a/app.py"})
    text, empty = (zipfile.ZipInfo("app.py") for _ in range(2))
    text.file_size, text.CRC = 8, zlib.crc32(b"a/app.py")
    project = Project(folder=tmp_path, python=Path(sys.executable))
    for deployed, how in (
        (None, ""),
        ([text], ", as it is deployed"),
        ([empty], ", in none of them as it is deployed"),
    ):
        said = rf"app\.handler of shop-.* is in several folders of \S*{how}: a, b\."
        with pytest.raises(SourceError, match=said):
            find_source(project, FUNCTION, deployed)
    for key in ("shop-Orders-1A", "Orders"):
        project = Project(folder=tmp_path, code={key: tmp_path / "b"}, python=Path(sys.executable))
        assert find_source(project, FUNCTION).folder == (tmp_path / "b").resolve()
    for project in (Project(folder=tmp_path, code={"Orders": Path("gone")}), Project(folder=Path("gone"))):
        with pytest.raises(SourceError, match=r"There is no folder .*gone"):
            find_source(project, FUNCTION)
        with pytest.raises(SourceError, match=r"There is no folder gone\."):
            check_project(project)
    with pytest.raises(SourceError, match=r"There is no Python at gone\."):
        check_project(Project(folder=tmp_path, python=Path("gone")))
    for path in ("a", "b"):
        (tmp_path / path / "app.py").rename(tmp_path / path / "other.py")
    make(tmp_path, "a/deep/app.py")
    deep = replace(FUNCTION, handler="pkg/app.handler")
    with pytest.raises(
        SourceError, match=r"no pkg/app\.py or pkg/app/__init__\.py .*, but a/deep/app\.py\. "
    ):
        find_source(Project(folder=tmp_path), deep)
    (tmp_path / "pyproject.toml").write_text("[tool.plldb.code]\nBills = 'a'\n")
    with pytest.raises(SourceError, match=r"the folder of its code; it names that of Bills\."):
        find_source(Project(folder=tmp_path), deep)
    with pytest.raises(SourceError, match=r"/app/__init__\.py in it, but deep/app\.py"):
        find_source(Project(folder=tmp_path, code={"Orders": tmp_path / "a"}), deep)
    for path in ("a", "b"):
        (tmp_path / path / "other.py").rename(tmp_path / path / "app.py")
    (tmp_path / "pyproject.toml").write_text("[tool.plldb.code]\nOrders = 'a'\n")
    assert find(tmp_path) == "a"
    named = find_source(Project(folder=tmp_path, code={"Orders": tmp_path / "b"}), FUNCTION)
    assert named.folder == (tmp_path / "b").resolve(), "what the caller names wins"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", r"pyproject\.toml cannot be read: "),
        ("tool = 1", r"pyproject\.toml cannot be read: "),
        ("[tool.plldb]\ncode = 'src'", r"pyproject\.toml: tool\.plldb\.code is 'src'\."),
        ("[tool.plldb.code]\nOrders = 1", r"Orders = 1 in tool\.plldb\.code is no folder\."),
        ("[tool.plldb.code]\nOrders = 'gone'", r"Orders = 'gone' in tool\.plldb\.code is no folder\."),
    ],
)
def test_a_pyproject_that_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    make(tmp_path, "app.py")
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(SourceError, match=message):
        find(tmp_path)


@pytest.mark.parametrize(
    "handler", ["pty.spawn", "os.system", "../app.handler", "handler", "", "/app.handler"]
)
def test_a_handler_that_is_no_file_below_the_folder_is_refused(tmp_path: Path, handler: str) -> None:
    make(tmp_path, "project/src/other.py", "app.py")
    with pytest.raises(SourceError, match=r"is not in any file below|cannot be imported: it is no module"):
        find(tmp_path / "project", handler=handler)


@pytest.mark.parametrize(
    ("files", "elsewhere"),
    [
        (["src/app.py", "infra/build/app.py"], ", but {root}/src/app.py"),
        (["infra/build/app.py"], ", but {root}/infra/build/app.py"),
        (["infra/main.tf", "infra/node_modules/app.py"], ""),
    ],
)
def test_a_handler_elsewhere_in_the_repository_or_in_a_build_is_named_and_not_run(
    tmp_path: Path, files: list[str], elsewhere: str
) -> None:
    make(tmp_path, ".git/config", *files)
    with pytest.raises(SourceError) as raised:
        find(tmp_path / "infra")
    assert f" in any folder{elsewhere.format(root=tmp_path)}. The table" in raised.value.message
    assert raised.value.code == "no-code"


def test_the_python_is_that_of_the_projects_environment(tmp_path: Path) -> None:
    folder = tmp_path / "services" / "orders"
    make(tmp_path, "services/orders/app.py", ".venv/bin/python", "active/bin/python", "conda/bin/python")
    assert find_python(None, folder, tmp_path, {}) == tmp_path / ".venv/bin/python"
    make(folder, "venv/bin/python")
    assert find_python(None, folder, tmp_path, {}) == folder / "venv/bin/python"
    active = {"VIRTUAL_ENV": str(tmp_path / "active")}
    assert find_python(None, folder, tmp_path, active) == tmp_path / "active/bin/python"
    ours = {"VIRTUAL_ENV": sys.prefix}
    assert find_python(None, folder, tmp_path, ours) == folder / "venv/bin/python"
    assert find_python(None, tmp_path / "active", tmp_path / "active", ours).is_relative_to(sys.prefix)
    make(tmp_path / "pdm", ".pdm-python", "env/bin/python")
    (tmp_path / "pdm/.pdm-python").write_text(f"{tmp_path}/pdm/env/bin/python\n")
    assert find_python(None, tmp_path / "pdm", tmp_path / "pdm", {}) == tmp_path / "pdm/env/bin/python"
    conda = {"CONDA_PREFIX": str(tmp_path / "conda")}
    assert find_python(None, tmp_path / "conda", tmp_path / "conda", conda) == tmp_path / "conda/bin/python"
    make(tmp_path, "pdm2/app.py", "pdm2/python3.13", "pdm2/__pypackages__/3.9/lib/x.py")
    make(tmp_path, "pdm2/__pypackages__/3.13/lib/x.py")
    (tmp_path / "pdm2/.pdm-python").write_text(f"{tmp_path}/pdm2/python3.13")
    assert find_python(None, tmp_path / "pdm2", tmp_path / "pdm2", {}) == tmp_path / "pdm2/python3.13"
    for runtime, version in (("python3.9", "3.9"), ("python3.12", "3.9")):
        (packages,) = find_local_packages(tmp_path / "pdm2", tmp_path / "pdm2", runtime)
        assert packages.parent.name == version
    uv = {"UV_PROJECT_ENVIRONMENT": "envs/py"}
    make(
        tmp_path, "uv/uv.lock", "uv/.git", "uv/envs/py/bin/python", "uv/.venv/bin/python", "uv/member/app.py"
    )
    for project in ("uv", "uv/member"):
        found = find_python(None, tmp_path / project, tmp_path / project, uv)
        assert found == tmp_path / "uv/envs/py/bin/python"
    assert find_python(None, tmp_path / "uv/member", tmp_path / "uv/member", {}) == (
        tmp_path / "uv/.venv/bin/python"
    )
    make(tmp_path, "win/python.exe")
    windows = {"CONDA_PREFIX": str(tmp_path / "win")}
    made = tmp_path / "made"
    make(made, ".venv/Scripts/python.exe", ".venv/bin/python")
    for system, python in (("nt", made / ".venv/Scripts/python.exe"), ("posix", made / ".venv/bin/python")):
        assert find_python(None, made, made, {}, system) == python
    found = find_python(None, tmp_path / "conda", tmp_path / "conda", windows, "nt")
    assert found == tmp_path / "win/python.exe"
    with pytest.raises(SourceError, match="There is no Python at /gone"):
        find_python(Path("/gone"), folder, tmp_path, {})


def test_tools_that_keep_environments_elsewhere_are_asked_and_may_fail(tmp_path: Path) -> None:
    make(
        tmp_path,
        "tools/poetry",
        "tools/pipenv",
        "tools/python3",
        "elsewhere/bin/python",
        "a/poetry.lock",
        "b/Pipfile",
    )
    answers = {"poetry": f"echo {tmp_path}/elsewhere", "pipenv": "exit 1", "python3": "exit 1"}
    for name, does in answers.items():
        (tmp_path / "tools" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "tools" / name).chmod(0o755)
    machine = {"PATH": str(tmp_path / "tools")}
    found = {each: find_python(None, tmp_path / each, tmp_path / each, machine) for each in ("a", "b")}
    assert found == {"a": tmp_path / "elsewhere/bin/python", "b": tmp_path / "tools/python3"}
    (tmp_path / "tools/poetry").write_text("no program")
    assert find_python(None, tmp_path / "a", tmp_path / "a", machine) == found["a"], "it is asked once"
    (tmp_path / "tools/pipenv").write_text(f"#!/bin/sh\necho {tmp_path}/elsewhere\n")
    assert find_python(None, tmp_path / "b", tmp_path / "b", machine) == found["a"], "now it knows one"
    make(tmp_path, "c/poetry.lock")
    assert find_python(None, tmp_path / "c", tmp_path / "c", machine) == tmp_path / "tools/python3"
    with pytest.raises(SourceError, match="No Python was found for"):
        find_python(None, tmp_path / "a", tmp_path / "a", {"PATH": str(tmp_path)})


def test_settings_are_those_of_the_function_as_deployed_also_while_it_is_armed() -> None:
    armed = "1|1800000000|wss://a/live|token|7|/opt/own"
    configuration = {
        "FunctionName": "orders",
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:orders:$LATEST",
        "Handler": "app.handler",
        "Runtime": "python3.13",
        "Timeout": 899,
        "MemorySize": 512,
        "Environment": {
            "Variables": {"PLLDB": armed, "AWS_LAMBDA_EXEC_WRAPPER": "/opt/plldb/wrapper", "TABLE": "t"}
        },
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "mine"},
        "VpcConfig": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]},
    }
    found = read_settings(configuration, logical_id="Orders")
    assert (found.timeout, found.memory, found.region, found.logical_id) == (7, 512, "eu-west-1", "Orders")
    assert found.arn == "arn:aws:lambda:eu-west-1:123456789012:function:orders"
    assert found.variables == {"TABLE": "t", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/own"}
    assert (found.log_format, found.log_level, found.log_group) == ("JSON", "DEBUG", "mine")
    assert found.in_vpc
    assert "TABLE" not in repr(found)
