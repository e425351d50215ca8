"""What the handlers send to connections, and what they lend to agents. Talks to API Gateway and to STS.

Cargo: packed into every handler, imported there by its bare name, never by plldb.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError
from tables import QUICK, open_client

CREDENTIALS_SECONDS = 900
"""The shortest time for which STS gives credentials."""

AGENT_ROLE = "AGENT_ROLE_ARN"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a handler runs: the partition, region and account of its own ARN."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def place_of(context: Any) -> Place:
    """Return where the handler runs; what a client says of an account or a region is never taken."""
    _, partition, _, region, account, *_ = context.invoked_function_arn.split(":")
    return Place(partition, region, account)


def post(request: dict[str, Any], connection: str, text: str) -> bool:
    """Send text to a connection of the API that a request came from; return whether it is still open."""
    client = _open_connections(_management_endpoint(request))
    try:
        client.post_to_connection(ConnectionId=connection, Data=text.encode())
    except ClientError as error:
        if error.response["Error"]["Code"] == "GoneException":
            return False
        raise
    return True


def _management_endpoint(request: dict[str, Any]) -> str:
    # An emulator has one address for all of AWS, and this path for an API where AWS has a host name.
    if emulator := os.environ.get("AWS_ENDPOINT_URL"):
        return f"{emulator}/_aws/execute-api/{request['apiId']}/{request['stage']}"
    return f"https://{request['domainName']}/{request['stage']}"


@cache
def _open_connections(endpoint: str) -> Any:
    session = botocore.session.get_session()
    return session.create_client("apigatewaymanagementapi", endpoint_url=endpoint, config=QUICK)


def lend(place: Place, request: dict[str, Any], peers: list[str], function: str) -> tuple[list[str], int]:
    """Return credentials to send to the connections ``peers`` and to look at them, and when they end."""
    answer = open_client("sts").assume_role(
        RoleArn=os.environ[AGENT_ROLE],
        RoleSessionName=function,  # CloudTrail tells by it which function's agent it was
        DurationSeconds=CREDENTIALS_SECONDS,
        Policy=json.dumps(session_policy(place, request, peers)),
    )
    lent = answer["Credentials"]
    keys = [lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"]]
    return keys, int(lent["Expiration"].timestamp())


def session_policy(place: Place, request: dict[str, Any], peers: list[str]) -> dict[str, Any]:
    """Return the policy that leaves of the agents' role these connections. Pure."""
    # Ids end in "=", which IAM compares in another form than it is sent; the rest is unique by itself.
    where = f"{request['apiId']}/{request['stage']}/{{}}/@connections/{{}}*"
    arns = [
        place.arn("execute-api", where.format(verb, peer.rstrip("=")))
        for peer in peers
        for verb in ("POST", "GET")
    ]
    statement = {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": arns}
    return {"Version": "2012-10-17", "Statement": [statement]}


def failed(route: str, error: BotoCoreError | ClientError) -> dict[str, Any]:
    """Return the answer of a handler that AWS has refused something; log what, and nothing of the request."""
    if isinstance(error, ClientError):
        what = f"{error.operation_name}: {error.response.get('Error', {}).get('Code', '')}"
    else:
        what = type(error).__name__
    logging.getLogger().error("%s failed at %s", route, what)
    return {"statusCode": 500}
