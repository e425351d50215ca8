"""What an account of MiniStack holds, and how the library is run in process. Talks to MiniStack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plldb import bootstrap
from tests.support.environment import REGION

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.conftest import OpenClient

BRISK = bootstrap.Pace(
    read_timeout=30,
    attempts=8,
    first_wait=0.02,
    longest_wait=0.2,
    poll=0.05,
    poll_eager=0.05,
    poll_quiet=0.1,
    poll_troubled=0.1,
    stall_after=3,
)
"""In no hurry to give up, and quick between two looks."""


def bucket_of(account: str) -> str:
    """The artifact bucket's name."""
    return f"plldb-core-infrastructure-{REGION}-{account}"


async def collect(stream: AsyncGenerator[Any, None]) -> list[Any]:
    """All events of a stream."""
    return [event async for event in stream]


def stack_events(events: list[Any]) -> list[bootstrap.StackEvent]:
    """Those of them that are CloudFormation's."""
    return [event for event in events if isinstance(event, bootstrap.StackEvent)]


async def read_history(open_client: OpenClient, stack: str = "plldb") -> list[dict[str, Any]]:
    """Every event of a stack as CloudFormation tells it, oldest first; a deleted one goes by its id."""
    cloudformation = await open_client("cloudformation")
    newest_first: list[dict[str, Any]] = []
    async for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        newest_first += page["StackEvents"]
    return newest_first[::-1]


async def read_stack(open_client: OpenClient) -> Any:
    """The stack plldb as DescribeStacks tells it."""
    cloudformation = await open_client("cloudformation")
    return (await cloudformation.describe_stacks(StackName="plldb"))["Stacks"][0]


async def read_outputs(open_client: OpenClient) -> dict[str, str]:
    """The outputs of the stack."""
    stack = await read_stack(open_client)
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


async def read_code(open_client: OpenClient) -> dict[str, tuple[str, str]]:
    """Digest of the code and time of the last change of every function."""
    functions = await (await open_client("lambda")).list_functions()
    return {
        each["FunctionName"]: (each["CodeSha256"], each["LastModified"]) for each in functions["Functions"]
    }


async def list_rest(open_client: OpenClient) -> dict[str, list[str]]:
    """Everything that setup makes, by kind, without the kinds that are not there."""
    dynamodb, functions = await open_client("dynamodb"), await open_client("lambda")
    iam, logs, s3 = await open_client("iam"), await open_client("logs"), await open_client("s3")
    apis, cloudformation = await open_client("apigatewayv2"), await open_client("cloudformation")
    events = await open_client("events")
    groups = (await logs.describe_log_groups())["logGroups"]
    rest = {
        "tables": (await dynamodb.list_tables())["TableNames"],
        "functions": [each["FunctionName"] for each in (await functions.list_functions())["Functions"]],
        "roles": [each["RoleName"] for each in (await iam.list_roles())["Roles"]],
        "log groups": [each["logGroupName"] for each in groups],
        "layers": [each["LayerName"] for each in (await functions.list_layers())["Layers"]],
        "schedules": [each["Name"] for each in (await events.list_rules())["Rules"]],
        "APIs": [each["Name"] for each in (await apis.get_apis())["Items"]],
        "buckets": [each["Name"] for each in (await s3.list_buckets())["Buckets"]],
        "stacks": [each["StackName"] for each in (await cloudformation.describe_stacks())["Stacks"]],
    }
    return {kind: sorted(found) for kind, found in rest.items() if found}
