"""Messages of a queue stay invisible while they are held here; where that is not allowed, it is said."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger.attaching.invocations.queues import keep_invisible
from plldb.debugger.pace import Pace
from tests.support.answers import access_denied
from tests.support.behaviours import Answer, every, on
from tests.support.environment import REGION

if TYPE_CHECKING:
    from plldb.debugger.events.functions import VisibilityDenied
    from tests.conftest import OpenClient
    from tests.support.proxy import Proxy

PACE = Pace(first_wait=0.01, longest_wait=0.02, hide_after=0, hide_again=0.02)


async def hold(proxy: Proxy, body: bytes) -> list[VisibilityDenied]:
    """Hold messages until they have been hidden twice, or cannot be."""
    told: list[VisibilityDenied] = []
    enough = changes(proxy) + 4  # two batches, twice
    async with open_aws(Place(region=REGION, endpoint_url=proxy.url), PACE) as aws:
        holding = asyncio.create_task(keep_invisible(aws, body, "mails", told.append, PACE))
        async with asyncio.timeout(120):
            while not holding.done() and changes(proxy) < enough:
                await asyncio.sleep(0.01)
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
    return told


def changes(proxy: Proxy) -> int:
    return len([each for each in proxy.records if each.operation == "ChangeMessageVisibilityBatch"])


async def test_messages_are_hidden_again_and_again_or_it_is_said(
    aws_env: dict[str, str], account: str, proxy: Proxy, open_client: OpenClient
) -> None:
    queues = await open_client("sqs")
    url = (await queues.create_queue(QueueName="mails"))["QueueUrl"]
    for number in range(12):
        await queues.send_message(QueueUrl=url, MessageBody=str(number))
    messages: list[Any] = []
    while len(messages) < 12:
        messages += (await queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10))["Messages"]
    arn = f"arn:aws:sqs:{REGION}:{account}:mails"
    records = [
        {"eventSource": "aws:sqs", "eventSourceARN": arn, "receiptHandle": each["ReceiptHandle"]}
        for each in messages
    ]
    body = json.dumps({"Records": records}).encode()
    assert await hold(proxy, body) == []
    proxy.use(on(Answer(access_denied), "ChangeMessageVisibilityBatch", when=every))
    (denied,) = await hold(proxy, body)
    assert (denied.function, denied.queue) == ("mails", "mails")
    assert "sqs:ChangeMessageVisibility" in denied.message
