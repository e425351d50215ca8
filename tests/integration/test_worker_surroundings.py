"""What a function in a worker finds around it, and what it is told that is not here as in Lambda."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.support.workers import bench, make_python, write


async def test_the_environment_is_the_functions_and_holds_the_roles_credentials_at_import(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        app="""
        import os, sys, time
        seen = dict(os.environ)
        def handler(event, context):
            return {"seen": seen, "path": sys.path[0], "cwd": os.getcwd(), "zone": time.tzname[0]}
        """,
    )
    machine = {"HTTPS_PROXY": "http://mine", "AWS_PROFILE": "mine", "PYTHONPATH": "/mine", "SECRET": "mine"}
    variables = {"HTTPS_PROXY": "http://theirs", "TABLE": "orders", "AWS_REGION": "no"}
    async with bench(
        tmp_path, machine=machine, own={"HOST": "localhost"}, variables=variables, debug=0
    ) as function:
        first = (await function.invoke()).value
    seen = first["seen"]
    assert seen["AWS_ACCESS_KEY_ID"] == "ASIAROLE"
    assert seen["HTTPS_PROXY"] == "http://mine", "this machine's network wins"
    assert (seen["HOST"], seen["TABLE"], seen["AWS_REGION"]) == ("localhost", "orders", "eu-west-1")
    assert not {"AWS_PROFILE", "SECRET"} & seen.keys()
    assert not [name for name in seen if "PYDEV" in name or "PLLDB" in name]
    assert first["path"] == first["cwd"] == seen["LAMBDA_TASK_ROOT"] == str(tmp_path)
    assert first["zone"] == "UTC"


async def test_a_pythonpath_of_the_function_is_that_of_its_code(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    write(tmp_path / "lib", inner="X = 1")
    write(tmp_path, app="import inner\ndef handler(event, context): return inner.X")
    async with bench(tmp_path, variables={"PYTHONPATH": "/var/task/lib:/opt/other"}) as function:
        assert (await function.invoke()).value == 1


async def test_a_layer_of_the_project_runs_from_its_folder_and_can_be_changed(tmp_path: Path) -> None:
    """Its template: AWS SAM puts what lies in the folder of such a layer below ``python``."""
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "common"}}
    layer["Metadata"] = {"BuildMethod": "python3.13"}
    orders = {"Type": "AWS::Serverless::Function", "Properties": {"Layers": [{"Ref": "Common"}]}}
    (tmp_path / "template.json").write_text(json.dumps({"Resources": {"Orders": orders, "Common": layer}}))
    (tmp_path / "common").mkdir()
    write(tmp_path, app="import shared\ndef handler(event, context): return shared.__file__, shared.WHO")
    for who in ("first", "other"):
        write(tmp_path / "common", shared=f"WHO = {who!r}")
        async with bench(tmp_path, logical_id="Orders") as function:
            assert (await function.invoke()).value == [str(tmp_path / "common/shared.py"), who]
            write(tmp_path / "common", shared="WHO = 'saved'")
            assert (await function.invoke()).value[1] == "saved"


async def test_boto3_of_plldb_is_there_and_nothing_else_of_plldbs_installation(tmp_path: Path) -> None:
    write(
        tmp_path,
        app="""
        import importlib.util
        import boto3
        from importlib import metadata
        def handler(event, context):
            found = [each for each in event if importlib.util.find_spec(each)]
            return [boto3.__version__ == metadata.version("boto3"), found]
        """,
    )
    async with bench(tmp_path, python=make_python(tmp_path / ".venv")) as function:
        ran = await function.invoke(["rich", "aiobotocore", "plldb", "yaml", "pytest", "six"])
    assert ran.value == [True, ["six"]]


async def test_boto3_of_the_project_wins_over_that_of_plldb(tmp_path: Path) -> None:
    write(tmp_path, app="import boto3\ndef handler(event, context): return boto3.__version__")
    python = make_python(tmp_path / ".venv")
    (packages,) = (tmp_path / ".venv/lib").glob("python*/site-packages")
    write(packages, boto3='__version__ = "own"')
    async with bench(tmp_path, python=python) as function:
        assert (await function.invoke()).value == "own"


LAMBDA_ONLY = (
    ("open('/opt/data.json')", "/opt/data.json is in Lambda only"),
    (  # also if the code copes with it, and then once
        "for _ in range(2):\n"
        "        with contextlib.suppress(OSError): urllib.request.urlopen('http://localhost:2773/x')",
        "nothing answers on port 2773 here: the AWS Parameters and Secrets Lambda Extension is in",
    ),
    ("raise ConnectionRefusedError('2773')", None),
    ("socket.create_connection(('10.255.0.1', 9), 0.01)", "10.255.0.1:9 is private"),
    (
        "os.environ['https_proxy'] = 'http://10.255.0.2:9'\n"
        "    socket.create_connection(('10.255.0.2', 9), 0.01)",
        None,
    ),
    ("socket.getaddrinfo('no.such.invalid', 1)", "a name of the function's VPC"),
)
"""What a function does, and what is said of it."""


async def test_what_is_in_lambda_only_is_said_where_it_fails(tmp_path: Path) -> None:
    cases = "".join(f"def do_{number}():\n    {code}\n" for number, (code, _) in enumerate(LAMBDA_ONLY))
    head = "import contextlib, os, socket, urllib.request\n"
    handler = "def handler(event, context): return globals()[f'do_{event}']()\n"
    write(tmp_path, app=head + cases + handler)
    async with bench(tmp_path, in_vpc=True) as function:
        for number, (_, line) in enumerate(LAMBDA_ONLY):
            lines = (await function.invoke(number)).lines
            said = [each.removeprefix("plldb: ") for each in lines if each.startswith("plldb: ")]
            assert [each[: len(line or "")] for each in said] == ([line] if line else []), number


@pytest.mark.parametrize("listens", [True, False])
async def test_an_extension_is_said_to_be_missing_where_nothing_of_ones_own_listens(
    tmp_path: Path, listens: bool
) -> None:
    code = "contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', event))"
    write(tmp_path, app=f"import contextlib, socket\ndef handler(event, context):\n    with {code}: pass\n")
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))  # nobody else gets the port, also if it does not listen
        port = own.getsockname()[1]
        if listens:
            own.listen()
        variables = {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(port)}
        async with bench(tmp_path, variables=variables) as function:
            lines = (await function.invoke(port)).lines
    said = [each.split(":")[1] for each in lines if each.startswith("plldb: ")]
    assert said == ([] if listens else [f" nothing answers on port {port} here"])


async def test_a_python_of_another_version_is_said(tmp_path: Path) -> None:
    write(tmp_path, app="def handler(event, context): pass")
    async with bench(tmp_path, runtime="python3.99") as function:
        (line,) = (await function.invoke()).lines
    assert line.startswith("plldb: this is Python 3.")
    assert line.endswith("and the function is deployed on 3.99")
