"""An account with one function that is armed and restored. Talks to MiniStack."""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.debugger.arming.functions import open_lambda, wait_until_updated
from plldb.debugger.arming.holders import Hold, Holder, Holding
from plldb.debugger.arming.mutex import open_table, read_hold
from plldb.debugger.arming.operate import Armed, Places, Plan, Refused, Released, Seen, arm, examine, restore
from plldb.debugger.pace import Pace
from tests.support.behaviours import Callback, nth, on
from tests.support.environment import REGION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from tests.conftest import OpenClient
    from tests.support.proxy import Proxy

TOKEN = "a-token-of-an-agent"
ANNA = Holder(session="AIDA1#one", who="arn:aws:iam::123456789012:user/anna", host="laptop", stack="shop")
BORIS = Holder(session="AIDA2#two", who="arn:aws:iam::123456789012:user/boris", host="desk", stack="shop")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An account with one function, seen directly and through the proxy."""

    places: Places
    client: Any
    name: str
    layer: str
    other_layer: str

    async def publish(self, name: str) -> str:
        """A layer more; its ARN."""
        made = await self.client.publish_layer_version(LayerName=name, Content={"ZipFile": zipped("")})
        return str(made["LayerVersionArn"])

    async def deployed(self) -> dict[str, Any]:
        found = await self.client.get_function_configuration(FunctionName=self.name)
        return {
            "timeout": found["Timeout"],
            "layers": [layer["Arn"] for layer in found.get("Layers", [])],
            "variables": found.get("Environment", {}).get("Variables", {}),
        }

    async def look(self) -> Seen:
        """The function as a plan sees it."""
        function = await wait_until_updated(self.places.functions, self.name)
        assert function
        seen = await examine(
            self.places.functions, function, await read_hold(self.places.table, function.arn)
        )
        assert isinstance(seen, Seen)
        return seen

    def plan(
        self,
        holder: Holder = ANNA,
        *,
        hours: float = 8,
        taken: Hold | None = None,
        takes_over: bool = False,
        seen: Seen | None = None,
        where: tuple[str, ...] = (),
    ) -> Plan:
        now = int(time.time())
        return Plan(
            holder=holder,
            layer=self.layer,
            url="wss://api.example/live",
            now=now,
            lease_until=now + int(hours * 3600),
            instead_of=frozenset(each.holder.session for each in taken.holders) if taken else frozenset(),
            taken=taken,
            takes_over=takes_over,
            seen=seen,
            where=where,
        )

    async def arm(self, holder: Holder = ANNA, **more: Any) -> Armed | Refused:
        token = TOKEN if holder == ANNA else f"{TOKEN} of {holder.host}"
        return await arm(self.places, self.name, self.plan(holder, **more), token)

    async def restore(self, holder: Holder = ANNA) -> Released | Refused:
        def goes(each: Holding) -> bool:
            return each.holder.session == holder.session or each.lease_until <= time.time()

        return await restore(self.places, self.name, goes)


async def is_killed_at(number: int, proxy: Proxy, doing: Coroutine[Any, Any, object]) -> bool:
    """Whether that many requests were sent; with the last of them on its way, nothing more is done."""
    killed = asyncio.Event()
    proxy.use(on(Callback(lambda _: killed.set()), when=nth(number)))
    work, waiter = asyncio.create_task(doing), asyncio.create_task(killed.wait())
    await asyncio.wait({work, waiter}, return_when=asyncio.FIRST_COMPLETED)
    finished = work.done() and not killed.is_set()
    for task in (work, waiter):
        task.cancel()
    await asyncio.gather(work, waiter, return_exceptions=True)
    proxy.use()
    return not finished


@asynccontextmanager
async def opened(endpoint: str) -> AsyncIterator[Places]:
    pace = Pace(first_wait=0.01, longest_wait=0.02, calls_a_second=200, update_poll=0.02)
    async with open_aws(Place(region=REGION, endpoint_url=endpoint), pace) as aws:
        yield Places(functions=await open_lambda(aws, pace), table=await open_table(aws))


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


@asynccontextmanager
async def make_world(proxy: Proxy, open_client: OpenClient, *, tables: bool = True) -> AsyncIterator[World]:
    """A world in an account without functions; ``tables`` says whether the table is to be made, too."""
    client, dynamodb = await open_client("lambda"), await open_client("dynamodb")
    if tables:
        await dynamodb.create_table(
            TableName="PLLDBDebugger",
            KeySchema=[{"AttributeName": "RequestId", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "RequestId", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    layers = [
        (await client.publish_layer_version(LayerName=name, Content={"ZipFile": zipped("")}))[
            "LayerVersionArn"
        ]
        for name in ("own", "plldb-agent", "other")
    ]
    await client.create_function(
        FunctionName="orders",
        Runtime="python3.13",
        Role="arn:aws:iam::123456789012:role/orders",
        Handler="app.handler",
        Code={"ZipFile": zipped("def handler(event, context): ...")},
        Timeout=17,
        Layers=[layers[0]],
        Environment={"Variables": {"STAGE": "test", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/own"}},
    )
    async with opened(proxy.url) as places:
        yield World(places=places, client=client, name="orders", layer=layers[1], other_layer=layers[2])
