"""The proxy passes on, records, and does the harm that it is told to do."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from tests.support import wire
from tests.support.answers import (
    access_denied,
    expired_token,
    owner_guard,
    server_error,
    throttled,
    unavailable,
)
from tests.support.behaviours import (
    Answer,
    Callback,
    Delay,
    Hang,
    Reset,
    Truncate,
    after,
    first,
    fraction,
    nth,
    on,
)
from tests.support.proxy import Proxy
from tests.support.records import Record, find_most_in_flight

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.support.operations import Call

IDENTITY = (
    b"<GetCallerIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
    b"<GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
ACCOUNT = "123456789012"
SESSION: Any = get_session()  # shared: it reads the descriptions of the services once


class Upstream:
    """A tiny AWS: says who everybody is, and keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[wire.Request] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await wire.read_request(reader)) is not None:
            self.requests.append(request)
            body = IDENTITY if b"GetCallerIdentity" in (request.body or b"") else b""
            response = wire.Response(status=200, reason="OK", headers=(("ETag", '"1"'),), body=body)
            writer.write(wire.encode_response(response, request.method, close=False))
            await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    tiny = Upstream()
    server = await asyncio.start_server(tiny.serve, "127.0.0.1", 0)
    tiny.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield tiny
    server.close()
    await server.wait_closed()


@pytest_asyncio.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[Proxy]:
    async with Proxy(upstream.url) as proxy:
        yield proxy


@asynccontextmanager
async def clients(proxy: Proxy, *services: str, attempts: int = 1) -> AsyncIterator[Sequence[Any]]:
    """Clients with so many attempts a call and a patience of a second."""
    config = AioConfig(
        retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=1, max_pool_connections=20
    )
    async with AsyncExitStack() as stack:
        made = [
            SESSION.create_client(
                service,
                region_name="eu-west-1",
                endpoint_url=proxy.url,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="test",
                config=config,
            )
            for service in services
        ]
        yield [await stack.enter_async_context(client) for client in made]


def codes(records: Sequence[Record]) -> list[int | None]:
    return [record.status for record in records]


async def test_a_request_goes_through_untouched_and_is_recorded(proxy: Proxy, upstream: Upstream) -> None:
    async with clients(proxy, "s3") as (s3,):
        await s3.put_object(Bucket="b", Key="k", Body=b"x" * 70_000, ExpectedBucketOwner=ACCOUNT)
    (request,), (record,) = upstream.requests, proxy.records
    assert request.body is not None
    assert b"x" * 70_000 in request.body.replace(b"\r\n", b"")
    assert request.header("host") == proxy.url.removeprefix("http://")
    assert (record.service, record.operation, record.account) == ("s3", "PutObject", ACCOUNT)
    assert (record.status, record.expected_owner, record.connection) == (200, ACCOUNT, 1)
    assert record.sent >= 70_000
    assert record.end > record.start


async def test_a_client_keeps_its_connection(proxy: Proxy) -> None:
    async with clients(proxy, "sts") as (sts,):
        for _ in range(3):
            await sts.get_caller_identity()
    assert [record.connection for record in proxy.records] == [1, 1, 1]


async def test_a_delay_holds_up_each_request_and_requests_overlap(proxy: Proxy) -> None:
    proxy.use(on(Delay(0.1)))
    async with clients(proxy, "sts") as (sts,):
        await asyncio.gather(*(sts.get_caller_identity() for _ in range(4)))
    assert find_most_in_flight(proxy.records) == 4
    assert all(record.end - record.start >= 0.1 for record in proxy.records)


async def test_the_client_recovers_from_errors_that_go_away(proxy: Proxy, upstream: Upstream) -> None:
    proxy.use(on(Answer(server_error), when=nth(1)), on(Answer(throttled), when=nth(2)))
    async with clients(proxy, "sts", attempts=3) as (sts,):
        assert (await sts.get_caller_identity())["Account"] == "1"
    assert codes(proxy.records) == [500, 400, 200]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (server_error, 500, "InternalError"),
        (unavailable, 503, "SlowDown"),
        (throttled, 503, "SlowDown"),
        (expired_token, 400, "ExpiredToken"),
        (access_denied, 403, "AccessDenied"),
    ],
)
async def test_an_upload_is_refused_before_its_body_is_sent(
    proxy: Proxy, upstream: Upstream, answer: Any, status: int, code: str
) -> None:
    proxy.use(on(Answer(answer), "PutObject"))
    async with clients(proxy, "s3") as (s3,):
        with pytest.raises(ClientError) as caught:
            await s3.put_object(Bucket="b", Key="k", Body=b"code" * 100_000)
    assert caught.value.response["Error"]["Code"] == code
    assert (proxy.records[0].status, proxy.records[0].sent) == (status, 0)
    assert upstream.requests == []


async def test_access_denied_names_the_iam_action(proxy: Proxy) -> None:
    proxy.use(on(Answer(access_denied)))
    async with clients(proxy, "cloudformation", "s3") as (cloudformation, s3):
        with pytest.raises(
            ClientError, match="not authorized to perform: cloudformation:CreateStack on"
        ) as e:
            await cloudformation.create_stack(StackName="plldb", TemplateBody="{}")
        assert "stack/plldb/* because no identity-based policy allows" in str(e.value)
        with pytest.raises(ClientError, match='s3:ListBucketVersions on resource: "arn:aws:s3:::b" because'):
            await s3.list_object_versions(Bucket="b")
        answer = await s3.delete_objects(Bucket="b", Delete={"Objects": [{"Key": "k", "VersionId": "1"}]})
    assert [(e["Key"], e["VersionId"], e["Code"]) for e in answer["Errors"]] == [("k", "1", "AccessDenied")]


@pytest.mark.parametrize("forward", [False, True])
async def test_a_reset_comes_before_or_after_the_request_took_effect(
    proxy: Proxy, upstream: Upstream, forward: bool
) -> None:
    proxy.use(on(Reset(forward=forward), when=first(1)))
    async with clients(proxy, "sts") as (sts,):
        with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
            await sts.get_caller_identity()
        assert len(upstream.requests) == forward
        await sts.get_caller_identity()
    assert codes(proxy.records) == [None, 200]


@pytest.mark.parametrize("forward", [False, True])
async def test_a_hanging_request_ends_with_the_clients_patience(
    proxy: Proxy, upstream: Upstream, forward: bool
) -> None:
    proxy.use(on(Hang(forward=forward)))
    async with clients(proxy, "sts") as (sts,):
        with pytest.raises(ReadTimeoutError):
            await sts.get_caller_identity()
    assert len(upstream.requests) == forward


async def test_a_proxy_closes_while_a_client_still_waits(upstream: Upstream) -> None:
    async with Proxy(upstream.url, on(Hang())) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while not proxy.under_way:
            await asyncio.sleep(0.01)
    assert await reader.read() == b""
    assert codes(proxy.records) == [None]
    writer.close()
    await writer.wait_closed()


async def test_a_truncated_body_is_an_error_for_the_client(proxy: Proxy) -> None:
    proxy.use(on(Truncate(keep=0.5)))
    async with clients(proxy, "sts") as (sts,):
        with pytest.raises((ResponseStreamingError, HTTPClientError)):
            await sts.get_caller_identity()


async def test_a_callback_runs_when_the_request_has_taken_effect(proxy: Proxy, upstream: Upstream) -> None:
    seen: list[tuple[str, int]] = []

    def note(call: Call) -> None:
        seen.append((call.operation, len(upstream.requests)))

    proxy.use(on(Callback(note), when=nth(2)))
    async with clients(proxy, "sts") as (sts,):
        for _ in range(3):
            await sts.get_caller_identity()
    assert seen == [("GetCallerIdentity", 2)]


async def test_rules_pick_operations_services_and_occurrences(proxy: Proxy) -> None:
    proxy.use(on(Answer(unavailable), "s3", when=after(1)), on(Answer(throttled), "GetCallerIdentity"))
    async with clients(proxy, "s3", "sts") as (s3, sts):
        await s3.head_bucket(Bucket="b")
        with pytest.raises(ClientError, match="503"):
            await s3.head_bucket(Bucket="b")
        with pytest.raises(ClientError, match="Rate exceeded"):
            await sts.get_caller_identity()
        proxy.use()
        await sts.get_caller_identity()
    assert codes(proxy.records) == [200, 503, 400, 200]


def test_a_fraction_is_random_and_the_same_each_time() -> None:
    chosen = [count for count in range(1000) if fraction(0.9, seed=1)(count)]
    assert chosen == [count for count in range(1000) if fraction(0.9, seed=1)(count)]
    assert 850 < len(chosen) < 950


async def test_a_bucket_of_somebody_else_refuses_everything(proxy: Proxy, upstream: Upstream) -> None:
    proxy.use(on(Answer(owner_guard({"theirs": "999999999999"}))))
    async with clients(proxy, "s3") as (s3,):
        await s3.put_object(Bucket="ours", Key="k", Body=b"1", ExpectedBucketOwner=ACCOUNT)
        with pytest.raises(ClientError, match="AccessDenied"):
            await s3.put_object(Bucket="theirs", Key="k", Body=b"1", ExpectedBucketOwner=ACCOUNT)
        with pytest.raises(ClientError, match="AccessDenied"):
            await s3.put_object(Bucket="ours", Key="k", Body=b"1", ExpectedBucketOwner="999999999999")
        with pytest.raises(ClientError, match="BucketAlreadyExists"):
            await s3.create_bucket(Bucket="theirs")
    assert [record.sent > 0 for record in proxy.records] == [True, False, False, False]
    assert len(upstream.requests) == 1


async def test_a_fault_of_a_behaviour_fails_the_test(upstream: Upstream) -> None:
    async def broken(call: Call, forward: Any) -> Any:
        raise ValueError("broken behaviour")

    async def use_it() -> None:
        async with Proxy(upstream.url, on(broken)) as proxy, clients(proxy, "sts") as (sts,):
            with pytest.raises(ConnectionClosedError):
                await sts.get_caller_identity()

    with pytest.raises(ValueError, match="broken behaviour"):
        await use_it()


async def test_forgotten_records_are_gone(proxy: Proxy) -> None:
    async with clients(proxy, "sts") as (sts,):
        start = time.monotonic()
        await sts.get_caller_identity()
        assert proxy.records[0].start >= start
        proxy.forget()
    assert proxy.records == ()
