"""Whether the parts of the stack are there. Talks to DynamoDB, Lambda and API Gateway, through `Aws`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from plldb.aws.session import Aws
from plldb.bootstrap.events.setup import PartType, StackPart
from plldb.bootstrap.stack.client import Stack
from plldb.bootstrap.stack.decide import Seen
from plldb.bootstrap.stack.parts import read_parts
from plldb.errors import AwsError
from plldb.tasks import gather_all

log = logging.getLogger(__name__)

GONE = frozenset({"ResourceNotFoundException", "NotFoundException"})
"""How the services say that there is no such table, function or API."""

SERVICES = ("dynamodb", "lambda", "apigatewayv2")
"""The services that are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What has become of the parts of a stack.

    Attributes:
        missing: those that are not there any more.
        unknown: why some could not be looked at.
    """

    missing: tuple[StackPart, ...] = ()
    unknown: tuple[AwsError, ...] = ()


async def look_at_parts(stack: Stack, seen: Seen) -> Health:
    """Ask for each part of a stack of ours that is at rest, all side by side; of no other stack any.

    What AWS does not allow, or does not answer, is unknown: it ends nothing.
    """
    snapshot = seen.snapshot
    if snapshot is None or not snapshot.ours or not snapshot.status.works:
        return Health()
    body = (await stack.with_body(seen)).body or ""
    parts = read_parts(body, dict(snapshot.outputs))
    found = await gather_all(*[_look_at(stack.aws, part) for part in parts])
    return Health(
        missing=tuple(part for part, state in zip(parts, found, strict=True) if state is False),
        unknown=tuple(state for state in found if isinstance(state, AwsError)),
    )


async def _look_at(aws: Aws, part: StackPart) -> bool | AwsError:
    """Return whether a part is there, or why nobody knows."""
    try:
        await _ASK[part.resource_type](aws, part.name)
    except AwsError as error:
        if error.aws_code in GONE:
            return False
        log.info("%s was not looked at: %s", part.logical_id, error)
        return error
    return True


async def _ask_for_table(aws: Aws, name: str) -> None:
    dynamodb = await aws.client("dynamodb")
    await aws.call(dynamodb.describe_table, TableName=name)


async def _ask_for_function(aws: Aws, name: str) -> None:
    functions = await aws.client("lambda")
    await aws.call(functions.get_function_configuration, FunctionName=name)


async def _ask_for_api(aws: Aws, name: str) -> None:
    apis = await aws.client("apigatewayv2")
    await aws.call(apis.get_api, ApiId=name)


_ASK: dict[PartType, Callable[[Aws, str], Awaitable[None]]] = {
    "AWS::DynamoDB::Table": _ask_for_table,
    "AWS::Lambda::Function": _ask_for_function,
    "AWS::ApiGatewayV2::Api": _ask_for_api,
}
