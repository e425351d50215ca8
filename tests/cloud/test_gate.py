"""What the gate before the WebSocket API promises, and other tests rely on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import pytest_asyncio
import websockets

from tests.cloud.functions import create, outcome, until
from tests.support.environment import REGION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import OpenClient
    from tests.support.cloud import Cloud

HANDLERS = """
import json
import boto3

def post(event, text):
    context = event["requestContext"]
    url = f"https://{context['domainName']}/{context['stage']}"
    client = boto3.client("apigatewaymanagementapi", endpoint_url=url)
    try:
        client.post_to_connection(ConnectionId=context["connectionId"], Data=text)
    except client.exceptions.GoneException:
        print("GONE", context["connectionId"], flush=True)

def handler(event, context):
    if event.get("type") == "REQUEST":
        allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
        policy = {"Version": "2012-10-17", "Statement": [allow]}
        return {"principalId": "p", "policyDocument": policy, "context": {"number": 1, "flag": True}}
    request = event["requestContext"]
    print(request["eventType"], request["connectionId"], flush=True)
    if request["eventType"] == "CONNECT":
        post(event, "too early")
    if request["eventType"] == "MESSAGE":
        if event["body"] == "fail":
            raise ValueError("a detail that no client may see")
        seen = {"me": request["connectionId"], "length": len(event["body"])}
        post(event, json.dumps({**request["authorizer"], **seen}))
    return {"statusCode": 200, "body": "a body without a RouteResponse"}
"""


class Api(NamedTuple):
    """A WebSocket API, its function's name, and a client of its @connections."""

    url: str
    function: str
    management: Any

    async def post(self, connection: str, data: bytes) -> str:
        return await outcome(self.management.post_to_connection(ConnectionId=connection, Data=data))


@pytest_asyncio.fixture
async def api(cloud: Cloud, open_client: OpenClient, account: str, monkeypatch: pytest.MonkeyPatch) -> Api:
    """One function behind every route and the authorizer."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    function = await create(await open_client("lambda"), HANDLERS)
    gateway = await open_client("apigatewayv2")
    made = await gateway.create_api(
        Name="a", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    arn = f"arn:aws:lambda:{REGION}:{account}:function:{function}"
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    at = {"ApiId": made["ApiId"]}
    authorizer = await gateway.create_authorizer(
        **at, Name="a", AuthorizerType="REQUEST", IdentitySource=[], AuthorizerUri=uri
    )
    integration = await gateway.create_integration(**at, IntegrationType="AWS_PROXY", IntegrationUri=uri)
    target = f"integrations/{integration['IntegrationId']}"
    decides = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizer["AuthorizerId"]}
    await gateway.create_route(**at, RouteKey="$connect", Target=target, **decides)
    for key in ("$default", "$disconnect"):
        await gateway.create_route(**at, RouteKey=key, Target=target)
    await gateway.create_stage(**at, StageName="live", AutoDeploy=True)
    url = f"{cloud.url}/_aws/execute-api/{made['ApiId']}/live"
    return Api(url, function, await open_client("apigatewaymanagementapi", endpoint_url=url))


@contextlib.asynccontextmanager
async def connected(api: Api) -> AsyncIterator[tuple[websockets.ClientConnection, str]]:
    """A client, and its connection id."""
    async with websockets.connect(
        api.url.replace("https://", "wss://"), max_size=None, ping_interval=None
    ) as client:
        await client.send("who am I")
        yield client, json.loads(await client.recv())["me"]


async def closed(client: websockets.ClientConnection) -> int:
    """The code that a client is closed with."""
    await asyncio.wait_for(client.wait_closed(), 60)
    assert client.close_code
    return client.close_code


async def test_a_client_hears_of_its_authorizer_as_strings_and_nothing_before_it_is_admitted(
    api: Api, cloud: Cloud
) -> None:
    others = set(cloud.connections)
    async with connected(api) as (client, me):
        await client.send("x")
        answer = json.loads(await client.recv())
        assert answer["length"] == 1
        assert {"number": "1", "flag": "true", "principalId": "p"}.items() <= answer.items()
        assert len(me) == 16
        assert me.endswith("=")
        assert set(cloud.connections) - others == {me}
        # Neither "too early" nor the body of an answer.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.recv(), 0.2)
    assert any(f"GONE {me}" in sandbox.log for sandbox in cloud.sandboxes(api.function))


@pytest.mark.parametrize("frames", [["x" * 32769], ["x" * 30000] * 5], ids=["frame", "message"])
async def test_a_frame_of_more_than_32_kb_or_a_message_of_more_than_128_kb_ends_the_connection(
    api: Api, frames: list[str]
) -> None:
    async with connected(api) as (client, _):
        await client.send(["x" * 32768] * 4)
        assert json.loads(await client.recv())["length"] == 131072
        await client.send(frames)
        assert await closed(client) == 1009


async def test_a_client_is_told_that_its_message_failed_and_not_why(api: Api) -> None:
    async with connected(api) as (client, me):
        await client.send("fail")
        answer = json.loads(await client.recv())
        assert answer.pop("requestId")
        assert answer == {"message": "Internal server error", "connectionId": me}


async def test_posts_are_limited_and_refused(api: Api, cloud: Cloud) -> None:
    async with connected(api) as (client, me):
        assert await api.post(me, b"x" * 131072) == "done"
        assert len(await client.recv()) == 131072
        assert await api.post(me, b"x" * 131073) == "PayloadTooLargeException"
        assert await api.post("AAAAAAAAAAAAAAA=", b"x") == "GoneException"
        statuses = {me: [429, 403, 0]}
        cloud.rules.refuse = lambda connection, data: statuses[connection].pop(0)
        answers = [await api.post(me, b"x") for _ in range(3)]
        assert answers == ["LimitExceededException", "ForbiddenException", "done"]


async def test_posts_to_a_client_that_is_gone_are_lost_first_and_refused_then(api: Api, cloud: Cloud) -> None:
    cloud.rules.lost_disconnect, cloud.rules.accepts_dead = math.inf, math.inf
    async with connected(api) as (_, me):
        pass
    assert await api.post(me, b"x") == "done"
    cloud.rules.accepts_dead = 0
    assert await api.post(me, b"x") == "GoneException"
    assert not any(f"DISCONNECT {me}" in sandbox.log for sandbox in cloud.sandboxes(api.function))


async def test_the_api_hears_of_the_end_of_a_connection(api: Api, cloud: Cloud) -> None:
    async with connected(api) as (_, me):
        pass
    await until(lambda: any(f"DISCONNECT {me}" in sandbox.log for sandbox in cloud.sandboxes(api.function)))


@pytest.mark.parametrize(("seconds", "idle"), [(600, 600.0), (7200, math.inf)], ids=["idle", "old"])
async def test_a_connection_ends_when_it_is_idle_or_old(
    api: Api, cloud: Cloud, seconds: float, idle: float
) -> None:
    cloud.rules.idle = idle
    async with connected(api) as (client, me):
        cloud.age(seconds - 60)
        await asyncio.sleep(0.2)
        await client.send("still here")
        assert json.loads(await client.recv())["me"] == me
        cloud.age(seconds)
        assert await closed(client) == 1001
        assert await api.post(me, b"x") == "GoneException"


async def test_what_is_sent_to_a_forgotten_connection_is_lost_and_its_client_is_reset(
    api: Api, cloud: Cloud
) -> None:
    async with connected(api) as (client, me):
        cloud.rules.forgets = 0
        assert await api.post(me, b"x") == "done"
        await client.send("is anybody there")
        with pytest.raises(websockets.ConnectionClosedError):
            await client.recv()


async def test_a_client_may_be_far_away(api: Api, cloud: Cloud) -> None:
    far = Api(api.url.replace(cloud.url, cloud.far(0.05)), *api[1:])
    async with connected(far) as (client, me):
        before = time.monotonic()
        await client.send("x")
        assert json.loads(await client.recv())["me"] == me
        assert time.monotonic() - before > 0.1
