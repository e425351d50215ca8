"""Ask CloudFormation for an operation on the stack. Talks to CloudFormation through `client`."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from plldb.bootstrap.events.stack import StackOperation
from plldb.bootstrap.stack.client import DOES_NOT_EXIST, Stack, is_unknown, says
from plldb.bootstrap.stack.decide import Seen
from plldb.bootstrap.stack.history import TOKEN_PREFIX
from plldb.errors import AwsError

Tags = tuple[tuple[str, str], ...]
MayBeNew = Callable[[], Awaitable[bool]]
"""Whether a stack that CloudFormation does not find may be so new that its reads do not show it yet."""

# A stack of that name is there; or a request with that token was taken already.
TAKEN = frozenset({"AlreadyExistsException", "TokenAlreadyExistsException"})

_NO_UPDATES = re.compile(r"No updates are to be performed")
# Somebody has deleted what was just uploaded; the second is MiniStack's way to say so.
_TEMPLATE_GONE = re.compile(r"S3 error: The specified \w+ does not exist|Template not found")
_BUSY = re.compile(r" is in [A-Z_]+ state|while in status [A-Z_]+|\bStack\b.* already exists")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """CloudFormation has accepted an operation. ``operation_id`` is empty if it returned none."""

    operation: StackOperation
    stack_id: str
    token: str
    operation_id: str = ""


class NoUpdates:
    """CloudFormation found that the stack is what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaken:
    """Somebody else was first: started an operation, or deleted the template. Look again.

    ``exists`` says that the stack was to be created and CloudFormation answered that it exists.
    """

    exists: bool = False


async def submit(
    stack: Stack, seen: Seen, template_url: str, tags: Tags, may_be_new: MayBeNew
) -> Submitted | NoUpdates | Overtaken:
    """Ask CloudFormation to create the stack, or to update the one that is there.

    ``may_be_new`` is asked when CloudFormation does not find a stack although it answered that it exists.
    """
    arguments = _arguments(tags, TemplateURL=template_url)
    if seen.snapshot is None:
        return await _submit(stack, seen, "create", stack.client.create_stack, may_be_new, **arguments)
    return await _submit(stack, seen, "update", stack.client.update_stack, **arguments)


async def submit_text(stack: Stack, seen: Seen, body: str, tags: Tags) -> Submitted | NoUpdates | Overtaken:
    """Ask for an update with the text of a template, of 51,200 bytes at most (quota of CloudFormation)."""
    return await _submit(
        stack, seen, "update", stack.client.update_stack, **_arguments(tags, TemplateBody=body)
    )


def _arguments(tags: Tags, **template: str) -> dict[str, Any]:
    return {
        **template,
        "Tags": [{"Key": key, "Value": value} for key, value in tags],
        # The roles have no names of their own, so the weaker of the two IAM capabilities is enough.
        "Capabilities": ["CAPABILITY_IAM"],
    }


async def delete(stack: Stack, seen: Seen) -> Submitted | NoUpdates | Overtaken:
    """Ask CloudFormation to delete the stack."""
    return await _submit(stack, seen, "delete", stack.client.delete_stack)


async def continue_rollback(stack: Stack, seen: Seen) -> Submitted | NoUpdates | Overtaken:
    """Ask CloudFormation to go on with a rollback that stopped half-way."""
    return await _submit(stack, seen, "rollback", stack.client.continue_update_rollback)


async def _submit(
    stack: Stack,
    seen: Seen,
    operation: StackOperation,
    method: Callable[..., Any],
    may_be_new: MayBeNew | None = None,
    **arguments: Any,
) -> Submitted | NoUpdates | Overtaken:
    # With the same token in every attempt CloudFormation takes a repeated request for the same one.
    token = f"{TOKEN_PREFIX}{operation}-{uuid.uuid4()}"
    # By id: never a stack of the same name that came after the one that was looked at.
    name = seen.snapshot.stack_id if seen.snapshot else stack.name
    try:
        answer = await stack.aws.call(method, StackName=name, ClientRequestToken=token, **arguments)
    except AwsError as error:
        if error.aws_code not in TAKEN and not says(
            error, _NO_UPDATES, _BUSY, DOES_NOT_EXIST, _TEMPLATE_GONE
        ):
            raise
        # Our own request may have been the one that won: its answer was lost, and this is the
        # answer to its repetition.
        exists = operation == "create" and (error.aws_code in TAKEN or says(error, _BUSY))
        own = await _find_own(stack, name, operation, token, may_be_new if exists else None)
        return own or (NoUpdates() if says(error, _NO_UPDATES) else Overtaken(exists=exists))
    stack_id = (answer or {}).get("StackId") or name
    operation_id = (answer or {}).get("OperationId", "")
    return Submitted(operation=operation, stack_id=stack_id, token=token, operation_id=operation_id)


async def _find_own(
    stack: Stack, name: str, operation: StackOperation, token: str, may_be_new: MayBeNew | None
) -> Submitted | None:
    while True:
        try:
            page = await stack.aws.call(stack.client.describe_stack_events, StackName=name)
            break
        except AwsError as error:
            if not is_unknown(error) or may_be_new is None or not await may_be_new():
                return None
        await asyncio.sleep(stack.pace.poll)
    for event in page.get("StackEvents", []):
        if event.get("ClientRequestToken") == token:
            return Submitted(operation=operation, stack_id=event["StackId"], token=token)
    return None
