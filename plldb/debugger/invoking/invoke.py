"""Sends one event to a function, once, and says what became of it. Talks to Lambda and DynamoDB."""

from __future__ import annotations

import asyncio
from typing import Any

from plldb.aws.session import Aws
from plldb.debugger.arming.functions import GONE, LATEST, arn_of, open_lambda
from plldb.debugger.arming.mutex import open_table
from plldb.debugger.events.invoke import Invoked
from plldb.debugger.invoking.answer import read_answer, read_error, read_log, read_request_id
from plldb.debugger.invoking.find import Called, find_called, not_found
from plldb.debugger.invoking.where import Ran, find_where
from plldb.debugger.pace import Pace
from plldb.errors import AwsError


async def invoke_function(aws: Aws, stack: str, word: str, event: bytes, *, pace: Pace) -> Invoked:
    """Send ``event`` to the function that a word means, wait for its answer, and look where it ran.

    Raises:
        NoFunctionsError: there is no such function.
        PlldbError: it cannot be sent, or no answer came.
    """
    target = await aws.read_target()
    called = await find_called(aws, target, stack, word)
    client = await aws.client("lambda", read_timeout=pace.answered_within)
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        answer, payload = await aws.send_once(
            client.invoke,
            "Payload",
            FunctionName=called.name,
            Qualifier=called.version,
            Payload=event,
            LogType="Tail",
        )
    except AwsError as error:
        if error.aws_code != GONE:
            raise
        raise await not_found(await open_lambda(aws, pace), called, target) from error
    seconds = loop.time() - began
    log = read_log(answer)
    request_id = read_request_id(answer, log)
    ran = await _where(aws, called, answer, arn_of(target, called.name), request_id, event, pace)
    value, text = read_answer(payload)
    return Invoked(
        target=target,
        function=called.name,
        function_version=str(answer.get("ExecutedVersion") or called.version),
        request_id=request_id,
        seconds=seconds,
        answer=value,
        text=text,
        error=read_error(answer, value, text),
        log=log,
        ran=ran.where,
        who=ran.who,
        host=ran.host,
        not_taken_by=ran.not_taken_by,
    )


async def _where(
    aws: Aws, called: Called, answer: Any, arn: str, request_id: str, event: bytes, pace: Pace
) -> Ran:
    if (answer.get("ExecutedVersion") or called.version) != LATEST:
        return Ran(where="deployed")  # a version is never attached
    return await find_where(await open_table(aws), arn, request_id, event, pace=pace)
