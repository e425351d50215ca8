"""Functions made for a test: packed, created, invoked. Talks to Lambda."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import ssl
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import aiohttp
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""The Python of the tests, which is there in any case."""


def pack(files: dict[str, str]) -> bytes:
    """A zip of executable files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, text)
    return packed.getvalue()


async def create(client: Any, code: str, **settings: Any) -> str:
    """Create a function with a handler ``handler``; its name, a new one if none is given."""
    name = settings.pop("FunctionName", "") or f"app-{secrets.token_hex(4)}"
    common = {"Runtime": RUNTIME, "Role": "arn:aws:iam::000000000000:role/any", "Timeout": 10}
    code_of_it = {"Handler": "app.handler", "Code": {"ZipFile": pack({"app.py": code})}}
    await client.create_function(FunctionName=name, **common | code_of_it | settings)
    return name


async def invoke(client: Any, name: str, event: object, **how: Any) -> Any:
    """What a function answers, be it an error."""
    answer = await client.invoke(FunctionName=name, Payload=json.dumps(event), **how)
    return json.loads(await answer["Payload"].read())


async def connect_queue(open_client: OpenClient, name: str, seconds: int = 30) -> Any:
    """A queue of the name of a function, which takes what is sent to it; the client of queues.

    A message that failed comes again after so many ``seconds``, which Lambda would refuse of an armed one.
    """
    functions, queues = await open_client("lambda"), await open_client("sqs")
    url = (await queues.create_queue(QueueName=name))["QueueUrl"]
    told = await queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    await queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "900"})
    await functions.create_event_source_mapping(
        EventSourceArn=told["Attributes"]["QueueArn"], FunctionName=name
    )
    await queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
    return queues


async def connect_http_api(open_client: OpenClient, cloud: Cloud, name: str) -> str:
    """An HTTP API that a function answers for; its URL."""
    functions, apis = await open_client("lambda"), await open_client("apigatewayv2")
    arn = (await functions.get_function_configuration(FunctionName=name))["FunctionArn"]
    api = (await apis.create_api(Name=name, ProtocolType="HTTP"))["ApiId"]
    made = await apis.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
    )
    target = f"integrations/{made['IntegrationId']}"
    await apis.create_route(ApiId=api, RouteKey="$default", Target=target)
    await apis.create_stage(ApiId=api, StageName="live", AutoDeploy=True)
    return f"{cloud.url}/_aws/execute-api/{api}/live/x"


async def fetch(cloud: Cloud, url: str) -> tuple[int, str]:
    """Status and body of what is at a URL of the cloud."""
    trust = ssl.create_default_context(cafile=cloud.ca)
    async with aiohttp.ClientSession() as http, http.get(url, ssl=trust) as answer:
        return answer.status, await answer.text()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(120):
        while not holds():
            await asyncio.sleep(0.02)


async def eventually(ask: Callable[[], Awaitable[object]], expected: object) -> None:
    """Ask until the answer is as expected."""
    async with asyncio.timeout(120):
        while await ask() != expected:
            await asyncio.sleep(0.02)


async def outcome(call: Awaitable[object]) -> str:
    """``done``, or the code of the error that AWS answers."""
    try:
        await call
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"
