"""What a session does with a function that was deployed, and with a stack of plldb that was updated."""

from __future__ import annotations

from typing import Any

import pytest

from plldb.debugger.arming.examine import function_of
from plldb.debugger.arming.functions import Lambda, Throttle
from plldb.debugger.arming.holders import Hold, Holder, Holding, hold_of, item_of
from plldb.debugger.arming.mutex import Table
from plldb.debugger.arming.naming.stacks import Infrastructure
from plldb.debugger.arming.operate import Armed, Places
from plldb.debugger.arming.settings import Replaced
from plldb.debugger.attaching.held import HeldFunctions
from plldb.debugger.attaching.telling import Telling
from plldb.debugger.link.rows import SessionRow
from plldb.debugger.pace import Pace
from plldb.debugger.wire import prove, session_name
from plldb.debugger.workers.settings import read_settings
from tests.unit.aws.fakes import AT_ONCE, Client, aws

WHERE = ("headers.x-debug=me",)
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:plldb-agent:{}"
URL = "wss://abc.execute-api.eu-west-1.amazonaws.com/live"
BEFORE: dict[str, Any] = {
    "FunctionName": "orders",
    "FunctionArn": ARN,
    "Handler": "app.handler",
    "Runtime": "python3.12",
    "LastUpdateStatus": "Successful",
    "RevisionId": "1",
}
DEPLOYED = {
    **BEFORE,
    "Handler": "app.other",
    "Runtime": "python3.13",
    "Timeout": 7,
    "MemorySize": 512,
    "Environment": {"Variables": {"TABLE": "t"}},
    "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "mine"},
    "VpcConfig": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]},
}


async def tell(_: object) -> None:
    """Nobody reads."""


def held(*clients: Client) -> HeldFunctions:
    """A session that holds ``orders``, which it has armed as it was before."""
    doorway = aws(AT_ONCE, *clients)
    by_name: dict[str, Any] = {client.service: client for client in clients}
    where = Lambda(aws=doorway, client=by_name.get("lambda"), pace=Pace(), throttle=Throttle(1000))
    return HeldFunctions(
        places=Places(functions=where, table=Table(aws=doorway, client=by_name.get("dynamodb"))),
        row=SessionRow(id="me#1", stack="shop", who="me", host="here", started_at=1, ends_at=1_900_000_000),
        infrastructure=Infrastructure(websocket_url=URL, layer=LAYER.format(1)),
        url=URL,
        tokens={"orders": "0a"},
        settings={"orders": read_settings(BEFORE, logical_id="Orders")},
        where=WHERE,
        telling=Telling(tell, 60),
    )


def test_all_that_a_deployment_changes_is_run_from_then_on() -> None:
    session = held()
    session.use("orders", function_of(DEPLOYED))
    assert session.settings["orders"] == read_settings(DEPLOYED, logical_id="Orders")


@pytest.mark.parametrize("left", [[], [{"Arn": LAYER.format(1)}]])
async def test_a_deployed_function_gets_the_layer_of_the_updated_stack(left: list[dict[str, str]]) -> None:
    hold = Hold(
        arn=ARN,
        token_hash="",
        holders=(
            Holding(
                holder=Holder(session="me#1", who="me", host="here", stack="shop"),
                since=1,
                lease_until=1_900_000_000,
                proof=prove(session_name("me#1"), "0a", WHERE),
                where=WHERE,
            ),
        ),
        replaced=Replaced(timeout=3, wrapper=""),
    )
    armed = {"Environment": {"Variables": {"PLLDB": f"1|1900000000|{URL}|0a|7|"}}}
    functions = Client(
        "lambda",
        {
            "get_function": [
                {"Configuration": {**DEPLOYED, "Layers": left}},
                {"Configuration": {**DEPLOYED, **armed}},
            ],
            "get_function_code_signing_config": [{}],
            "update_function_configuration": [BEFORE],
        },
    )
    outputs = {"WebSocketUrl": URL, "AgentLayerArn": LAYER.format(2)}
    stack = {"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]}
    table = Client("dynamodb", {"get_item": [{"Item": item_of(hold)}], "put_item": [{}]})
    session = held(
        functions,
        table,
        Client("cloudformation", {"describe_stacks": [{"Stacks": [stack]}]}),
    )
    assert isinstance(await session.arm_again("orders"), Armed)
    (written,) = [asked for name, asked in functions.asked if name == "update_function_configuration"]
    assert written["Layers"] == [LAYER.format(2)]
    *_, row = [hold_of(asked["Item"]) for name, asked in table.asked if name == "put_item"]
    assert row
    assert (row.holders, row.replaced.timeout) == (hold.holders, session.settings["orders"].timeout)
    assert session.settings["orders"] == read_settings(DEPLOYED, logical_id="Orders")
