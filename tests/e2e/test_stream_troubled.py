"""However the events come, each is told once and the outcome is right. The library, through the proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plldb import bootstrap
from tests.e2e.holdings import BRISK, collect, read_history, read_stack, stack_events
from tests.support.answers import error, server_error, throttled
from tests.support.behaviours import Answer, Reset, Rule, Truncate, first, fraction, on
from tests.support.events import PacedEvents, Pacing

if TYPE_CHECKING:
    from tests.conftest import OpenClient
    from tests.support.proxy import Proxy

READ = "DescribeStackEvents"

IN_ORDER: dict[str, tuple[Rule, ...]] = {
    "spread_over_time": (on(PacedEvents(Pacing(seconds=0.7)), "cloudformation"),),
    "on_small_pages_that_shift": (on(PacedEvents(Pacing(seconds=0.7, page_size=3)), "cloudformation"),),
    "repeated_on_every_page": (
        on(PacedEvents(Pacing(seconds=0.7, page_size=5, repeat=True, stable_tokens=True)), "cloudformation"),
    ),
    "under_throttling": (
        on(Answer(throttled), READ, when=fraction(0.7, seed=1)),
        on(PacedEvents(Pacing(seconds=0.7)), "cloudformation"),
    ),
    "under_server_errors": (
        on(Answer(server_error), READ, when=fraction(0.5, seed=2)),
        on(PacedEvents(Pacing(seconds=0.7)), "cloudformation"),
    ),
    "over_dropped_connections": (
        on(Reset(), READ, when=fraction(0.5, seed=3)),
        on(PacedEvents(Pacing(seconds=0.7)), "cloudformation"),
    ),
    "with_answers_cut_short": (
        on(Truncate(), READ, when=fraction(0.4, seed=4)),
        on(PacedEvents(Pacing(seconds=0.7)), "cloudformation"),
    ),
    "with_the_answer_to_create_lost": (on(Reset(forward=True), "CreateStack", when=first(1)),),
}
OUT_OF_ORDER = {
    "shuffled_within_an_instant": Pacing(seconds=0.7, window=4, page_size=7),
    "late_between_known_ones": Pacing(seconds=0.7, late_every=5, late_seconds=0.2),
    "late_shuffled_and_repeated": Pacing(
        seconds=0.7, window=3, late_every=4, late_seconds=0.3, page_size=6, repeat=True
    ),
}


@pytest.mark.parametrize("rules", IN_ORDER.values(), ids=IN_ORDER.keys())
async def test_events_are_told_once_each_in_order(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient, rules: tuple[Rule, ...]
) -> None:
    proxy.use(*rules)
    events = await collect(bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK))
    history = await read_history(open_client)
    assert [event.event_id for event in stack_events(events)] == [each["EventId"] for each in history]
    assert events[-1].deployment.websocket_url.startswith("wss://")
    assert (await read_stack(open_client))["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize("more", [(), (on(Reset(forward=True), "CreateStack", when=first(1)),)])
async def test_a_stack_that_is_not_known_yet_is_waited_for_with_a_notice(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient, more: tuple[Rule, ...]
) -> None:
    """The reads may not know it for some seconds, also when the answer to CreateStack was lost."""
    unknown = Answer(lambda call: error(call, 400, "ValidationError", "Stack [plldb] does not exist"))
    proxy.use(
        on(unknown, READ, when=first(4)), on(unknown, "DescribeStacks", when=range(2, 5).__contains__), *more
    )
    events = await collect(bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK))
    notices = {event.reason for event in events if isinstance(event, bootstrap.EventsDelayed)}
    assert notices == {"CloudFormation does not know the stack plldb yet"}
    history = await read_history(open_client)
    assert [event.event_id for event in stack_events(events)] == [each["EventId"] for each in history]
    assert events[-1].deployment.websocket_url.startswith("wss://")
    assert [record.operation for record in proxy.records].count("CreateStack") == 1 + len(more)


@pytest.mark.parametrize("pacing", OUT_OF_ORDER.values(), ids=OUT_OF_ORDER.keys())
async def test_events_that_come_out_of_order_are_told_once_each(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient, pacing: Pacing
) -> None:
    proxy.use(on(PacedEvents(pacing), "cloudformation"))
    events = await collect(bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK))
    told = stack_events(events)
    history = await read_history(open_client)
    assert sorted(event.event_id for event in told) == sorted(each["EventId"] for each in history)
    assert isinstance(events[-1], bootstrap.SetupFinished)


async def test_an_old_stack_with_a_long_history_shows_the_new_events_only(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient
) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    before = await read_history(open_client)
    proxy.use(on(PacedEvents(Pacing(seconds=0.5, history=10_000)), "cloudformation"))
    events = await collect(bootstrap.destroy(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK))
    after = (await read_history(open_client, before[0]["StackId"]))[len(before) :]
    assert [event.event_id for event in stack_events(events)] == [each["EventId"] for each in after]
    # The history has 100 pages; reading it to its beginning once would show here.
    pages = [record for record in proxy.records if record.operation == READ]
    assert not [record for record in pages if "NextToken" in record.target]
    assert events[-1].changed


async def test_throttled_reads_are_told_and_do_not_change_the_outcome(
    aws_env: dict[str, str], proxy: Proxy
) -> None:
    proxy.use(on(Answer(throttled), READ, when=first(6)))
    events = await collect(bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK))
    slowed = [event for event in events if isinstance(event, bootstrap.EventsDelayed)]
    assert len(slowed) >= 5
    assert "Throttling" in slowed[0].reason
    assert events[-1].changed
