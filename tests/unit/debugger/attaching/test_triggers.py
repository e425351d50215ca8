"""What has invoked a function, and where it failed, in a few words. Pure."""

import json
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.debugger.attaching.triggers import Failure, describe_failure, describe_trigger

pytestmark = pytest.mark.once


def records(source: str, count: int = 1, **first: Any) -> dict[str, Any]:
    return {"Records": [{"eventSource": source, **first}] * count}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (records("aws:sqs", 3, eventSourceARN="arn:aws:sqs:eu-west-1:1:orders"), "SQS orders, 3 records"),
        (
            {"Records": [{"EventSource": "aws:sns", "Sns": {"TopicArn": "arn:aws:sns:eu-west-1:1:news"}}]},
            "SNS news, 1 record",
        ),
        (records("aws:s3", s3={"bucket": {"name": "photos"}}), "S3 photos, 1 record"),
        (
            records("aws:dynamodb", 2, eventSourceARN="arn:aws:dynamodb:x:1:table/orders/stream/2026"),
            "DynamoDB orders, 2 records",
        ),
        (records("aws:kinesis", eventSourceARN="arn:aws:kinesis:x:1:stream/ab"), "Kinesis ab, 1 record"),
        ({"requestContext": {"http": {"method": "POST"}}, "rawPath": "/orders"}, "POST /orders"),
        ({"httpMethod": "GET", "path": "/", "requestContext": {"elb": {}}}, "GET /"),
        ({"requestContext": {"routeKey": "$default", "connectionId": "x="}}, "WebSocket $default"),
        (
            {"type": "TOKEN", "methodArn": "arn:aws:execute-api:x:1:api/live/GET/pets"},
            "authorizer of live/GET/pets",
        ),
        ({"source": "aws.events", "detail-type": "Scheduled Event"}, "schedule"),
        ({"source": "shop", "detail-type": "Order placed"}, "EventBridge shop, Order placed"),
        ({"awslogs": {"data": ""}}, "CloudWatch Logs"),
        ({"triggerSource": "PreSignUp_SignUp"}, "Cognito PreSignUp_SignUp"),
        ({}, "Invoke, 2 bytes"),
        (1, "Invoke, 1 byte"),
        ({"Records": []}, "Invoke, 15 bytes"),
    ],
)
def test_a_trigger_has_a_few_words(event: object, words: str) -> None:
    assert describe_trigger(json.dumps(event).encode()) == words


NAMES = ["Records", "eventSource", "requestContext", "http", "source", "detail-type"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_has_words(body: bytes) -> None:
    assert describe_trigger(body)
    assert describe_failure(body, PurePath("/code")).error


def test_a_failure_names_the_line_in_the_users_own_file() -> None:
    error = {
        "errorType": "KeyError",
        "errorMessage": "'price'\nmore",
        "stackTrace": [
            '  File "/code/app.py", line 12, in handler\n    total(event)\n',
            '  File "/code/shop/prices.py", line 5, in total\n    x\n',
            '  File "/code/.venv/lib/python3.13/site-packages/lib.py", line 7, in get\n    y\n',
        ],
    }
    body = json.dumps(error).encode()
    assert describe_failure(body, PurePath("/code")) == Failure(
        error="KeyError: 'price'", file="shop/prices.py", line=5
    )
    assert describe_failure(body, PurePath("/other")) == Failure(error="KeyError: 'price'")
