"""A project of each kind, deployed as its tool does it, reaches its first breakpoint without configuration.

The projects are in tests/projects, in the shape that the starter of each tool has.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cloud.functions import invoke
from tests.cloud.shop import Attached
from tests.support import program, projects
from tests.support.dap import editor
from tests.support.environment import REGION, invent_account

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tests.cloud.world import World
    from tests.conftest import OpenClient

PROJECTS = Path(__file__).parents[1] / "projects"
ACCOUNT = invent_account()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of project: its folder, how it is deployed, and which functions it then has.

    ``functions`` are by logical id, or name: the file in which they stop, and what they answer to EVENT.
    ``edited`` is a file that has changed since it was deployed. ``links`` lead elsewhere in the project; they
    are not in the repository, which is checked out on Windows and packed, too.
    """

    folder: str
    deploy: Callable[[projects.Account, Path, str], Awaitable[list[str]]]
    functions: dict[str, tuple[str, object]]
    edited: str = ""
    links: Mapping[str, str] = field(default_factory=dict)


COPY = "index.py"
"""What is in no file of the project runs in a copy of what is deployed."""
EVENT = {"name": "plldb"}
LINKED = {"linked": "shared"}
SAM = {
    "HelloWorldFunction": (
        "hello_world/app.py",
        {"statusCode": 200, "body": json.dumps({"message": "hello plldb"})},
    ),
    "Bills": ("shared/app.py", {"bill": "plldb", "price": 7}),
    "Orders/Order": ("orders/src/app.py", {"order": "plldb"}),
}
KINDS = {
    "sam": Kind(folder="sam", deploy=projects.deploy_sam, functions=SAM, links=LINKED),
    "sam-built": Kind(
        folder="sam",
        deploy=projects.build_and_deploy_sam,
        functions=SAM,
        edited="hello_world/app.py",
        links=LINKED,
    ),
    "cdk": Kind(
        folder="cdk",
        deploy=projects.deploy_cdk,
        functions={
            "Hello4A628BD4": ("lambda/hello.py", {"hello": "plldb"}),
            "OrdersA9B65338": ("shared/prices.py", {"order": 5}),
            "Bills0C71F2E6": ("functions/bills/index.py", {"bill": "plldb"}),
            "Inline6CF80F9D": (COPY, "inline"),
        },
        links={"functions/orders/prices.py": "../../shared/prices.py"},
    ),
    "serverless": Kind(
        folder="serverless",
        deploy=projects.deploy_serverless,
        functions={
            "HelloLambdaFunction": ("handler.py", {"hello": "plldb"}),
            "MailsLambdaFunction": ("jobs/mails.py", {"mail": "plldb"}),
            "ApiLambdaFunction": ("web.py", {"statusCode": 200, "body": "plldb"}),
        },
    ),
    "chalice": Kind(
        folder="chalice",
        deploy=projects.deploy_chalice,
        functions={"chalice-shop-dev-order": ("app.py", {"order": 15})},
    ),
    "cloudformation": Kind(
        folder="cloudformation",
        deploy=projects.deploy_cloudformation,
        functions={
            "Packaged": ("src/orders.py", {"order": "plldb"}),
            "Nightly": ("jobs/nightly/main.py", {"nightly": "plldb"}),
            "Inline": (COPY, "inline"),
        },
    ),
    "terraform": Kind(
        folder="terraform",
        deploy=projects.deploy_terraform,
        functions={
            "terraform-orders": ("src/orders/work.py", {"order": "plldb"}),
            "terraform-bills": ("src/bills/work.py", {"bill": "plldb"}),
        },
    ),
    "by-hand": Kind(
        folder="by_hand",
        deploy=projects.deploy_by_hand,
        functions={"by-hand": ("lambda_function.py", {"statusCode": 200, "body": '"plldb"'})},
    ),
}


@pytest.fixture
def account() -> str:
    """One account for all projects: plldb is set up once."""
    return ACCOUNT


@pytest.mark.parametrize("kind", KINDS)
async def test_it_stops_in_the_source_and_is_given_back_as_it_was(
    world: World, aws_env: dict[str, str], open_client: OpenClient, tmp_path: Path, kind: str
) -> None:
    wanted = KINDS[kind]
    project = tmp_path / "project"
    shutil.copytree(PROJECTS / wanted.folder, project)
    for link, target in wanted.links.items():
        (project / link).symlink_to(target)
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"  # AWS CDK alone asks for a name
    account = projects.Account(open_client, bucket)
    words = await wanted.deploy(account, project, kind)
    if wanted.edited:
        with (project / wanted.edited).open("a") as source:
            source.write("\n# another line\n")
    before = all_files(project), await configurations(world)
    env = {**aws_env, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    env["VIRTUAL_ENV"] = sys.prefix  # as where plldb has one of its own
    attaching = program.started(
        "attach", *words, "--debug-port", "0", "--output", "json", env=env, cwd=project
    )
    async with attaching as running:
        session = Attached(running)
        planned = (await session.read_until("attach_planned"))["functions"]
        names = {each["logical_id"] or each["function"]: each["function"] for each in planned}
        assert names.keys() == wanted.functions.keys()
        folders = {each["function"]: Path(each["folder"]) for each in planned}
        files = {
            each: folders[names[each]] / COPY if file == COPY else (project / file).resolve()
            for each, (file, _) in wanted.functions.items()
        }
        port = (await session.read_until("attached"))["debug_port"]
        async with editor(port, {file: [line_of(file)] for file in files.values()}) as one:
            for function, (_, answer) in wanted.functions.items():
                call = asyncio.create_task(invoke(world.functions, names[function], EVENT))
                stop = await one.stop()
                assert await where(stop) == files[function]
                await stop.go_on()
                assert await call == answer
        assert (await session.end())[0] == 0
    told = [line["functions"] for line in session.lines if line["kind"] == "code_differs"]
    differing = [each["files"] for functions in told for each in functions]
    assert differing == ([[Path(wanted.edited).name]] if wanted.edited else [])
    assert (all_files(project), await configurations(world)) == before
    assert any((tmp_path / "cache/plldb/compiled").rglob("*.pyc"))


async def where(stop: Any) -> Path:
    """The file in which it stands."""
    return Path((await stop.frames())[0]["source"]["path"])


def line_of(file: Path) -> int:
    """The line of a handler's answer."""
    lines = file.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip().startswith("return"))


def all_files(folder: Path) -> list[str]:
    """Whatever is in a folder, its environment apart: what is installed there may be compiled there."""
    found = (path.relative_to(folder) for path in folder.rglob("*"))
    return sorted(str(path) for path in found if path.parts[0] != ".venv")


async def configurations(world: World) -> dict[str, Any]:
    """All that Lambda says of each function, plldb's own and what passes apart."""
    listed = (await world.functions.list_functions())["Functions"]
    names = [each["FunctionName"] for each in listed if not each["FunctionName"].startswith("plldb-")]
    return {name: without_empty(await world.settings(name)) for name in names}


def without_empty(value: Any) -> Any:
    """A configuration as AWS tells it: without an environment or layers that are empty."""
    if not isinstance(value, dict):
        return value
    return {
        key: kept for key, each in value.items() if (kept := without_empty(each)) not in ({}, [], "", None)
    }
