"""The debugger's part of ``scripts/demo``: functions stopped at a breakpoint. Talks to the test cloud.

An editor of the Debug Adapter Protocol is scripted; with VS Code or PyCharm one would look on.
"""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.support.dap import editor

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.cloud import Cloud
    from tests.support.dap import Editor

CODE = """\
def handler(event, context):
    if "Records" in event:
        text = event["Records"][0]["body"]
    else:
        text = event["rawPath"]
    answer = f"%s says: {text}"
    print(answer)
    return {"statusCode": 200, "body": answer}
"""
LINE = 7
"""Where the editor stops: everything is known there."""
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


def a_function(name: str) -> dict[str, Any]:
    """A function of the stack, as somebody has deployed it."""
    properties = {
        "FunctionName": name,
        "Runtime": RUNTIME,
        "Handler": "index.handler",
        "Role": "arn:aws:iam::123456789012:role/shop",
        "Timeout": 20,
        "Code": {"ZipFile": CODE % "the cloud"},
    }
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


STACK = {
    "Resources": {
        "Mails": a_function("shop-mails"),
        "Orders": a_function("shop-orders"),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "shop-mails"}},
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Mails"},
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
            },
        },
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "shop", "ProtocolType": "HTTP"}},
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {"Fn::GetAtt": ["Orders", "Arn"]},
                "PayloadFormatVersion": "2.0",
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteKey": "$default",
                "Target": {"Fn::Join": ["/", ["integrations", {"Ref": "Integration"}]]},
            },
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "live", "AutoDeploy": True},
        },
    }
}


class Shop:
    """The stack ``shop`` of two functions: one behind a queue, one behind an HTTP API."""

    def __init__(self, cloud: Cloud, open_client: Callable[[str], Any]) -> None:
        self._open_client = open_client
        self._cloud = cloud
        self._api = ""

    async def deploy(self) -> None:
        """Create it, as a team would with the tool of its choice."""
        async with self._open_client("cloudformation") as client:
            await client.create_stack(StackName="shop", TemplateBody=json.dumps(STACK))
            await client.get_waiter("stack_create_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
            found = await client.describe_stack_resource(StackName="shop", LogicalResourceId="Api")
        self._api = found["StackResourceDetail"]["PhysicalResourceId"]

    async def delete(self) -> None:
        """Delete it, and the logs that Lambda has made for its functions."""
        async with self._open_client("cloudformation") as client:
            await client.delete_stack(StackName="shop")
            await client.get_waiter("stack_delete_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
        async with self._open_client("logs") as client:
            for name in ("shop-mails", "shop-orders"):
                await client.delete_log_group(logGroupName=f"/aws/lambda/{name}")

    async def ask(self, path: str) -> str:
        """What the HTTP API answers."""
        trust = ssl.create_default_context(cafile=self._cloud.ca)
        url = f"{self._cloud.url}/_aws/execute-api/{self._api}/live{path}"
        async with aiohttp.ClientSession() as http, http.get(url, ssl=trust) as answer:
            return f"{answer.status} {await answer.text()}"

    async def send(self, text: str) -> None:
        """Put a message into the queue."""
        async with self._open_client("sqs") as client:
            await client.send_message(QueueUrl="shop-mails", MessageBody=text)


class Attached:
    """``plldb attach`` under way; what it says is shown."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def read_until(self, text: str) -> str:
        """Show what it says up to a line with this text, and return that line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while line := (await self.process.stdout.readline()).decode():
                print(f"  {line}", end="", flush=True)
                if text in line:
                    return line
        raise SystemExit(f"plldb attach ended without {text!r}.")

    async def end(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        await self.read_until("detached")
        if code := await self.process.wait():
            raise SystemExit(f"plldb attach ended with exit code {code}.")


async def show_debugger(
    cloud: Cloud, open_client: Callable[[str], Any], environment: dict[str, str], folder: Path
) -> None:
    """Attach, two stops, an edit, and everything back."""
    shop = Shop(cloud, open_client)
    await shop.deploy()
    print(f"A stack of two functions is deployed. Its API says: {await shop.ask('/first')}")
    (folder / "index.py").write_text(CODE % "this machine")
    async with AsyncExitStack() as stack:
        attached = await attach(stack, environment, folder)
        port = int((await attached.read_until("debugger can connect")).rpartition(":")[2])
        await attached.read_until("Ctrl-C")
        async with editor(port, {folder / "index.py": [LINE]}) as one:
            await show_stop(one, attached, "A message of the queue", shop.send("two mails"))
            await show_stop(one, attached, "A request to the API", shop.ask("/orders"))
        (folder / "index.py").write_text(CODE % "the edited code")
        print("\nThe file is edited and saved; the next request:")
        print(f"The caller has: {await shop.ask('/orders/2')}", flush=True)
        await attached.read_until("answered")
        print("\nCtrl-C:")
        await attached.end()
    print(f"\nThe API says again: {await shop.ask('/last')}", flush=True)
    await shop.delete()


async def attach(stack: AsyncExitStack, environment: dict[str, str], folder: Path) -> Attached:
    """Start the installed program; it is killed if the demonstration ends before it."""
    arguments = ("attach", "shop", "--debug-port", "0", "--python", sys.executable)
    print(f"$ plldb {' '.join(arguments)}", flush=True)
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("plldb"),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        cwd=folder,
    )

    def kill() -> None:
        if process.returncode is None:
            process.kill()

    stack.callback(kill)
    return Attached(process)


async def show_stop(one: Editor, attached: Attached, what: str, call: Any) -> None:
    """Invoke, show where it stands, go on, show the answer."""
    print(f"\n{what}:", flush=True)
    caller = asyncio.create_task(call)
    stop = await one.stop()
    name, line = await stop.line()
    print(f"  stopped at index.py:{line} in {name}, as an editor shows it:")
    for variable, value in (await stop.variables()).items():
        if variable in ("text", "answer"):
            print(f"    {variable} = {value}")
    await stop.go_on()
    answer = await caller
    await attached.read_until("answered")
    if answer is not None:
        print(f"The caller has: {answer}", flush=True)
