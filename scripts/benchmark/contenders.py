"""Who is measured: plldb and its peers, where they are installed, how they are run. Talks to processes."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plldb.bootstrap.artifacts.sources import list_packages
from scripts.benchmark.measure import Command
from tests.support.environment import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHE = Path(".cache/bench").absolute()
STACK = "peer"

_CODE = re.compile(
    r"(Code|Content):\n +S3Bucket: .*\n +S3Key: \"__plldb\.(\w+)\.key__\"\n +S3ObjectVersion: .*\n"
)
_TOKEN = re.compile(r"__plldb\.\w+__")


class NotInstalledError(Exception):
    """A peer cannot be had here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A tool. ``cold`` and ``again`` give the commands that deploy into an account, new or not."""

    name: str
    version: str
    cold: Callable[[str], tuple[Command, ...]]
    again: Callable[[str], tuple[Command, ...]]


def plldb(version: str) -> Contender:
    """The installed program."""
    command = (program("plldb"), "bootstrap", "setup")
    return Contender(name="plldb", version=version, cold=lambda _: (command,), again=lambda _: (command,))


def program(name: str) -> str:
    """A program of the environment that this runs in."""
    return str(Path(sys.executable).with_name(name))


def cdk(environment: Mapping[str, str]) -> Contender:
    """``cdk bootstrap``: its own stack of roles, a bucket and a repository; no code."""
    if not shutil.which("npm"):
        raise NotInstalledError("cdk: there is no npm here")
    folder = CACHE / "cdk"
    tool = folder / "node_modules/.bin/cdk"
    if not tool.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _install("cdk", "npm", "install", "--prefix", str(folder), "--no-fund", "--no-audit", "aws-cdk")

    def bootstrap(account: str) -> tuple[Command, ...]:
        return ((str(tool), "bootstrap", f"aws://{account}/{REGION}", "--no-notices"),)

    version = _ask_version(str(tool), environment)
    return Contender(name="cdk", version=version, cold=bootstrap, again=bootstrap)


def sam(environment: Mapping[str, str], template: Path) -> Contender:
    """``sam deploy --resolve-s3`` of the same functions, tables and API."""
    tool = _install_python_tool("sam", "aws-sam-cli")
    command = (
        *(tool, "deploy", "--resolve-s3", "--template-file", str(template), "--stack-name", STACK),
        *("--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
    )
    version = _ask_version(tool, environment)
    return Contender(name="sam", version=version, cold=lambda _: (command,), again=lambda _: (command,))


def aws(environment: Mapping[str, str], template: Path) -> Contender:
    """``aws cloudformation package`` and ``deploy`` of the same; at first also ``aws s3 mb``."""
    tool = _install_python_tool("aws", "awscli")
    packaged = str(template.with_name("packaged.yaml"))

    def package_and_deploy(account: str) -> tuple[Command, ...]:
        package = (
            *(tool, "cloudformation", "package", "--template-file", str(template)),
            *("--s3-bucket", f"peer-{account}", "--output-template-file", packaged),
        )
        deploy = (
            *(tool, "cloudformation", "deploy", "--template-file", packaged, "--stack-name", STACK),
            *("--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset"),
        )
        return package, deploy

    def with_bucket(account: str) -> tuple[Command, ...]:
        return (tool, "s3", "mb", f"s3://peer-{account}"), *package_and_deploy(account)

    version = _ask_version(tool, environment)
    return Contender(name="aws", version=version, cold=with_bucket, again=package_and_deploy)


def write_peers_template(folder: Path, cargo: Path) -> Path:
    """The template and the packages of plldb in a form that sam and aws upload by themselves."""
    # A folder for each: of a single file, aws makes another zip every time.
    for package in list_packages():
        for file in package.files:
            place = folder / "peers" / package.name / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.place.read_bytes())
    text = (cargo / "template.yaml").read_text()
    text = _CODE.sub(lambda found: f"{found[1]}: peers/{found[2]}\n", text)
    place = folder / "peers.yaml"
    place.write_text(_TOKEN.sub("bench", text))
    return place


def _install_python_tool(name: str, package: str) -> str:
    # On the same Python as plldb.
    folder = CACHE / f"{name}-{platform.python_version()}"
    tool = folder / "bin" / name
    if not tool.exists():
        _install(name, program("uv"), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        python = str(folder / "bin/python")
        _install(
            name,
            program("uv"),
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            python,
            package,
        )
    return str(tool)


def _install(name: str, *command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        why = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise NotInstalledError(f"{name}: cannot be installed: {why[0]}")


def _ask_version(tool: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        (tool, "--version"), check=False, capture_output=True, text=True, env=dict(environment)
    )
    if done.returncode:
        raise NotInstalledError(f"{Path(tool).name}: does not start")
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "?"
