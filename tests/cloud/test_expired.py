"""``plldb attach`` whose own credentials expire: it goes on with a new login, or says what is left armed."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cloud.functions import invoke
from tests.cloud.shop import ACCOUNT, settings
from tests.support import program
from tests.support.answers import expired_token
from tests.support.behaviours import on
from tests.support.proxy import Proxy
from tests.support.screens import on_screen, on_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud.world import World
    from tests.conftest import RunPlldb
    from tests.support.behaviours import Forward
    from tests.support.cloud import Cloud
    from tests.support.operations import Call
    from tests.support.wire import Response

SERVICES = ("LAMBDA", "DYNAMODB", "CLOUDWATCH_LOGS")


@pytest.fixture
def account() -> str:
    return ACCOUNT


def sign_in(path: Path, account: str, token: str) -> None:
    """What signing in does: new temporary credentials in the file."""
    path.write_text(
        f"[default]\naws_access_key_id = {account}\naws_secret_access_key = x\naws_session_token = {token}\n"
    )


async def refuse_the_first(call: Call, forward: Forward) -> Response:
    if call.request.header("x-amz-security-token") == "first":
        return expired_token(call)
    return await forward(call)


def environment(aws_env: dict[str, str], proxy: Proxy, folder: Path, *, in_file: bool) -> dict[str, str]:
    """AWS behind the proxy, signed in by a file or by variables."""
    env = aws_env | {f"AWS_ENDPOINT_URL_{name}": proxy.url for name in SERVICES}
    env |= {"AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"), "AWS_SESSION_TOKEN": "first"}
    sign_in(folder / "credentials", ACCOUNT, "first")
    if in_file:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            del env[name]
    return env


async def test_at_a_terminal_a_new_login_is_asked_for_and_the_session_goes_on_with_it(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, cloud: Cloud
) -> None:
    before = await settings(world, names["Orders"])
    arguments = ("attach", "shop", "Orders", "--no-debug", "--yes", "--python", sys.executable)
    async with Proxy(cloud.direct) as proxy:
        env = environment(aws_env, proxy, folder, in_file=True)
        async with on_terminal(*arguments, env=env, cwd=folder) as screen:
            await screen.read_until("Ctrl-C puts everything back")
            proxy.use(on(refuse_the_first))
            await screen.read_until("Sign in again")
            sign_in(folder / "credentials", "999999999999", "of another account")
            screen.type("\x03")
            await screen.read_until("functions are being restored")
            await screen.read_until("belong to another account")
            sign_in(folder / "credentials", ACCOUNT, "second")
            assert await screen.finish() == 0
    assert "1 function restored" in on_screen(screen.text)
    assert await settings(world, names["Orders"]) == before


@pytest.mark.parametrize("in_file", [True, False])
async def test_without_a_terminal_it_says_what_is_left_armed_and_until_when(
    world: World,
    names: dict[str, str],
    aws_env: dict[str, str],
    folder: Path,
    cloud: Cloud,
    plldb_cli: RunPlldb,
    in_file: bool,
) -> None:
    before = await settings(world, names["Orders"])
    arguments = ("attach", "shop", "Orders", "--no-debug", "--python", sys.executable)
    async with Proxy(cloud.direct) as proxy:
        env = environment(aws_env, proxy, folder, in_file=in_file)
        async with program.started(*arguments, env=env, cwd=folder) as running:
            assert running.process.stdout is not None
            await running.process.stdout.readuntil(b"Ctrl-C puts everything back")
            proxy.use(on(refuse_the_first))
            way = b"plldb then goes on by itself" if in_file else b"end it with Ctrl-C"
            await running.process.stdout.readuntil(way)
            assert await invoke(world.functions, names["Orders"], 1) == {"laptop": 1}
            running.process.send_signal(signal.SIGINT)
            done = await running.finish()
    assert done.code == 1, done
    assert f"{names['Orders']} is left as it is: " in done.stdout
    assert "1 function left armed" in done.stdout
    way_out = r"`plldb restore .* shop Orders` puts them back.* lease ends at \d{4}-\d\d-\d\d"
    assert re.search(way_out, done.stdout)
    assert "Traceback" not in done.stderr
    assert (await plldb_cli("restore", "shop")).code == 0
    assert await settings(world, names["Orders"]) == before
