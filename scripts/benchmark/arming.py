"""Measures how long functions take to be armed, and restored. Talks to MiniStack behind a proxy.

    python -m scripts.benchmark.arming

AWS is 30 ms away, an update of a function takes a second there, and 15 calls a second are allowed.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiobotocore.session import get_session

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger.arming.functions import open_lambda
from plldb.debugger.arming.mutex import open_table
from plldb.debugger.arming.operate import Armed, Places, Plan, Released, arm, restore
from plldb.debugger.pace import DEFAULT_PACE
from plldb.tasks import gather_all
from tests.e2e.arming import ANNA, zipped
from tests.support.answers import throttled
from tests.support.behaviours import Delay, Forward, on
from tests.support.environment import REGION, Credentials, aws_settings, invent_account
from tests.support.operations import Call
from tests.support.proxy import Proxy
from tests.support.servers import ministack
from tests.support.wire import Response

ROUND_TRIP = 0.03
UPDATE_SECONDS = 1.0
CALLS_A_SECOND = 15
COUNTS = (1, 30)


@dataclass(slots=True)
class SlowUpdates:
    """Lets an update be under way for a while, and refuses more calls than the control plane allows."""

    updated: dict[str, float] = field(default_factory=dict)
    calls: list[float] = field(default_factory=list)

    async def __call__(self, call: Call, forward: Forward) -> Response:
        """Answer a request to Lambda."""
        now = time.monotonic()
        if call.operation != "GetFunction":
            self.calls = [each for each in self.calls if now - each < 1]
            if len(self.calls) >= CALLS_A_SECOND:
                return throttled(call)
            self.calls.append(now)
        response = await forward(call)
        name = call.request.target.split("/functions/")[-1].split("/")[0].rpartition("function%3A")[2]
        if call.operation == "UpdateFunctionConfiguration":
            self.updated[name] = now
        if call.operation == "GetFunction" and now - self.updated.get(name, 0) < UPDATE_SECONDS:
            told = json.loads(response.body)
            told["Configuration"]["LastUpdateStatus"] = "InProgress"
            body = json.dumps(told).encode()
            headers = [each for each in response.headers if each[0].lower() != "content-length"]
            headers.append(("Content-Length", str(len(body))))
            return replace(response, headers=tuple(headers), body=body)
        return response


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account with functions that nobody has armed."""

    places: Places
    names: tuple[str, ...]
    layer: str

    async def arm(self, count: int) -> float:
        """Seconds to arm so many functions."""
        now = int(time.time())
        plan = Plan(
            holder=ANNA, layer=self.layer, url="wss://api.example/live", now=now, lease_until=now + 3600
        )
        began = time.perf_counter()
        done = await gather_all(*[arm(self.places, name, plan, "7" * 64) for name in self.names[:count]])
        assert all(isinstance(each, Armed) for each in done), done
        return time.perf_counter() - began

    async def restore(self, count: int) -> float:
        """Seconds to restore them."""
        began = time.perf_counter()
        done = await gather_all(*[restore(self.places, name, lambda _: True) for name in self.names[:count]])
        assert all(isinstance(each, Released) for each in done), done
        return time.perf_counter() - began


@asynccontextmanager
async def open_account(endpoint: str) -> AsyncIterator[Account]:
    """An account of its own, whose Lambda is slow; ``endpoint`` is MiniStack."""
    os.environ.update(aws_settings(endpoint, Credentials(access_key_id=invent_account())))
    names = tuple(f"orders-{number}" for number in range(max(COUNTS)))
    session: Any = get_session()
    async with (
        session.create_client("lambda", region_name=REGION, endpoint_url=endpoint) as client,
        session.create_client("dynamodb", region_name=REGION, endpoint_url=endpoint) as dynamodb,
    ):
        await dynamodb.create_table(
            TableName="PLLDBDebugger",
            KeySchema=[{"AttributeName": "RequestId", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "RequestId", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        layer = await client.publish_layer_version(LayerName="plldb-agent", Content={"ZipFile": zipped("")})
        for name in names:
            await client.create_function(
                FunctionName=name,
                Runtime="python3.13",
                Role="arn:aws:iam::123456789012:role/orders",
                Handler="app.handler",
                Code={"ZipFile": zipped("def handler(event, context): ...")},
            )
        async with Proxy(endpoint, on(Delay(ROUND_TRIP)), on(SlowUpdates(), "lambda")) as proxy:
            place = Place(region=REGION, endpoint_url=proxy.url)
            async with open_aws(place, DEFAULT_PACE) as aws:
                places = Places(functions=await open_lambda(aws, DEFAULT_PACE), table=await open_table(aws))
                yield Account(places=places, names=names, layer=layer["LayerVersionArn"])


async def measure_arming(endpoint: str, times: int = 3) -> dict[str, list[float]]:
    """Seconds of each time, by what is done."""
    found: dict[str, list[float]] = {}
    async with open_account(endpoint) as account:
        for count in COUNTS:
            for _ in range(times if count == 1 else max(1, times - 1)):
                found.setdefault(f"arm {count}", []).append(await account.arm(count))
                found.setdefault(f"restore {count}", []).append(await account.restore(count))
    return found


async def main() -> None:
    """Measure and print."""
    async with ministack() as server:
        for what, seconds in (await measure_arming(server.url)).items():
            print(f"{what}: " + ", ".join(f"{each:.2f}" for each in seconds) + " s")


if __name__ == "__main__":
    asyncio.run(main())
