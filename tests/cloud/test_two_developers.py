"""Two people, or one at two terminals, and the same functions: the program as it is run."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cloud.functions import invoke
from tests.cloud.shop import ACCOUNT, attached, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud.world import World
    from tests.conftest import OpenClient, RunPlldb


@pytest.fixture
def account() -> str:
    """The one that has the stack ``shop``."""
    return ACCOUNT


async def test_each_is_told_who_has_what_and_the_end_of_one_leaves_the_others_functions_alone(
    world: World,
    names: dict[str, str],
    aws_env: dict[str, str],
    folder: Path,
    open_client: OpenClient,
    plldb_cli: RunPlldb,
) -> None:
    before = {name: await settings(world, name) for name in names.values()}
    sts = await open_client("sts")
    role = f"arn:aws:iam::{ACCOUNT}:role/developer"
    boris = await sts.assume_role(RoleArn=role, RoleSessionName="boris")
    keys = boris["Credentials"]
    of_boris: dict[str, str | None] = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    command = ("attach", "shop", "Orders", "--no-debug", "--python", sys.executable)
    async with attached(aws_env, folder, "shop", "Orders", "--no-debug") as ada:
        me = (await ada.read_until("started"))["target"]["caller_arn"]
        await ada.read_until("attached")
        mine, theirs = await asyncio.gather(
            plldb_cli(*command, cwd=folder), plldb_cli(*command, cwd=folder, env=of_boris)
        )
        for told, said in ((mine, "you have it in another session, on "), (theirs, f"{me} has it, on ")):
            assert told.code == 1
            assert said in told.stdout
            assert re.search(r"plldb attach --region \S+ shop Orders .*--take-over", told.stderr), told

        argv = ("shop", "Orders", "Mails", "--no-debug", "--take-over", "--yes")
        env = {**aws_env, **{name: value for name, value in of_boris.items() if value}}
        async with attached(env, folder, *argv) as other:
            (taken,) = (await other.read_until("take_over_planned"))["functions"]
            assert (taken["function"], [each["who"] for each in taken["holders"]]) == (names["Orders"], [me])
            await other.read_until("attached")
            heard = await ada.read_until("function_deployed")
            assert (heard["armed"], heard["reason"]) == (False, "held")
            assert heard["holder"] == boris["AssumedRoleUser"]["Arn"]
            code, last = await ada.end()
            assert (code, last["restored"], last["left_armed"]) == (0, 0, [])
            assert await invoke(world.functions, names["Orders"], 1) == {"laptop": 1}
            code, last = await other.end()
            assert (code, last["restored"], last["left_armed"]) == (0, 2, [])
    assert {name: await settings(world, name) for name in names.values()} == before
