"""plldb's stack in the test cloud, functions that are armed, and a laptop for them. Talks to the cloud."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.bootstrap.artifacts.packages import build_package
from plldb.bootstrap.artifacts.sources import list_layers, read_files
from plldb.debugger.arming.functions import open_lambda, wait_until_updated
from plldb.debugger.arming.holders import Holder
from plldb.debugger.arming.mutex import list_holds, open_table
from plldb.debugger.arming.operate import Armed, Places, Plan, Released, arm, restore
from plldb.debugger.link import rows
from plldb.debugger.link.addresses import websocket_address
from plldb.debugger.link.link import Link, LinkEvent, open_link
from plldb.debugger.pace import Pace
from plldb.debugger.protocol.decisions import Delivered, Start
from plldb.debugger.protocol.invocations import Answer
from tests.cloud.functions import create
from tests.e2e.holdings import read_outputs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from plldb.aws.session import Aws
    from plldb.bootstrap.artifacts.packages import Package
    from tests.conftest import OpenClient

PACE = Pace(
    first_wait=0.02,
    longest_wait=0.2,
    calls_a_second=200,
    update_poll=0.02,
    first_retry=0.05,
    longest_retry=0.2,
    look=0.05,
    overlap=0.1,
)
APP = """
def handler(event, context):
    print("the deployed code runs")
    return {"deployed": event}
"""

# What Lambda says of a function and changes by itself.
_PASSING = (
    "RevisionId",
    "LastModified",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "State",
    "StateReason",
    "StateReasonCode",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An account with plldb's stack; ``url`` is where its WebSocket API is reached."""

    aws: Aws
    places: Places
    functions: Any
    url: str
    layer: str

    async def settings(self, name: str) -> dict[str, Any]:
        """What GetFunction says of a function that only somebody's change can change."""
        told = (await self.functions.get_function(FunctionName=name))["Configuration"]
        return {key: value for key, value in told.items() if key not in _PASSING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An attached session, the token of its functions' agents, and what has happened, deliveries apart."""

    link: Link
    token: str
    started: list[Start] = field(default_factory=list)
    events: list[LinkEvent] = field(default_factory=list)


@asynccontextmanager
async def open_world(endpoint: str, open_client: OpenClient) -> AsyncIterator[World]:
    """What was set up in the account of the environment."""
    outputs = await read_outputs(open_client)
    functions = await open_client("lambda")
    async with open_aws(Place(endpoint_url=endpoint), PACE) as aws:
        yield World(
            aws=aws,
            places=Places(functions=await open_lambda(aws, PACE), table=await open_table(aws)),
            functions=functions,
            url=websocket_address(outputs["WebSocketUrl"], endpoint),
            layer=outputs["AgentLayerArn"],
        )


async def build_layer(changes: Mapping[str, Callable[[str], str]] | None = None) -> Package:
    """The layer as setup builds it; ``changes`` are made to the texts of its files, found by their names."""
    (source,) = list_layers(files("plldb") / "debugger")
    packed = []
    for each in await read_files(source):
        change = (changes or {}).get(each.path.rpartition("/")[2])
        content = change(each.content.decode()).encode() if change else each.content
        if content:  # a file that became empty is left out
            packed.append(type(each)(path=each.path, content=content, executable=each.executable))
    return build_package(source.name, packed)


async def publish(functions: Any, package: Package) -> str:
    """Publish a layer under plldb's own name; its ARN."""
    content = {"ZipFile": package.body}
    made = await functions.publish_layer_version(LayerName="plldb-agent", Content=content)
    return str(made["LayerVersionArn"])


async def create_function(world: World, **settings: Any) -> str:
    """A function as somebody deploys it."""
    variables = {"Variables": {"STAGE": "test"}}
    name = await create(world.functions, APP, Timeout=17, Environment=variables, **settings)
    await wait_until_updated(world.places.functions, name)
    return name


def replace(*pairs: str) -> Callable[[str], str]:
    """A change of a text: old, new, old, new…; each old one must be there."""

    def change(text: str) -> str:
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        return text

    return change


def answer_by_laptop(start: Start) -> Answer:
    """The answer of a laptop that says which event it had."""
    return Answer(kind="response", body=b'{"laptop": %s}' % start.invocation.body)


@asynccontextmanager
async def attached(
    world: World, name: str, reply: Callable[[Start], Answer | None] = answer_by_laptop
) -> AsyncIterator[Session]:
    """A laptop that answers for a function; an invocation to which ``reply`` says None is kept waiting."""
    row = await rows.make_row(world.aws, stack="shop", host="here", now=time.time(), seconds=3600)
    token = secrets.token_hex(32)
    async with open_link(world.aws, websocket=world.url, row=row, tokens={name: token}, pace=PACE) as link:
        session = Session(link=link, token=token)

        async def work() -> None:
            async for event in link.events():
                if isinstance(event, Start):
                    session.started.append(event)
                    if answer := reply(event):
                        link.answer(event.identity, answer)
                elif not isinstance(event, Delivered):
                    session.events.append(event)

        working = asyncio.create_task(work())
        try:
            yield session
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def arm_for(
    world: World, name: str, session: Session, *, layer: str = "", url: str = "", hours: int = 1
) -> None:
    """Arm a function for a session."""
    now, row = int(time.time()), session.link.row
    plan = Plan(
        holder=Holder(session=row.id, who=row.who, host=row.host, stack=row.stack),
        layer=layer or world.layer,
        url=url or world.url,
        now=now,
        lease_until=now + hours * 3600,
    )
    outcome = await arm(world.places, name, plan, session.token)
    assert isinstance(outcome, Armed), outcome


@asynccontextmanager
async def restored(world: World, name: str) -> AsyncIterator[None]:
    """At the end a function is given back, whoever has armed it, and is as it is now."""
    before = await world.settings(name)
    try:
        yield
    finally:
        outcome = await restore(world.places, name, lambda hold: True)
    assert isinstance(outcome, Released), outcome
    assert outcome.how == "restored"
    assert await world.settings(name) == before
    assert outcome.arn not in {hold.arn for hold in await list_holds(world.places.table)}


@asynccontextmanager
async def armed(
    world: World, name: str, session: Session, *, layer: str = "", url: str = ""
) -> AsyncIterator[None]:
    """A function that is armed for a session, and afterwards is as before."""
    async with restored(world, name):
        await arm_for(world, name, session, layer=layer, url=url)
        yield
