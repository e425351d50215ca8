"""Stack events become visible one after the other, on pages as they are asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from tests.support.events import (
    NAMESPACE,
    PacedEvents,
    Pacing,
    RawEvent,
    cut_page,
    invent_history,
    schedule_events,
    shuffle_windows,
)
from tests.support.operations import Call, identify_call
from tests.support.wire import Request, Response

STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/plldb/1"
WALL = datetime(2026, 1, 1, tzinfo=UTC)
Answered = tuple[int, ElementTree.Element]


def event(number: int, status: str = "CREATE_IN_PROGRESS", *, of_stack: bool = False) -> RawEvent:
    values = {
        "StackId": STACK_ID,
        "EventId": f"event-{number}",
        "PhysicalResourceId": STACK_ID if of_stack else "table & co",
        "ResourceStatus": status,
        "Timestamp": "2026-11-23T00:00:00.000Z",
    }
    return RawEvent(fields=tuple(values.items()))


def ids(events: list[RawEvent]) -> list[str]:
    return [event.event_id for event in events]


# --- the pure parts ---------------------------------------------------------------------------------------


def test_events_are_spread_evenly_and_stamped_with_their_turn() -> None:
    turns = schedule_events([event(n) for n in range(5)], begin=100, wall=WALL, pacing=Pacing(seconds=20))
    assert [turn.visible for turn in turns] == [100, 105, 110, 115, 120]
    assert turns[1].event.get("Timestamp") == "2026-01-01T00:00:05.000Z"


def test_late_events_come_after_their_turn_but_never_after_the_last() -> None:
    pacing = Pacing(seconds=4, late_every=2, late_seconds=2.5)
    turns = schedule_events([event(n) for n in range(5)], begin=0, wall=WALL, pacing=pacing)
    assert [turn.visible for turn in turns] == [0, 3.5, 2, 4, 4]


def test_pages_follow_each_other_to_the_end() -> None:
    events, pacing = [event(n) for n in range(5)], Pacing(page_size=2)
    first, token = cut_page(events, "", pacing)
    second, token = cut_page(events, token, pacing)
    third, token = cut_page(events, token, pacing)
    assert ids([*first, *second, *third]) == ids(events)
    assert token == ""


@pytest.mark.parametrize(
    ("stable", "expected"), [(True, ["event-2", "event-3"]), (False, ["event-1", "event-2"])]
)
def test_a_new_event_shifts_pages_unless_tokens_are_stable(stable: bool, expected: list[str]) -> None:
    events, pacing = [event(n) for n in range(5)], Pacing(page_size=2, stable_tokens=stable)
    _, token = cut_page(events, "", pacing)
    page, _ = cut_page([event(99), *events], token, pacing)
    assert ids([*page]) == expected


def test_pages_may_repeat_the_last_event() -> None:
    events, pacing = [event(n) for n in range(4)], Pacing(page_size=2, repeat=True)
    _, token = cut_page(events, "", pacing)
    assert cut_page(events, token, pacing) == (events[1:4], "")


def test_only_events_of_one_timestamp_are_shuffled() -> None:
    pacing = Pacing(seconds=50, window=5)
    turns = schedule_events([event(n) for n in range(51)], begin=0, wall=WALL, pacing=pacing)
    events = [turn.event for turn in turns]
    shuffled = shuffle_windows(events, pacing, 1)
    assert shuffled != events
    assert [e.get("Timestamp") for e in shuffled] == [e.get("Timestamp") for e in events]
    assert sorted(ids(shuffled)) == sorted(ids(events))


def test_a_history_is_old_ordered_and_complete() -> None:
    past = invent_history(STACK_ID, "plldb", 1000)
    assert len({e.event_id for e in past}) == 1000
    assert [e.get("Timestamp") for e in past] == sorted(e.get("Timestamp") for e in past)
    assert past[-1].ends_operation


# --- the behaviour, before a scripted CloudFormation ------------------------------------------------------


class Cloud:
    """One stack whose operations are over at once."""

    def __init__(self) -> None:
        self.events: list[RawEvent] = []
        self.status = ""

    def operate(self, kind: str) -> None:
        number = len(self.events)
        self.events += [
            event(number, f"{kind}_IN_PROGRESS", of_stack=True),
            event(number + 1, f"{kind}_COMPLETE"),
            event(number + 2, f"{kind}_COMPLETE", of_stack=True),
        ]
        self.status = f"{kind}_COMPLETE"

    async def forward(self, call: Call) -> Response:
        if call.operation == "DescribeStackEvents":
            return self._respond(self._members()) if self.events else self._respond("", 400)
        if call.operation == "DescribeStacks":
            gone = self.status in ("", "DELETE_COMPLETE") and call.parameters["StackName"] == "plldb"
            return self._respond("", 400) if gone else self._respond(self._stack())
        self.operate(call.operation.removesuffix("Stack").upper())
        return self._respond(f"<R><StackId>{STACK_ID}</StackId></R>")

    def _members(self) -> str:
        parts = []
        for each in reversed(self.events):
            fields = "".join(f"<{tag}>{text.replace('&', '&amp;')}</{tag}>" for tag, text in each.fields)
            parts.append(f"<member>{fields}</member>")
        return f"<StackEvents>{''.join(parts)}</StackEvents>"

    def _stack(self) -> str:
        outputs = "<Outputs><member><OutputKey>U</OutputKey></member></Outputs>"
        return f"<Stacks><member><StackStatus>{self.status}</StackStatus>{outputs}</member></Stacks>"

    def _respond(self, inner: str, status: int = 200) -> Response:
        body = f'<Answer xmlns="{NAMESPACE}">{inner}</Answer>'.encode()
        return Response(status=status, reason="", headers=(), body=body)


class Client:
    """Asks the cloud through the behaviour."""

    def __init__(self, pacing: Pacing) -> None:
        self.cloud = Cloud()
        self.now = 1000.0
        self.paced = PacedEvents(pacing, lambda: self.now)

    async def ask(self, action: str, **parameters: str) -> Answered:
        form = urlencode({"Action": action, "StackName": "plldb", **parameters}).encode()
        headers = (
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Authorization", "Credential=123456789012/20261123/eu-west-1/cloudformation/aws4_request"),
        )
        call = identify_call(Request(method="POST", target="/", headers=headers, body=form))
        response = await self.paced(call, self.cloud.forward)
        return response.status, ElementTree.fromstring(response.body)

    async def events(self, **parameters: str) -> list[str]:
        _, root = await self.ask("DescribeStackEvents", **parameters)
        return [found.text or "" for found in root.iter(f"{{{NAMESPACE}}}EventId")][::-1]

    async def status(self) -> str:
        status, root = await self.ask("DescribeStacks")
        return root.findtext(f".//{{{NAMESPACE}}}StackStatus", "") if status == 200 else ""


async def test_each_event_becomes_visible_at_its_turn() -> None:
    client = Client(Pacing(seconds=0.4))
    await client.ask("CreateStack")
    seen = [len(await client.events())]
    for _ in range(2):
        client.now += 0.21
        seen.append(len(await client.events()))
    assert seen == [1, 2, 3]
    times = list(client.paced.visible.values())
    assert times[2] - times[0] == pytest.approx(0.4)
    assert times[2] <= client.now


async def test_the_stack_is_in_progress_without_outputs_until_its_last_event_is_visible() -> None:
    client = Client(Pacing(seconds=0.2))
    await client.ask("CreateStack")
    _, root = await client.ask("DescribeStacks")
    assert root.findtext(f".//{{{NAMESPACE}}}StackStatus") == "CREATE_IN_PROGRESS"
    assert root.find(f".//{{{NAMESPACE}}}OutputKey") is None
    client.now += 0.21
    _, root = await client.ask("DescribeStacks")
    assert root.findtext(f".//{{{NAMESPACE}}}StackStatus") == "CREATE_COMPLETE"
    assert root.find(f".//{{{NAMESPACE}}}OutputKey") is not None


async def test_what_the_stack_had_before_is_visible_at_once() -> None:
    client = Client(Pacing(seconds=0.2, history=2))
    client.cloud.operate("CREATE")
    await client.ask("UpdateStack")
    expected = ["history-0000000", "history-0000001", "event-0", "event-1", "event-2", "event-3"]
    assert await client.events() == expected


async def test_a_deleted_stack_is_being_deleted_until_its_last_event_is_visible() -> None:
    client = Client(Pacing(seconds=0.2))
    client.cloud.operate("CREATE")
    await client.ask("DeleteStack")
    assert await client.status() == "DELETE_IN_PROGRESS"
    client.now += 0.21
    assert await client.status() == ""
    assert await client.events() == []
    assert len(await client.events(StackName=STACK_ID)) == 6


async def test_a_busy_stack_refuses_another_operation() -> None:
    client = Client(Pacing(seconds=0.2))
    await client.ask("CreateStack", ClientRequestToken="t")
    await client.events()
    status, root = await client.ask("UpdateStack")
    assert (status, root.findtext(".//Code")) == (400, "ValidationError")
    assert "is in CREATE_IN_PROGRESS state and can not be updated" in root.findtext(".//Message", "")
    status, root = await client.ask("CreateStack", ClientRequestToken="other")
    assert (status, root.findtext(".//Code")) == (400, "AlreadyExistsException")


async def test_a_deletion_interrupts_what_runs() -> None:
    client = Client(Pacing(seconds=0.2))
    await client.ask("CreateStack")
    await client.events()
    await client.ask("DeleteStack")
    await client.events()
    client.now += 0.21
    assert await client.events(StackName=STACK_ID) == ["event-0", "event-3", "event-4", "event-5"]


async def test_pages_are_asked_for_by_token() -> None:
    client = Client(Pacing(page_size=2))
    client.cloud.operate("CREATE")
    _, root = await client.ask("DescribeStackEvents")
    token = root.findtext(f".//{{{NAMESPACE}}}NextToken", "")
    assert await client.events(NextToken=token) == ["event-0"]
