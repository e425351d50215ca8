"""plldb's own stack while the connection is lost: the same, set up anew, or gone."""

from __future__ import annotations

import asyncio

import pytest

from plldb.debugger.arming.naming.stacks import Infrastructure
from plldb.debugger.errors import NotSetUpError
from plldb.debugger.pace import Pace
from plldb.debugger.watching.infrastructure import watch_infrastructure
from tests.unit.aws.fakes import AT_ONCE, Answer, Client, aws, refused

KNOWN = Infrastructure(websocket_url="wss://old/live", layer="layer:1")


def stack(url: str, layer: str) -> Answer:
    outputs = {"WebSocketUrl": url, "AgentLayerArn": layer}
    found = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    return {"Stacks": [{"Outputs": found}]}


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (stack("wss://new/live", "layer:1"), "plldb was set up anew in the meantime"),
        (
            refused("ValidationError", "Stack with id plldb does not exist"),
            "plldb is not set up in this account",
        ),
    ],
)
async def test_a_session_ends_once_nobody_can_answer_and_not_before(last: Answer, said: str) -> None:
    # Neither an answer that is refused nor an update that keeps the address ends it.
    answers = [refused("AccessDenied"), stack("wss://old/live", "layer:2"), last]
    client, lost = Client("cloudformation", {"describe_stacks": answers}), asyncio.Event()
    doorway = aws(AT_ONCE, client)
    watching = asyncio.create_task(watch_infrastructure(doorway, KNOWN, lost, Pace(look_at_functions=0)))
    await asyncio.sleep(0)
    assert client.asked == []
    lost.set()
    with pytest.raises(NotSetUpError, match=said):
        await watching
    assert client.times("describe_stacks") == 3
