"""The functions of a stack, and what plldb's own stack offers. Talks to CloudFormation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plldb.aws.session import Aws
from plldb.debugger.errors import NoFunctionsError, NotSetUpError
from plldb.errors import AwsError, Hint

INFRASTRUCTURE = "plldb"
"""Name of the stack that ``bootstrap.setup`` deploys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFunction:
    """A function of a stack: its logical id (with those of nested stacks before it), and its name."""

    logical_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """What debugging needs of plldb's stack: address of the WebSocket API, ARN of the agent's layer."""

    websocket_url: str
    layer: str


async def read_infrastructure(aws: Aws) -> Infrastructure:
    """Return what debugging needs.

    Raises:
        NotSetUpError: the stack is not there, or it has no layer.
    """
    client = await aws.cloudformation()
    hint = Hint("set-up", "Set it up there, or act where it is set up.")
    try:
        answer = await aws.call(client.describe_stacks, StackName=INFRASTRUCTURE)
    except AwsError as error:
        if not _does_not_exist(error):
            raise
        message = f"plldb is not set up in this account, in region {aws.region}."
        raise NotSetUpError(message, hint=hint) from error
    stack: Any = next(iter(answer.get("Stacks") or ()), {})
    outputs = {each.get("OutputKey", ""): each.get("OutputValue", "") for each in stack.get("Outputs") or ()}
    url, layer = outputs.get("WebSocketUrl", ""), outputs.get("AgentLayerArn", "")
    if not url or not layer:
        status = stack.get("StackStatus", "")
        message = (
            f"The stack {INFRASTRUCTURE} ({status}) is not complete, or of a plldb that could not debug yet."
        )
        raise NotSetUpError(message, hint=hint)
    return Infrastructure(websocket_url=url, layer=layer)


async def list_stack_functions(aws: Aws, stack: str, prefix: str = "") -> tuple[StackFunction, ...]:
    """Return the functions of a stack and of the stacks nested in it.

    Raises:
        NoFunctionsError: there is no such stack.
    """
    client = await aws.cloudformation()
    found: list[StackFunction] = []
    token: dict[str, str] = {}
    while True:
        try:
            page: Any = await aws.call(client.list_stack_resources, StackName=stack, **token)
        except AwsError as error:
            if not _does_not_exist(error):
                raise
            message = f"There is no stack {stack} in region {aws.region}."
            hint = Hint("choose-place", "Check the name of the stack, the account and the region.")
            raise NoFunctionsError(message, hint=hint) from error
        for resource in page.get("StackResourceSummaries") or ():
            found += await _functions_of(aws, resource, prefix)
        if not page.get("NextToken"):
            return tuple(found)
        token = {"NextToken": page["NextToken"]}


async def _functions_of(aws: Aws, resource: Any, prefix: str) -> tuple[StackFunction, ...]:
    physical, logical = resource.get("PhysicalResourceId", ""), prefix + resource.get("LogicalResourceId", "")
    if not physical:  # it is being created, or its creation failed
        return ()
    match resource.get("ResourceType"):
        case "AWS::Lambda::Function":
            return (StackFunction(logical_id=logical, name=physical),)
        case "AWS::CloudFormation::Stack":
            return await list_stack_functions(aws, physical, f"{logical}/")
        case _:
            return ()


def _does_not_exist(error: AwsError) -> bool:
    return error.aws_code == "ValidationError" and "does not exist" in error.message
