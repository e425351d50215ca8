"""What has invoked a function, and where it failed, in a few words. Pure."""

import json
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.debugger.attaching.invocations.callers import find_repeated
from plldb.debugger.attaching.invocations.outcomes import Failure, describe_failure, read_status_code
from plldb.debugger.attaching.invocations.triggers import read_trigger

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
        ({"info": {"fieldName": "order", "parentTypeName": "Query"}}, "AppSync Query.order"),
        (
            {"RequestType": "Create", "ResponseURL": "https://x", "LogicalResourceId": "Index"},
            "CloudFormation Create Index",
        ),
        ({}, "Invoke, 2 bytes"),
        (1, "Invoke, 1 byte"),
        ({"Records": []}, "Invoke, 15 bytes"),
    ],
)
def test_a_trigger_has_a_few_words(event: object, words: str) -> None:
    assert read_trigger(json.dumps(event).encode()).words == words


API = {"requestContext": {"apiId": "a1", "domainName": "a1.execute-api.eu-west-1.amazonaws.com"}}


@pytest.mark.parametrize(
    ("event", "caller"),
    [
        (API | {"httpMethod": "GET", "resource": "/"}, ("API Gateway", 29, "error")),
        (API | {"httpMethod": "GET", "version": "1.0"}, ("API Gateway", 30, "error")),
        (API | {"version": "2.0", "rawPath": "/"}, ("API Gateway", 30, "error")),
        ({"requestContext": {"apiId": "a1", "routeKey": "$default"}}, ("API Gateway", 29, "error")),
        ({"requestContext": {"elb": {}}, "httpMethod": "GET"}, ("the load balancer", 60, "error")),
        ({"version": "2.0", "requestContext": {"apiId": "a", "domainName": "a.lambda-url.x.on.aws"}}, None),
        ({"triggerSource": "PreSignUp_SignUp"}, ("Cognito", 5, "again")),
        ({"info": {"fieldName": "order"}}, ("AppSync", 30, "error")),
        (records("aws:kinesis"), ("Kinesis", 0, "blocked")),
        (records("aws:dynamodb"), ("DynamoDB", 0, "blocked")),
        ({"eventSource": "aws:kafka", "records": {}}, ("Kafka", 0, "blocked")),
        (records("aws:sqs"), None),  # its messages are kept hidden
        (records("aws:s3"), None),
        ({"source": "aws.events", "detail-type": "Scheduled Event"}, None),
        ({"requestContext": 1}, None),
        ({"orders": 3}, None),
    ],
)
def test_what_waits_is_told_where_the_event_tells_it(event: object, caller: tuple[Any, ...] | None) -> None:
    found = read_trigger(json.dumps(event).encode()).caller
    assert (found and (found.name, found.seconds, found.then)) == caller


@pytest.mark.parametrize(
    ("request_id", "body", "now", "repeats"),
    [
        ("2", b"{}", 160.0, "1"),
        ("2", b"{}", 144.9, ""),
        ("2", b"[]", 160.0, ""),
        ("1", b"{}", 160.0, ""),
    ],
)
def test_an_event_that_comes_again_after_a_caller_may_have_stopped_waiting_is_told(
    request_id: str, body: bytes, now: float, repeats: str
) -> None:
    assert find_repeated({"1": (b"{}", 100.0)}, request_id, body, now) == repeats


NAMES = ["Records", "eventSource", "requestContext", "http", "source", "detail-type"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_has_words(body: bytes) -> None:
    assert read_trigger(body)
    assert describe_failure(body, PurePath("/code")).error


def test_a_failure_names_the_line_in_the_users_own_file() -> None:
    error = {
        "errorType": "KeyError",
        "errorMessage": "'price'\nmore",
        "stackTrace": [
            '  File "/code/app.py", line 12, in handler\n    total(event)\n',
            '  File "/code/shop/prices.py", line 5, in total\n    x\n',
            '  File "/code/.venv/lib/python3.13/site-packages/lib.py", line 7, in get\n    y\n',
            f'  File "/code/app.py", line {"9" * 5000}, in a function that tells what it likes\n',
        ],
    }
    body = json.dumps(error).encode()
    assert describe_failure(body, PurePath("/code")) == Failure(
        error="KeyError: 'price'", file="shop/prices.py", line=5
    )
    assert describe_failure(body, PurePath("/other")) == Failure(error="KeyError: 'price'")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"statusCode": 201}', 201),
        (b'{"statusCode": "503"}', 503),
        (b'{"statusCode": null}', 0),
        (b'{"statusCode": 20000}', 0),
        (b'["statusCode"]', 0),
        (b'{"statusCode"', 0),
        (b"7", 0),
    ],
)
def test_the_status_code_of_an_answer(body: bytes, code: int) -> None:
    assert read_status_code(body) == code
