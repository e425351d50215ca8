"""What a cloud that checks signatures and policies lets a role do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import websockets

from tests.cloud.functions import outcome
from tests.support.cloud import Cloud, start_cloud
from tests.support.environment import REGION, Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.conftest import OpenClient


@pytest_asyncio.fixture
async def one_cloud() -> AsyncIterator[Cloud]:
    async with start_cloud(auth=True) as cloud:
        yield cloud


@pytest.fixture
def credentials() -> Credentials:
    """The root user of MiniStack's own account."""
    return Credentials(access_key_id="test")


async def assume(
    open_client: OpenClient, allowed: Mapping[str, Any], **how: Any
) -> tuple[str, dict[str, str]]:
    """The aws:userid of somebody with a role that is allowed so much, and settings of clients."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    roles, tokens = await open_client("iam"), await open_client("sts")
    role = await roles.create_role(RoleName="role", AssumeRolePolicyDocument=write(trust))
    await roles.put_role_policy(RoleName="role", PolicyName="policy", PolicyDocument=write(allowed))
    assumed = await tokens.assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="session", **how)
    keys = assumed["Credentials"]
    return assumed["AssumedRoleUser"]["AssumedRoleId"], {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }


def write(statement: Mapping[str, Any]) -> str:
    """A policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


async def test_a_session_policy_lets_somebody_post_to_one_connection_alone(
    cloud: Cloud, open_client: OpenClient
) -> None:
    gateway = await open_client("apigatewayv2")
    api = await gateway.create_api(
        Name="a", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    at = {"ApiId": api["ApiId"]}
    await gateway.create_stage(**at, StageName="live", AutoDeploy=True)
    url = f"{cloud.url}/_aws/execute-api/{api['ApiId']}/live"
    address = url.replace("https://", "wss://")
    async with websockets.connect(address) as mine, websockets.connect(address):
        me, other = cloud.connections
        on = f"arn:aws:execute-api:{REGION}:000000000000:{api['ApiId']}/live/POST/@connections/"
        action = {"Action": "execute-api:ManageConnections"}
        narrowed = write({**action, "Resource": on + me.rstrip("=") + "*"})
        _, keys = await assume(open_client, {**action, "Resource": "*"}, Policy=narrowed)
        connections = await open_client("apigatewaymanagementapi", endpoint_url=url, **keys)
        await connections.post_to_connection(ConnectionId=me, Data=b"for me")
        assert await mine.recv() == "for me"
        for call in (
            connections.post_to_connection(ConnectionId=other, Data=b"x"),
            connections.get_connection(ConnectionId=me),
        ):
            assert await outcome(call) == "AccessDeniedException"


async def test_a_condition_on_leading_keys_binds_somebody_to_rows_of_their_own(
    open_client: OpenClient,
) -> None:
    root = await open_client("dynamodb")
    await root.create_table(
        TableName="Rows",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "Key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Key", "KeyType": "HASH"}],
    )
    condition = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["${aws:userid}#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    user, keys = await assume(open_client, {"Action": "dynamodb:*", "Resource": "*", "Condition": condition})
    rows = await open_client("dynamodb", **keys)
    for key, expected in ((f"{user}#1", "done"), ("another#1", "AccessDeniedException")):
        value = {"S": key}
        assert await outcome(rows.put_item(TableName="Rows", Item={"Key": value})) == expected
        asked = {"ExpressionAttributeNames": {"#k": "Key"}, "ExpressionAttributeValues": {":k": value}}
        query = rows.query(TableName="Rows", KeyConditionExpression="#k = :k", **asked)
        assert await outcome(query) == expected
    assert await outcome(rows.scan(TableName="Rows")) == "AccessDeniedException"
