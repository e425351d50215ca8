"""Keeps messages of a queue invisible while a function holds them here. Talks to SQS.

Lambda has a message for as long as the queue's visibility timeout; whoever looks at it in a debugger for
longer would get it a second time. While an invocation runs, its messages are hidden again and again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from plldb.aws.session import Aws
from plldb.debugger.events.functions import VisibilityDenied
from plldb.debugger.pace import Pace
from plldb.errors import AwsError, PlldbError

BATCH = 10
"""Most entries of one ChangeMessageVisibilityBatch (Amazon SQS API reference)."""
NOT_HELD = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight")
"""What SQS says of a message that the function has deleted, or that was hidden for too short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """The messages of one queue in an event."""

    queue: str
    account: str
    region: str
    receipts: tuple[str, ...]


def read_messages(body: bytes) -> Messages | None:
    """Return the messages of a queue that an event consists of; None if it is something else. Pure."""
    if b"aws:sqs" not in body:
        return None
    try:
        records = json.loads(body)["Records"]
        arns = {str(record["eventSourceARN"]) for record in records if record["eventSource"] == "aws:sqs"}
        receipts = tuple(str(record["receiptHandle"]) for record in records)
        (arn,) = arns
        _, _, _, region, account, queue = arn.split(":")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Messages(queue=queue, account=account, region=region, receipts=receipts)


async def keep_invisible(
    aws: Aws, body: bytes, function: str, tell: Callable[[VisibilityDenied], None], pace: Pace
) -> None:
    """Hide the messages of an event until cancelled; returns at once if it has none, or may not."""
    messages = read_messages(body)
    if messages is None:
        return
    await asyncio.sleep(pace.hide_after)
    try:
        client = await aws.client("sqs")
        url, left = await _read_url(aws, client, messages), messages.receipts
        # Never for less time than the queue itself hides them.
        seconds = max(pace.hide_for, await _own_timeout(aws, client, url))
        while left:
            left = await _hide(aws, client, url, left, seconds)
            await asyncio.sleep(pace.hide_again)
    except PlldbError as error:
        tell(VisibilityDenied(function=function, queue=messages.queue, message=error.message))


async def _read_url(aws: Aws, client: Any, messages: Messages) -> str:
    answer = await aws.call(
        client.get_queue_url, QueueName=messages.queue, QueueOwnerAWSAccountId=messages.account
    )
    url = str(answer.get("QueueUrl") or "")
    if not url:
        raise AwsError("GetQueueUrl: the answer names no queue.", service="sqs")
    return url


async def _own_timeout(aws: Aws, client: Any, url: str) -> int:
    answer = await aws.call(client.get_queue_attributes, QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return int((answer.get("Attributes") or {}).get("VisibilityTimeout", 0))


async def _hide(aws: Aws, client: Any, url: str, receipts: tuple[str, ...], seconds: int) -> tuple[str, ...]:
    """Hide messages for so long from now; return those that are still there."""
    left: tuple[str, ...] = ()
    for start in range(0, len(receipts), BATCH):
        part = receipts[start : start + BATCH]
        entries = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for number, receipt in enumerate(part)
        ]
        answer: Mapping[str, Any] = await aws.call(
            client.change_message_visibility_batch, QueueUrl=url, Entries=entries
        )
        gone = {str(each["Id"]) for each in answer.get("Failed") or () if _is_gone(each)}
        left += tuple(receipt for number, receipt in enumerate(part) if str(number) not in gone)
    return left


def _is_gone(failed: Mapping[str, Any]) -> bool:
    """Tell whether a message is not held any more; any other failure than one of SQS's own is raised."""
    code = str(failed.get("Code"))
    if code.rpartition(".")[2] in NOT_HELD:
        return True
    if failed.get("SenderFault", True):
        raise AwsError(str(failed.get("Message") or code), service="sqs", aws_code=code)
    return False
