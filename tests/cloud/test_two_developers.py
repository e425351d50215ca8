"""Two people, or one at two terminals, and the same functions: the program as it is run."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import TYPE_CHECKING, Any

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


async def sign_in(open_client: OpenClient, name: str) -> tuple[dict[str, str], str]:
    """Somebody else's credentials, as variables, and their ARN."""
    role = f"arn:aws:iam::{ACCOUNT}:role/developer"
    other = await (await open_client("sts")).assume_role(RoleArn=role, RoleSessionName=name)
    keys = other["Credentials"]
    variables = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    return variables, other["AssumedRoleUser"]["Arn"]


async def test_each_is_told_who_has_what_and_the_end_of_one_leaves_the_others_functions_alone(
    world: World,
    names: dict[str, str],
    aws_env: dict[str, str],
    folder: Path,
    open_client: OpenClient,
    plldb_cli: RunPlldb,
) -> None:
    before = {name: await settings(world, name) for name in names.values()}
    of_boris, boris = await sign_in(open_client, "boris")
    command = ("attach", "shop", "Orders", "--no-debug", "--python", sys.executable)
    async with attached(aws_env, folder, "shop", "Orders", "--no-debug") as ada:
        me = (await ada.read_until("started"))["target"]["caller_arn"]
        await ada.read_until("attached")
        mine, theirs = await asyncio.gather(
            plldb_cli(*command, cwd=folder), plldb_cli(*command, cwd=folder, env={**of_boris})
        )
        for told, said in ((mine, "you have it in another session, on "), (theirs, f"{me} has it, on ")):
            assert told.code == 1
            assert said in told.stdout
            assert re.search(r"plldb attach --region \S+ shop Orders .*--take-over", told.stderr), told

        argv = ("shop", "Orders", "Mails", "--no-debug", "--take-over", "--yes")
        async with attached(aws_env | of_boris, folder, *argv) as other:
            (taken,) = (await other.read_until("take_over_planned"))["functions"]
            assert (taken["function"], [each["who"] for each in taken["holders"]]) == (names["Orders"], [me])
            await other.read_until("attached")
            heard = await ada.read_until("function_deployed")
            assert (heard["armed"], heard["reason"]) == (False, "held")
            assert heard["holder"] == boris
            code, last = await ada.end()
            assert (code, last["restored"], last["left_armed"]) == (0, 0, [])
            assert await invoke(world.functions, names["Orders"], 1) == {"laptop": 1}
            code, last = await other.end()
            assert (code, last["restored"], last["left_armed"]) == (0, 2, [])
    assert {name: await settings(world, name) for name in names.values()} == before


async def test_two_with_different_conditions_have_a_function_at_once_and_the_last_one_puts_it_back(
    world: World,
    names: dict[str, str],
    aws_env: dict[str, str],
    folder: Path,
    open_client: OpenClient,
    plldb_cli: RunPlldb,
) -> None:
    before = await settings(world, names["Orders"])
    of_boris, boris = await sign_in(open_client, "boris")
    command = ("shop", "Orders", "--no-debug", "--where")

    async def ran(who: str) -> list[Any]:
        """Where an event ran that is for one of both."""
        event = json.dumps({"headers": {"x-debug": who}})
        done = await plldb_cli("invoke", names["Orders"], "--data", event, "--output", "json")
        told = json.loads(done.stdout)
        assert list(told["answer"]) == [{"machine": "laptop", "deployed": "deployed"}[told["ran"]]]
        return [told["ran"], *filter(None, [told["who"]]), *told["not_taken_by"]]

    async with (
        attached(aws_env, folder, *command, "headers.x-debug=ada") as one,
        attached(aws_env | of_boris, folder, *command, "headers.x-debug=boris") as two,
    ):
        ada = (await one.read_until("started"))["target"]["caller_arn"]
        await asyncio.gather(one.read_until("attached"), two.read_until("attached"))
        shared = [each for side in (one, two) for each in side.lines if each["kind"] == "function_shared"]
        assert [each["others"][0]["who"] in (ada, boris) for each in shared] == [True]
        for who, where in (("ada", ["machine", ada]), ("boris", ["machine", boris])):
            assert await ran(who) == where
        functions = json.loads((await plldb_cli("status", "shop", "--output", "json")).stdout)["functions"]
        held = {each["who"]: each["where"] for function in functions for each in function["holders"]}
        assert held == {ada: ["headers.x-debug=ada"], boris: ["headers.x-debug=boris"]}
        assert sorted(await ran("nobody")) == sorted(["deployed", *held])
        same = await plldb_cli(
            "attach", *command, "headers.x-debug=boris", "--python", sys.executable, cwd=folder
        )
        assert (same.code, "for invocations where headers.x-debug=boris" in same.stdout) == (1, True)

        code, last = await one.end()
        assert (code, last["invocations"], last["restored"], last["shared"]) == (0, 1, 0, 1)
        assert await ran("ada") == ["deployed", boris]
        assert await ran("boris") == ["machine", boris]
        code, last = await two.end()
        assert (code, last["invocations"], last["restored"], last["shared"]) == (0, 2, 1, 0)
    assert await settings(world, names["Orders"]) == before
