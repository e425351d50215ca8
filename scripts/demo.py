"""plldb from nothing, for people to watch: what ``scripts/demo`` shows. Talks to MiniStack.

MiniStack stands for AWS. It finishes a stack in an instant, so a proxy before it lets the events come as
slowly as they do on AWS, only not for as long.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import websockets
from aiobotocore.session import get_session

from scripts._demo_debugger import show_debugger
from tests.support.behaviours import on
from tests.support.cloud import find_obstacle, start_cloud
from tests.support.environment import REGION, Credentials, aws_settings, isolated
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy
from tests.support.servers import ServerError, ministack, websocket_address

ACCOUNT = "123456789012"
STREAM_SECONDS = 6.0
STOP_SECONDS = 5.0


async def demonstrate() -> None:
    """All of it, in order."""
    show_heading("Starting MiniStack, an emulated AWS (the first time it is downloaded)")
    obstacle = find_obstacle()
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(start_cloud()) if obstacle is None else None
        server = cloud.direct if cloud else (await stack.enter_async_context(ministack())).url
        proxy = await stack.enter_async_context(Proxy(server))
        proxy.use(on(PacedEvents(Pacing(seconds=STREAM_SECONDS)), "cloudformation"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plldb-demo-")))
        settings = aws_settings(proxy.url, Credentials(access_key_id=ACCOUNT))
        environment = isolated(os.environ, folder) | settings
        environment.pop("PYTHONPATH", None)  # the installed plldb, not the checkout
        print(f"AWS is {server} for this demonstration, slowed down at {proxy.url}.")

        show_heading("Set up: every event of the stack as it happens")
        await run_plldb("bootstrap", "setup", environment=environment, folder=folder)
        if cloud:
            show_heading("Attach: what invokes two functions in the cloud stops at a breakpoint here")
            there = {"AWS_ENDPOINT_URL": cloud.url, "AWS_CA_BUNDLE": str(cloud.ca)}
            there["SSL_CERT_FILE"] = str(cloud.ca)
            await show_debugger(cloud, partial(open_client, endpoint=server), environment | there, folder)
        else:
            show_heading("The debugger is not shown, for it needs functions that run")
            print(f"No function can run here: {obstacle}.")
            await talk(websocket_address(server, await read_websocket_url(proxy.url)))
        show_heading("Destroy: nothing is left")
        await run_plldb("bootstrap", "destroy", "--yes", environment=environment, folder=folder)
        show_heading("What AWS holds now")
        await show_rest(proxy.url)


def show_heading(text: str) -> None:
    """A step of the demonstration."""
    print(f"\n=== {text} ===\n", flush=True)


async def run_plldb(*arguments: str, environment: dict[str, str], folder: Path) -> None:
    """Run the installed program on this terminal; the demonstration ends if it fails."""
    print(f"$ plldb {' '.join(arguments)}", flush=True)
    command = Path(sys.executable).with_name("plldb")
    process = await asyncio.create_subprocess_exec(command, *arguments, env=environment, cwd=folder)
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        await stop(process)
        raise
    if code:
        raise SystemExit(f"\nplldb ended with exit code {code}.")


async def stop(process: asyncio.subprocess.Process) -> None:
    """Let the program end by itself, as Ctrl-C reached it too, then insist."""
    for number in (0, signal.SIGTERM, signal.SIGKILL):
        if process.returncode is None and number:
            process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
                return
        except TimeoutError:
            continue


async def read_websocket_url(endpoint: str) -> str:
    """The stack's output WebSocketUrl."""
    async with open_client("cloudformation", endpoint) as cloudformation:
        answer = await cloudformation.describe_stacks(StackName="plldb")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0]["Outputs"]}
    print(f"The stack says    {outputs['WebSocketUrl']}")
    return str(outputs["WebSocketUrl"])


async def talk(address: str) -> None:
    """Connect without a token, show the refusal."""
    print(f"MiniStack has it  {address}")
    try:
        async with asyncio.timeout(30), websockets.connect(address):
            raise SystemExit("A client without a token was admitted.")
    except websockets.InvalidStatus as refused:
        print(f"refused           {refused.response.status_code}", flush=True)


async def show_rest(endpoint: str) -> None:
    """Count what could have been left behind."""
    async with (
        open_client("dynamodb", endpoint) as dynamodb,
        open_client("lambda", endpoint) as functions,
        open_client("apigatewayv2", endpoint) as apis,
        open_client("iam", endpoint) as iam,
        open_client("logs", endpoint) as logs,
        open_client("s3", endpoint) as s3,
    ):
        rest = {
            "tables": (await dynamodb.list_tables())["TableNames"],
            "functions": (await functions.list_functions())["Functions"],
            "APIs": (await apis.get_apis())["Items"],
            "roles": [role for role in (await iam.list_roles())["Roles"] if "PLLDB" in role["RoleName"]],
            "log groups": (await logs.describe_log_groups())["logGroups"],
            "buckets": (await s3.list_buckets())["Buckets"],
        }
    print(", ".join(f"{len(found)} {name}" for name, found in rest.items()))
    if any(rest.values()):
        raise SystemExit("Something was left behind.")


def open_client(service: str, endpoint: str) -> Any:
    """A client of the emulated AWS."""
    session: Any = get_session()
    return session.create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
    )


async def main() -> None:
    """Run the demonstration; SIGTERM ends it like Ctrl-C, with everything cleaned up."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await demonstrate()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nInterrupted. Nothing is left running.", file=sys.stderr)
        sys.exit(130)
    except ServerError as error:
        sys.exit(f"\n{error}")
