"""Messages of a queue that a function holds stay hidden, in moto's SQS."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger.attaching.invocations.queues import keep_invisible
from plldb.debugger.link.rows import make_row
from plldb.debugger.pace import Pace
from plldb.errors import AwsError
from tests.support.behaviours import Forward, on
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from plldb.debugger.events.functions import VisibilityDenied
    from tests.conftest import OpenClient
    from tests.support.operations import Call
    from tests.support.wire import Response

HIDE = "ChangeMessageVisibilityBatch"
PACE = Pace(hide_after=0, hide_again=0)


async def test_messages_are_hidden_as_long_as_the_queue_says_and_the_others_when_one_was_deleted(
    endpoint: str, open_client: OpenClient
) -> None:
    queues = await open_client("sqs")
    url = (await queues.create_queue(QueueName="mails", Attributes={"VisibilityTimeout": "120"}))["QueueUrl"]
    arn = (await queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]))["Attributes"]
    await queues.send_message_batch(
        QueueUrl=url, Entries=[{"Id": each, "MessageBody": each} for each in ("one", "two")]
    )
    received = (await queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10))["Messages"]
    first, second = [each["ReceiptHandle"] for each in received]
    source = {"eventSource": "aws:sqs", "eventSourceARN": arn["QueueArn"]}
    body = json.dumps({"Records": [{**source, "receiptHandle": each} for each in (first, second)]})
    hidden: list[list[tuple[str, int]]] = []
    denied: list[VisibilityDenied] = []

    async def look(call: Call, forward: Forward) -> Response:
        entries: list[dict[str, Any]] = json.loads(call.request.body or b"")["Entries"]
        hidden.append([(each["ReceiptHandle"], each["VisibilityTimeout"]) for each in entries])
        if len(hidden) == 2:
            await queues.delete_message(QueueUrl=url, ReceiptHandle=first)
        return await forward(call)

    async with (
        Proxy(endpoint, on(look, HIDE)) as proxy,
        open_aws(Place(endpoint_url=proxy.url), PACE) as aws,
        asyncio.timeout(60),
    ):
        hiding = asyncio.create_task(keep_invisible(aws, body.encode(), "Mails", denied.append, PACE))
        while len(hidden) < 3:
            await asyncio.sleep(0)
        await queues.delete_message(QueueUrl=url, ReceiptHandle=second)
        await hiding
    assert hidden[:3] == [[(first, 120), (second, 120)]] * 2 + [[(second, 120)]]
    assert denied == []


async def test_answers_without_what_no_model_requires_are_told(
    endpoint: str, open_client: OpenClient
) -> None:
    async def empty(call: Call, forward: Forward) -> Response:
        members = b"<a><GetCallerIdentityResult/></a>" if call.operation == "GetCallerIdentity" else b"{}"
        return (await forward(call)).with_body(members)

    source = {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:mails"}
    body = json.dumps({"Records": [{**source, "receiptHandle": "one"}]})
    await (await open_client("sqs")).create_queue(QueueName="mails")
    denied: list[VisibilityDenied] = []
    async with (
        Proxy(endpoint, on(empty, "GetQueueUrl", "GetCallerIdentity")) as proxy,
        open_aws(Place(endpoint_url=proxy.url), PACE) as aws,
    ):
        await keep_invisible(aws, body.encode(), "Mails", denied.append, PACE)
        with pytest.raises(AwsError, match="the answer names no user"):
            await make_row(aws, stack="", host="", now=0, seconds=1)
    assert [each.message for each in denied] == ["GetQueueUrl: the answer names no queue."]
