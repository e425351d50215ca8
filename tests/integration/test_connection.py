"""A session's connection against a server that speaks as API Gateway does; rows are in moto."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger.errors import ProtocolError, RefusedError
from plldb.debugger.link import rows
from plldb.debugger.link.link import Link
from plldb.debugger.pace import Pace
from plldb.debugger.protocol.decisions import Delivered
from plldb.debugger.protocol.invocations import Answer
from plldb.errors import AwsError
from tests.integration.gateway import (
    QUICK,
    Gateway,
    agent_of,
    attached,
    eventually,
    read_rows,
    start,
    until,
)
from tests.support.frames import join_answer

if TYPE_CHECKING:
    from collections.abc import Coroutine


async def test_an_invocation_comes_and_its_answer_goes(gateway: Gateway) -> None:
    async with attached(gateway) as link:
        agent = agent_of(link)
        started = await start(gateway, link, agent)
        assert started.invocation.body == b'{"a": 1}'
        link.answer(started.identity, Answer(kind="response", body=b'"done"'))
        await until(link, Delivered)
        assert {connection for connection, _ in gateway.posts} == {"Ag3nt="}
        assert join_answer([agent.read(text) for _, text in gateway.posts])[1] == b'"done"'


async def test_ten_thousand_frames_of_nobody_do_not_keep_an_invocation_from_its_answer(
    gateway: Gateway,
) -> None:
    async with attached(gateway) as link:
        stranger, agent = replace(agent_of(link), token="c9" * 32), agent_of(link)
        (forged,) = stranger.invocation()
        junk = (forged, "plldb4 x y z", "[" * 999, '{"t": "welcome", "n": "guessed"}', "\0")
        socket = gateway.sockets[link.connection]
        for number in range(10_000):
            await socket.send_str(junk[number % len(junk)])
        for _ in range(20):
            await socket.send_str("x" * 32_768)
        started = await start(gateway, link, agent)
        link.answer(started.identity, Answer(kind="response", body=b'"done"'))
        await until(link, Delivered)
        assert [agent.read(text)["t"] for _, text in gateway.posts] == ["answer"]


async def test_the_row_holds_no_token_and_is_deleted_at_the_end(gateway: Gateway) -> None:
    async with attached(gateway) as link:
        (row,) = await read_rows(gateway)
        assert row["SessionId"]["S"] == link.row.id
        assert row["StackName"]["S"] == "shop"
        assert "TokenHash" not in row  # used
        assert gateway.tokens[0] not in str(row)
        await link.detach()
        (row,) = await read_rows(gateway)
        assert row["Detached"] == {"BOOL": True}
    assert await read_rows(gateway) == []


async def test_a_connection_is_closed_also_if_its_reading_never_began(gateway: Gateway) -> None:
    class Hasty(Link):
        """Whatever it is to do in the background is cancelled before it begins."""

        tasks = 0

        def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            self.tasks += 1
            task = super().spawn(work)
            task.cancel()
            return task

    async with open_aws(Place(), QUICK) as aws:
        row = await rows.make_row(aws, stack="shop", host="here", now=time.time(), seconds=3600)
        link = Hasty(aws, gateway.url, row, {}, QUICK)
        starting = asyncio.create_task(link.start())
        await eventually(lambda: link.tasks)
        starting.cancel()
        await asyncio.wait([starting])
        await link.close()
        await eventually(lambda: not gateway.sockets)


async def test_who_ends_a_session_waits_for_its_answers_though_aws_throttles_them_and_the_table_is_gone(
    gateway: Gateway,
) -> None:
    large = Answer(kind="response", body=secrets.token_hex(250_000).encode())
    async with attached(gateway) as link:
        agent = agent_of(link)
        other = replace(agent, sandbox="cd" * 16, connection="Other=", log_stream="two")
        started = await start(gateway, link, other)
        await start(gateway, link, agent)
        await gateway.dynamodb.delete_table(TableName=rows.TABLE)
        gateway.large = 0
        gateway.takes_large.clear()
        refusals = [429] * 5  # for some of its pieces
        gateway.post_status = lambda: refusals.pop() if refusals else 200
        link.answer(started.identity, large)
        await eventually(lambda: not refusals)
        asyncio.get_running_loop().call_later(0.3, gateway.takes_large.set)  # after the table has refused
        with pytest.raises(AwsError):
            await link.abandon()
        for each, body in [(agent, b"Plldb.Detached"), (other, large.body)]:
            told = [each.read(text) for to, text in gateway.posts if to == each.connection]
            assert any(frame["t"] == "detached" for frame in told)
            assert body in join_answer([frame for frame in told if frame["t"] == "answer"])[1]


async def test_a_broken_connection_is_opened_anew_and_the_sandboxes_are_told(gateway: Gateway) -> None:
    async with attached(gateway) as link:
        agent = agent_of(link)
        await start(gateway, link, agent)
        first = link.connection
        await gateway.sockets[first].close()
        await eventually(lambda: any(agent.read(text)["t"] == "moved" for _, text in gateway.posts))
        moved = [agent.read(text) for _, text in gateway.posts if agent.read(text)["t"] == "moved"]
        assert moved[0]["peer"] == link.connection != first


async def test_an_old_connection_is_closed_after_the_new_one_was_told(gateway: Gateway) -> None:
    async with attached(gateway, Pace(replace_after=1.5, look=0.05, overlap=0.2)) as link:
        await start(gateway, link, agent_of(link))
        first = link.connection
        await eventually(lambda: f"close {first}" in gateway.log)
        steps = gateway.log[-4:]
        assert [step.split()[0] for step in steps] == ["post", "open", "post", "close"], gateway.log


@pytest.mark.parametrize("status", [429, 500])
async def test_an_answer_is_posted_until_it_is_taken(gateway: Gateway, status: int) -> None:
    async with attached(gateway) as link:
        agent = agent_of(link)
        started = await start(gateway, link, agent)
        outcomes = [status, 200]
        gateway.post_status = lambda: outcomes.pop(0) if outcomes else 200
        link.answer(started.identity, Answer(kind="response", body=b"1"))
        assert (await until(link, Delivered)).complete


async def test_small_answers_do_not_wait_for_large_ones(gateway: Gateway) -> None:
    large = Answer(kind="response", body=secrets.token_hex(250_000).encode())
    async with attached(gateway, replace(QUICK, read_timeout=60.0)) as link:
        gateway.takes_large.clear()
        for number in range(6):  # 17 pieces each, and there are 64 connections
            agent = replace(agent_of(link), sandbox=f"{number:032x}", log_stream=f"s{number}")
            started = await start(gateway, link, agent)
            link.answer(started.identity, large)
        started = await start(gateway, link, agent_of(link))
        link.answer(started.identity, Answer(kind="response", body=b"1"))
        assert (await until(link, Delivered)).identity == started.identity
        gateway.takes_large.set()
        for _ in range(6):
            assert (await until(link, Delivered)).complete


async def test_an_api_of_another_version_is_an_error(gateway: Gateway) -> None:
    gateway.reply = {"t": "refused", "why": "protocol", "v": 1}  # a stack of before the proof of sessions
    with pytest.raises(ProtocolError, match=r"version 1 of the protocol, this plldb [0-9]") as raised:
        async with attached(gateway):
            pass
    assert raised.value.hint is not None
    assert raised.value.hint.kind == "set-up"


async def test_a_session_whose_row_is_gone_ends(gateway: Gateway) -> None:
    async with attached(gateway) as link:
        key = {"SessionId": {"S": link.row.id}}
        await gateway.dynamodb.delete_item(TableName=rows.TABLE, Key=key)
        await gateway.sockets[link.connection].close()
        with pytest.raises(RefusedError, match="is gone"):
            await until(link, type(None))


async def test_hello_keeps_an_idle_connection(gateway: Gateway) -> None:
    async with attached(gateway, Pace(hello_every=0.3, look=0.05)) as link:
        (connection,) = link._reconnector._connections
        first, known_as = connection.greeted_at, link.connection
        await eventually(lambda: connection.greeted_at > first)
        assert link.connection == known_as
