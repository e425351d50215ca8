"""Which messages an event consists of. Pure."""

import json

import pytest

from plldb.debugger.attaching.invocations.queues import Messages, read_messages


def records(*arns: str) -> bytes:
    each = [{"eventSource": "aws:sqs", "eventSourceARN": arn, "receiptHandle": arn[-1]} for arn in arns]
    return json.dumps({"Records": each}).encode()


def test_messages_of_a_queue_are_found() -> None:
    assert read_messages(records(*["arn:aws:sqs:eu-west-1:123456789012:mails"] * 2)) == Messages(
        queue="mails", account="123456789012", region="eu-west-1", receipts=("s", "s")
    )


@pytest.mark.parametrize(
    "body",
    [b"{}", b"aws:sqs", b'{"Records": 1, "x": "aws:sqs"}', records("arn:1", "arn:2"), records("aws:sqs")],
)
def test_anything_else_is_left_alone(body: bytes) -> None:
    assert read_messages(body) is None
