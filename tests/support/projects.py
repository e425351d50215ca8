"""Deploys small projects as the tool of each does it, none of which is needed for that. Talks to the cloud.

Each function builds in the project's folder what the tool builds there, deploys it, and returns what
``plldb attach`` is told: the name of a stack, or ARNs.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
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

    async def make_stack(self, name: str, template: Mapping[str, Any]) -> list[str]:
        """Deploy a template; its name."""
        cloudformation = await self.open_client("cloudformation")
        able = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
        await cloudformation.create_stack(
            StackName=name, TemplateBody=json.dumps(template), Capabilities=able
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


async def deploy_terraform(account: Account, project: Path, _: str) -> list[str]:
    """``terraform apply``: archives in the project, functions without a stack."""
    (project / "build").mkdir()
    arns = []
    for name in ("orders", "bills"):
        package = pack_folder(project / "src" / name)
        (project / f"build/{name}.zip").write_bytes(package)
        arns.append(await account.make_function(f"terraform-{name}", "index.handler", package))
    return arns


async def deploy_by_hand(account: Account, project: Path, _: str) -> list[str]:
    """A function made in the console, its code uploaded as a zip."""
    handler = "lambda_function.lambda_handler"
    return [await account.make_function("by-hand", handler, pack_folder(project))]
