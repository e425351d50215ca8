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
from plldb.debugger.events import VisibilityDenied
from plldb.debugger.pace import Pace
from plldb.errors import AwsError

BATCH = 10
"""Most entries of one ChangeMessageVisibilityBatch (Amazon SQS API reference)."""


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
        answer = await aws.call(
            client.get_queue_url, QueueName=messages.queue, QueueOwnerAWSAccountId=messages.account
        )
        while True:
            await _hide(aws, client, answer["QueueUrl"], messages, pace.hide_for)
            await asyncio.sleep(pace.hide_again)
    except AwsError as error:
        tell(VisibilityDenied(function=function, queue=messages.queue, message=error.message))


async def _hide(aws: Aws, client: Any, url: str, messages: Messages, seconds: int) -> None:
    entries = [
        {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
        for number, receipt in enumerate(messages.receipts)
    ]
    for start in range(0, len(entries), BATCH):
        part = entries[start : start + BATCH]
        answer: Mapping[str, Any] = await aws.call(
            client.change_message_visibility_batch, QueueUrl=url, Entries=part
        )
        if failed := answer.get("Failed"):
            raise AwsError(str(failed[0].get("Message") or failed[0].get("Code")), service="sqs")
