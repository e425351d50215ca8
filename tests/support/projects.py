"""Deploys small projects as the tool of each does it, none of which is needed for that. Talks to the cloud.

Each function builds in the project's folder what the tool builds there, deploys it, and returns what
``plldb attach`` is told: the name of a stack, or names or ARNs of functions.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from botocore.exceptions import WaiterError

from tests.support.environment import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import OpenClient

_KEPT_OUT = (".serverless", "node_modules", ".venv", "__pycache__")


class _Template(yaml.SafeLoader):
    """Reads !Sub and its like as ``{"Fn::Sub": …}``."""


def _long_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if name == "GetAtt":
        value = value.split(".", 1)
    return {name if name == "Ref" else f"Fn::{name}": value}


_Template.add_multi_constructor("!", _long_form)


def read(path: Path) -> Any:
    """A template as it is on the disk."""
    return yaml.load(path.read_text(), _Template)


def pack_folder(folder: Path, **more: str) -> bytes:
    """A package of all files of a folder, links followed, and of more of them by their names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for where, folders, names in os.walk(folder, followlinks=True):
            folders[:] = sorted(each for each in folders if each not in _KEPT_OUT)
            for path in (Path(where, name) for name in sorted(names)):
                archive.writestr(_entry(str(path.relative_to(folder))), path.read_bytes())
        for name, text in more.items():
            archive.writestr(_entry(name), text)
    return packed.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    return entry


class Account:
    """Where projects are deployed to: its clients, and a bucket for their packages."""

    def __init__(self, open_client: OpenClient, bucket: str) -> None:
        self.open_client, self.bucket = open_client, bucket

    async def make_bucket(self) -> None:
        """Make the bucket, unless another project has made it."""
        s3 = await self.open_client("s3")
        if self.bucket not in {each["Name"] for each in (await s3.list_buckets())["Buckets"]}:
            place = {"LocationConstraint": REGION}
            await s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=place)

    async def upload(self, body: bytes, key: str = "") -> str:
        """Put a package or a template into the bucket; its key."""
        await self.make_bucket()
        s3 = await self.open_client("s3")
        key = key or hashlib.sha256(body).hexdigest()
        await s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    async def make_stack(self, name: str, template: Mapping[str, Any], **parameters: str) -> list[str]:
        """Deploy a template; its name."""
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        cloudformation = await self.open_client("cloudformation")
        able = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
        await cloudformation.create_stack(
            StackName=name, TemplateBody=json.dumps(template), Parameters=given, Capabilities=able
        )
        waiter = cloudformation.get_waiter("stack_create_complete")
        try:
            await waiter.wait(StackName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
        except WaiterError:
            told = await cloudformation.describe_stack_events(StackName=name)
            raise AssertionError(
                [reason for each in told["StackEvents"] if (reason := each.get("ResourceStatusReason"))]
            ) from None
        return [name]

    async def make_function(self, name: str, handler: str, package: bytes) -> str:
        """Make a function by Lambda's API, as Terraform and the console do; its ARN."""
        functions = await self.open_client("lambda")
        made = await functions.create_function(
            FunctionName=name,
            Handler=handler,
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/any",
            Code={"ZipFile": package},
        )
        return str(made["FunctionArn"])


async def deploy_sam(account: Account, project: Path, stack: str) -> list[str]:
    """``sam deploy`` of the sources, without a build."""
    return await account.make_stack(stack, await _package(account, project / "template.yaml"))


async def build_and_deploy_sam(account: Account, project: Path, stack: str) -> list[str]:
    """``sam build`` and ``sam deploy``."""
    build = project / ".aws-sam/build"
    build.mkdir(parents=True)
    _build(project / "template.yaml", build / "template.yaml", build)
    return await account.make_stack(stack, await _package(account, build / "template.yaml"))


def _build(source: Path, built: Path, folder: Path) -> None:
    """Copy the code of each function into a folder of its name, and name that in the built template."""
    template = read(source)
    common = template.get("Globals", {}).get("Function", {})
    for name, each in template["Resources"].items():
        properties = each["Properties"]
        if each["Type"] == "AWS::Serverless::Application":
            _build(source.parent / properties["Location"], folder / name / "template.yaml", folder / name)
            properties["Location"] = f"{name}/template.yaml"
        else:
            code = properties.get("CodeUri", common.get("CodeUri"))
            shutil.copytree(source.parent / code, folder / name)
            properties["CodeUri"] = name
    built.write_text(yaml.safe_dump(template))


async def _package(account: Account, path: Path) -> dict[str, Any]:
    """What ``sam package`` and ``aws cloudformation package`` make of a template: local paths are in S3."""
    template: dict[str, Any] = read(path)
    common = template.get("Globals", {}).get("Function", {})
    for each in [common, *(resource["Properties"] for resource in template["Resources"].values())]:
        if isinstance(each.get("CodeUri"), str):
            key = await account.upload(pack_folder(path.parent / each["CodeUri"]))
            each["CodeUri"] = f"s3://{account.bucket}/{key}"
        if isinstance(each.get("Code"), str):
            key = await account.upload(pack_folder(path.parent / each["Code"]))
            each["Code"] = {"S3Bucket": account.bucket, "S3Key": key}
        if "Location" in each:
            nested = json.dumps(await _package(account, path.parent / each["Location"]))
            key = await account.upload(nested.encode())
            each["Location"] = f"https://s3.amazonaws.com/{account.bucket}/{key}"
    return template


async def deploy_cdk(account: Account, project: Path, stack: str) -> list[str]:
    """``cdk deploy`` of what is synthesized, with its assets, in an account that is bootstrapped."""
    output = project / "cdk.out"
    for asset, source in (("37d0eabe", "lambda"), ("1ead07b7", "orders"), ("c1ff0a77", "bills")):
        folder = output / f"asset.{asset}"
        (found,) = project.glob(f"**/{source}")
        shutil.copytree(found, folder)
        if (folder / "requirements.txt").exists():
            (folder / "idna").mkdir()
            (folder / "idna/__init__.py").write_text("VERSION = 3\n")
        await account.upload(pack_folder(folder), f"{asset}.zip")
    parameters = await account.open_client("ssm")
    await parameters.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    return await account.make_stack(stack, read(output / "cdk.template.json"))


# In the manner of serverless-wsgi, which writes two modules and the name of the application.
_WSGI = {
    ".serverless-wsgi": '{"app": "web.app"}',
    "wsgi_handler.py": """
import importlib, json, pathlib, serverless_wsgi
settings = json.loads((pathlib.Path(__file__).parent / ".serverless-wsgi").read_text())
module, name = settings["app"].split(".")
app = getattr(importlib.import_module(module), name)
def handler(event, context):
    return serverless_wsgi.handle(app, event)
""",
    "serverless_wsgi.py": """
def handle(app, event):
    answer = {}
    def start(status, headers):
        answer["statusCode"] = int(status.split()[0])
    body = b"".join(app({"NAME": event["name"]}, start))
    return {**answer, "body": body.decode()}
""",
}


async def deploy_serverless(account: Account, project: Path, stack: str) -> list[str]:
    """``serverless deploy`` with serverless-wsgi and serverless-python-requirements."""
    installed, output = project.parent / "requirements", project / ".serverless"
    (installed / "idna").mkdir(parents=True)
    (installed / "idna/__init__.py").touch()
    output.mkdir()
    (output / "requirements").symlink_to(installed)  # the plugin keeps them in the user's cache
    package = pack_folder(project, **_WSGI, **{"idna/__init__.py": ""})
    (output / "shop.zip").write_bytes(package)
    key = await account.upload(package, "serverless/shop/dev/1795723285284-2026-11-26T20:01:25.284Z/shop.zip")
    template: dict[str, Any] = {"Resources": {}}
    for name, each in read(project / "serverless.yml")["functions"].items():
        template["Resources"][f"{name.capitalize()}LambdaFunction"] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"S3Bucket": account.bucket, "S3Key": key},
                "Handler": each["handler"],
                "Runtime": "python3.13",
                "FunctionName": f"shop-dev-{name}",
                "Role": "arn:aws:iam::000000000000:role/any",
            },
        }
    (output / "cloudformation-template-update-stack.json").write_text(json.dumps(template))
    return await account.make_stack(stack, template)


async def deploy_chalice(account: Account, project: Path, _: str) -> list[str]:
    """``chalice deploy``, with a stand-in for Chalice in the project's environment: functions, no stack."""
    venv.create(project / ".venv", symlinks=True)
    (packages,) = (project / ".venv").glob("lib/python*/site-packages")
    (packages / "chalice.py").write_text(
        "class Chalice:\n"
        "    def __init__(self, app_name): pass\n"
        "    def lambda_function(self): return lambda function: function\n"
    )
    vendor = {
        str(path.relative_to(project / "vendor")): path.read_text() for path in project.glob("vendor/**/*.py")
    }
    package = pack_folder(project, **vendor, **{"chalice.py": (packages / "chalice.py").read_text()})
    (project / ".chalice/deployments").mkdir()
    (project / ".chalice/deployments/dbdd1591-python3.13.zip").write_bytes(package)
    return [await account.make_function("chalice-shop-dev-order", "app.order", package)]


async def deploy_cloudformation(account: Account, project: Path, stack: str) -> list[str]:
    """``aws cloudformation package`` and ``deploy``; one function's package was put into S3 before."""
    key = await account.upload(pack_folder(project / "jobs"), "nightly.zip")
    template = await _package(account, project / "template.yaml")
    return await account.make_stack(stack, template, Bucket=account.bucket, Key=key)


async def deploy_terraform(account: Account, project: Path, _: str) -> list[str]:
    """``terraform apply``: archives in the project, functions without a stack."""
    (project / "build").mkdir()
    for name in ("orders", "bills"):
        package = pack_folder(project / "src" / name)
        (project / f"build/{name}.zip").write_bytes(package)
        await account.make_function(f"terraform-{name}", "index.handler", package)
    return ["terraform-orders", "terraform-bills"]


async def deploy_by_hand(account: Account, project: Path, _: str) -> list[str]:
    """A function made in the console, its code uploaded as a zip."""
    handler = "lambda_function.lambda_handler"
    return [await account.make_function("by-hand", handler, pack_folder(project))]
