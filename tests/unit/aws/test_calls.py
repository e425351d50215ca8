"""One request, sent once or patiently: what is repeated, how often, how long."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.parsers import ResponseParserError

from plldb.aws.errors import TryAgainError
from plldb.errors import AwsError, UnreachableError
from tests.unit.aws.fakes import AT_ONCE, Answer, Client, aws, refused

THROTTLED = refused("Throttling", "Rate exceeded")
FAILED = refused("InternalFailure", "", 500)
CUT = ResponseParserError("Unable to parse response")
REFUSED = refused("ValidationError", "no")
FINE: dict[str, Any] = {"fine": True}


def client(*answers: Answer) -> Client:
    return Client("cloudformation", {"create_stack": [*answers]})


async def call(stack: Client, pace: Any = AT_ONCE) -> Any:
    return await aws(pace).call(cast("Any", stack).create_stack, StackName="plldb")


async def test_what_works_is_sent_once_with_its_parameters() -> None:
    stack = client(FINE)
    assert await call(stack) == FINE
    assert stack.asked == [("create_stack", {"StackName": "plldb"})]


@pytest.mark.parametrize("trouble", [FAILED, CUT, EndpointConnectionError(endpoint_url="x", error="y")])
def test_each_failure_of_a_server_counts_as_one_attempt(trouble: Exception) -> None:
    recovers, gives_up = client(trouble, trouble, FINE), client(trouble)
    assert asyncio.run(call(recovers)) == FINE
    with pytest.raises(UnreachableError) as raised:
        asyncio.run(call(gives_up))
    assert gives_up.times("create_stack") == AT_ONCE.attempts == 3
    assert raised.value.operation == "CreateStack"
    assert raised.value.__cause__ is trouble


async def test_throttling_does_not_count_as_an_attempt() -> None:
    stack = client(*[THROTTLED] * 50, FAILED, *[THROTTLED] * 50, FAILED, FINE)
    assert await call(stack) == FINE
    assert stack.times("create_stack") == 103


async def test_throttling_ends_when_its_time_is_over() -> None:
    stack = client(THROTTLED)
    with pytest.raises(UnreachableError, match="Rate exceeded"):
        await call(stack, replace(AT_ONCE, throttled_for=0.05, longest_wait=0.01, first_wait=0.01))
    assert stack.times("create_stack") > 1


async def test_throttling_is_given_up_at_once_when_there_is_no_time() -> None:
    stack = client(THROTTLED)
    with pytest.raises(UnreachableError):
        await call(stack, replace(AT_ONCE, throttled_for=0))
    assert stack.times("create_stack") == 1


async def test_a_refusal_is_not_repeated() -> None:
    stack = client(REFUSED)
    with pytest.raises(AwsError, match="no") as raised:
        await call(stack)
    assert stack.times("create_stack") == 1
    assert raised.value.__cause__ is REFUSED


@pytest.mark.parametrize(("trouble", "throttled"), [(THROTTLED, True), (FAILED, False), (CUT, False)])
async def test_an_attempt_is_one_request_whatever_comes_of_it(trouble: Exception, throttled: bool) -> None:
    stack = client(trouble)
    with pytest.raises(TryAgainError) as raised:
        await aws().attempt(cast("Any", stack).create_stack)
    assert stack.times("create_stack") == 1
    assert raised.value.throttled is throttled


async def test_a_bug_is_not_taken_for_a_failure_of_aws() -> None:
    with pytest.raises(ZeroDivisionError):
        await call(client(ZeroDivisionError()))


async def test_to_cancel_is_to_stop_repeating() -> None:
    stack = client(THROTTLED)
    task = asyncio.ensure_future(call(stack))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    asked = stack.times("create_stack")
    await asyncio.sleep(0.01)
    assert stack.times("create_stack") == asked
