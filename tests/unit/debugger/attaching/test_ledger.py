"""What is noted of an invocation, and in how many requests."""

from __future__ import annotations

import asyncio

import pytest

from plldb.debugger.arming.mutex import Table
from plldb.debugger.attaching.invocations.ledger import End, Notes, note_invocation
from plldb.debugger.link.rows import SessionRow
from tests.unit.aws.fakes import AT_ONCE, Client, aws, refused

ROW = SessionRow(id="me#1", stack="shop", who="me", host="here", started_at=1, ends_at=2)
START = {"request_id": "r1", "function": "orders", "now": 7}


@pytest.mark.parametrize(
    ("ends", "outcomes"),
    [("before its turn", ["answered"]), ("later", ["", "answered"]), ("never", [""])],
)
@pytest.mark.parametrize("answer", [{}, refused("ValidationException", "UpdateItem")])
async def test_what_has_ended_by_its_turn_is_noted_once(
    ends: str, outcomes: list[str], answer: dict[str, str] | Exception
) -> None:
    dynamodb = Client("dynamodb", {"update_item": [answer]})
    end: asyncio.Future[End] = asyncio.get_running_loop().create_future()
    few = asyncio.Semaphore(1)
    await few.acquire()
    table = Table(aws=aws(AT_ONCE, dynamodb), client=dynamodb)
    noting = asyncio.create_task(note_invocation(table, ROW, START, end, few))
    over = End(outcome="answered", seconds=0.25)
    if ends == "before its turn":
        end.set_result(over)
    few.release()
    while not dynamodb.asked:
        await asyncio.sleep(0)
    if ends == "later":
        end.set_result(over)
    elif ends == "never":
        end.cancel()
    await noting
    told = [parameters["ExpressionAttributeValues"][":Outcome"]["S"] for _, parameters in dynamodb.asked]
    assert told == outcomes
    assert ":one" in dynamodb.asked[0][1]["ExpressionAttributeValues"]


async def test_no_more_notes_wait_than_are_allowed_nor_for_longer() -> None:
    let, written = asyncio.Event(), []

    async def note(number: int) -> None:
        await let.wait()
        written.append(number)

    notes = Notes(most=2)
    for number in range(4):
        notes.add(note(number))
    let.set()
    await notes.written()
    notes.add(note(4))
    await notes.written()
    assert written == [0, 1, 4]
    let.clear()
    notes = Notes(within=0.0)
    notes.add(note(5))
    async with asyncio.timeout(60):
        await notes.written()
