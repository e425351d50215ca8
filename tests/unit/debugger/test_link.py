"""Both cores together: whatever the network does, an invocation ends once and is run at most once."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plldb.debugger import wire
from plldb.debugger.agent.actions import NOT_SENT, PERHAPS_SENT, Answer, Connect, Deployed, Post, Ready, Send
from plldb.debugger.agent.core import Core
from plldb.debugger.protocol.arrivals import LATEST_START
from tests.unit.debugger.simulation import (
    START,
    Cloud,
    Connection,
    Laptop,
    Record,
    Weather,
    World,
    size_in_frames,
)

if TYPE_CHECKING:
    from plldb.debugger.agent.actions import Action

pytestmark = pytest.mark.once

weathers = st.builds(
    Weather,
    loss=st.sampled_from([0.0, 0.05, 0.4]),
    repeat=st.sampled_from([0.0, 0.3]),
    forbidden=st.sampled_from([0.0, 0.0, 0.1]),
    delay=st.sampled_from([0.01, 0.25, 4.0]),
)
faults = st.lists(
    st.tuples(
        st.floats(0, 200),
        st.sampled_from(
            [
                "crash",
                "restart",
                "reconnect",
                "close laptop",
                "close agent",
                "network",
                "deaf agent",
                "detach",
            ]
        ),
        st.floats(0, 90),
    ),
    max_size=6,
)
calls = st.lists(
    st.tuples(st.floats(0, 200), st.integers(0, 1), st.sampled_from([0.001, 0.9, 3.5])),
    min_size=1,
    max_size=8,
)


def examples(usual: int) -> settings:
    """How many histories are tried; a long run, once in a while: ``PLLDB_EXAMPLES=3000``."""
    return settings(max_examples=int(os.environ.get("PLLDB_EXAMPLES", usual)), deadline=None)


class History:
    """A run of the simulation: two sandboxes, one laptop, faults at their times."""

    def __init__(
        self, seed: int, weather: Weather, work: tuple[float, float] = (0.0, 2.0), *, some: bool = False
    ) -> None:
        self.some = some
        self.world = World(seed, weather)
        self.records: dict[str, Record] = {}
        self.laptop = Laptop(self.world, self.records, work, ["want=yes"] if some else [])
        self.laptops = [self.laptop]
        if some:
            self.laptops.append(Laptop(self.world, self.records, work, ["want=*e*"]))
        self.clouds = [Cloud(self.world, name, self.records) for name in ("one", "two")]

    def call(self, at: float, place: int, frames: float) -> None:
        body = size_in_frames(frames, self.world.chance)
        if self.some:
            want = self.world.chance.choice(["yes", "no", "other"])
            body = json.dumps({"want": want, "pad": body.hex()}).encode()
        self.world.at(START + at, lambda: self.clouds[place].invoke(body))

    def fault(self, at: float, kind: str, seconds: float) -> None:
        world, laptop = self.world, self.laptops[int(at) % len(self.laptops)]
        cloud = self.clouds[int(seconds) % 2]

        def deaf_agent() -> None:
            if cloud.connection:
                cloud.connection.deaf = True

        def close(connection: Connection | None) -> None:
            if connection:
                world.close(connection)

        does: dict[str, Callable[[], object]] = {
            "crash": cloud.crash,
            "restart": laptop.restart,
            "reconnect": laptop.connect,
            "close laptop": lambda: close(laptop.connection),
            "close agent": lambda: close(cloud.connection),
            "network": lambda: laptop.lose_network(seconds, 2.0),
            "deaf agent": deaf_agent,
            "detach": lambda: laptop.act(laptop.session.detach(now=world.now, wall=world.now)),
        }
        world.at(START + at, lambda: does[kind]())

    def finish(self) -> None:
        # Longer than Lambda lets any of the invocations last, one after the other.
        self.world.run(START + 200 + 9 * 900)

    def check(self, calls: int) -> None:
        assert len(self.records) == calls, "an invocation was never delivered: the one before has no end"
        for laptop, others in zip(self.laptops, (b'"other"', b'"no"'), strict=False):
            assert max(laptop.identities.values(), default=0) <= 1, "run twice"
            assert not self.some or all(others not in body for body in laptop.took), "somebody else's"
        for record in self.records.values():
            assert len(record.ends) == 1
            assert len(record.starts) <= 1
            assert not ("deployed" in record.ends and record.starts), "deployed code and laptop"
            assert all(start - record.delivered <= LATEST_START for start in record.starts)
            if self.some and b'"no"' in record.body:
                assert not record.starts
                assert record.ends in (["deployed"], ["crash"])
            if record.ends == ["response"]:
                assert record.starts
                assert record.result == record.body


@examples(150)
@given(
    seed=st.integers(0, 2**32),
    weather=weathers,
    faults=faults,
    calls=calls,
    slow=st.booleans(),
    some=st.booleans(),
)
def test_an_invocation_ends_once_and_is_run_at_most_once(
    seed: int,
    weather: Weather,
    faults: list[tuple[float, str, float]],
    calls: list[tuple[float, int, float]],
    slow: bool,
    some: bool,
) -> None:
    history = History(seed, weather, work=(0.0, 80.0) if slow else (0.0, 2.0), some=some)
    for call in calls:
        history.call(*call)
    for fault in faults:
        history.fault(*fault)
    history.finish()
    history.check(len(calls))


@examples(60)
@given(seed=st.integers(0, 2**32), calls=calls, slow=st.booleans(), some=st.booleans())
def test_on_a_good_network_the_laptop_answers_every_invocation_that_it_wants(
    seed: int, calls: list[tuple[float, int, float]], slow: bool, some: bool
) -> None:
    history = History(seed, Weather(), work=(0.0, 120.0) if slow else (0.0, 2.0), some=some)
    for call in calls:
        history.call(*call)
    history.finish()
    history.check(len(calls))
    wanted = [record for record in history.records.values() if not some or b'"no"' not in record.body]
    assert all(record.ends == ["response"] for record in wanted)


@examples(100)
@given(
    seed=st.integers(0, 2**32),
    calls=calls,
    outages=st.lists(
        st.tuples(st.floats(0, 20), st.sampled_from(["network", "reconnect", "close agent", "close laptop"])),
        min_size=1,
        max_size=4,
    ),
)
def test_five_seconds_without_network_and_new_connections_cost_no_answer(
    seed: int, calls: list[tuple[float, int, float]], outages: list[tuple[float, str]]
) -> None:
    history = History(seed, Weather(), work=(0.0, 20.0))
    for call in calls:
        history.call(*call)
    for number, (at, kind) in enumerate(outages):
        history.fault(number * 50 + at, kind, 5.0)
    history.finish()
    history.check(len(calls))
    assert not [record for record in history.records.values() if record.ends == ["error"]]


@pytest.mark.parametrize("seconds", [60.0, 600.0])
@examples(25)
@given(seed=st.integers(0, 2**32), at=st.floats(0, 20), frames=st.sampled_from([0.001, 3.5]))
def test_after_a_minute_or_ten_without_network_nothing_was_run_twice_or_late_and_it_goes_on(
    seconds: float, seed: int, at: float, frames: float
) -> None:
    history = History(seed, Weather(), work=(0.0, 20.0))
    history.fault(at, "network", seconds)
    for when in (0.0, at + 1, at + seconds / 2, at + seconds + 100):
        history.call(when, 0, frames)
    history.finish()
    history.check(4)
    *_, last = history.records.values()
    assert last.ends in (["response"], ["deployed"])


def test_posts_of_the_invocation_before_do_not_hold_up_the_deployed_code() -> None:
    """Found by the first test above: the sandbox stood still until Lambda killed it."""
    history = History(8518927, Weather(delay=4.0))
    for at, kind in [(0.0, "reconnect"), (0.0, "detach"), (29.0, "crash"), (29.0, "crash")]:
        history.fault(at, kind, 0.0)
    for at, frames in [(0.0, 0.001), (15.0, 0.001), *[(15.0, 3.5)] * 5]:
        history.call(at, 0, frames)
    history.finish()
    history.check(7)


def test_an_agent_that_is_refused_since_nobody_is_there_connects_again_at_the_next_asking() -> None:
    core = Core(token="t", function="f", sandbox="s", lease=START + 3600, fresh=iter("abcdefgh").__next__)

    def invoke(after: float) -> list[str]:
        now = START + after
        return [type(each).__name__ for each in core.invocation(now, "r", now + 9, {}, b"{}")]

    assert [type(each).__name__ for each in core.start(START)] == ["Connect"]
    (ready,) = core.nobody(START, 1)
    assert isinstance(ready, Ready)
    assert not ready.takes_all
    assert invoke(9.0) == ["Deployed"]
    assert invoke(11.0) == ["Connect"]  # a laptop may have come since
    assert [type(each).__name__ for each in core.opened(START + 11, 2)] == ["Send"]


HEARD = ["its answer", "moved", "another connection", "not for ten minutes", "the sandbox had no network"]
HEARD += ["the API"]


@pytest.mark.parametrize("heard", HEARD)
def test_a_laptop_that_sleeps_costs_a_sandbox_one_invocation_until_it_is_heard_again(heard: str) -> None:
    core = Core(token="t", function="f", sandbox="s", lease=START + 3600, fresh=map(str, range(99)).__next__)

    def welcome(now: float, hello: Action, peer: str) -> list[Action]:
        assert isinstance(hello, Send)
        laptop = {"session": "a", "where": [], "proof": wire.prove("a", "t", []), "peer": peer}
        told = {"t": "welcome", "n": json.loads(hello.text)["n"], "me": "m", "creds": ["k", "s", "t"]}
        return core.received(
            now, 1, json.dumps({**told, "until": START + 3600, "lease": START + 3600, "laptops": [laptop]})
        )

    def invoke(now: float) -> list[Action]:
        return core.invocation(now, "r", now + 99, {}, b"{}")

    core.start(START)
    (hello,) = core.opened(START, 1)
    welcome(START, hello, "at first")
    (post,) = invoke(START)
    assert isinstance(post, Post)
    core.posted(START, post.key, 200)
    if heard == "the API":
        (hello,) = core.tick(START + 16)
        (hello,) = welcome(START + 16, hello, "at first")
        welcome(START + 16, hello, "at first")
    *_, answer = core.tick(START + 60)
    assert isinstance(answer, Answer)
    assert b"Plldb.Disconnected" in answer.body
    *proving, deployed = invoke(START + 61)  # meanwhile a silent link is proved
    assert isinstance(deployed, Deployed)
    for hello in proving:
        welcome(START + 61, hello, "at first")
    assert [type(each) for each in invoke(START + 62)] == [Deployed]
    no = wire.verify(post.frame, {wire.key_id("t"): "t"})[1]["no"]
    match heard:
        case "its answer":
            core.received(START + 63, 1, wire.sign({"t": "heartbeat", "id": "r", "no": no}, "t"))
        case "moved":
            core.received(
                START + 63, 1, wire.sign({"t": "moved", "se": "a", "peer": "p", "at": START + 63}, "t")
            )
        case "the sandbox had no network" | "the API":
            core.closed(START + 63, 1, "reset")
            assert [type(each) for each in invoke(START + 63)] == [Connect, Deployed]
            core.opened(START + 63, 2)
        case _:
            (hello, _) = invoke(START + 630)
            welcome(START + 630, hello, "elsewhere" if heard == "another connection" else "at first")
    asked = invoke(START + {"another connection": 631, "not for ten minutes": 661}.get(heard, 64))
    asks = {"moved": Send, "the sandbox had no network": Send}  # where the laptop is now
    assert isinstance(asked[-1], {**asks, "the API": Deployed}.get(heard, Post))


def posts(to: str, done: list[Action]) -> list[int]:
    """The keys of what goes to one laptop, if nothing else is done."""
    assert [each.peer for each in done if isinstance(each, Post)] == [to] * len(done)
    return [each.key for each in done if isinstance(each, Post)]


def welcome(core: Core, hello: Action, *laptops: tuple[str, list[str], str | None]) -> list[Action]:
    """What an agent does when the API tells it of laptops: session, conditions, connection."""
    assert isinstance(hello, Send)
    named = [
        {"session": session, "where": where, "proof": wire.prove(session, "t", where), "peer": at}
        for session, where, at in laptops
    ]
    told = {"t": "welcome", "n": json.loads(hello.text)["n"], "me": "m", "creds": ["k", "s", "t"]}
    told |= {"until": START + 900, "lease": START + 3600, "laptops": named}
    return core.received(START, 1, json.dumps(told))


@pytest.mark.parametrize("gone", ["closed", "away", "detached", "unreadable", "perhaps closed"])
def test_what_two_take_goes_to_the_second_if_the_first_is_gone_and_has_nothing_of_it(gone: str) -> None:
    core = Core(token="t", function="f", sandbox="s", lease=START + 3600, fresh=map(str, range(99)).__next__)

    def greet(hello: Action, peer: str | None) -> list[Action]:
        """What the agent does once it knows where both are."""
        first = ["of a later version" if gone == "unreadable" else "who=*"]
        return welcome(core, hello, ("a", first, peer), ("b", ["who=b*"], "of b"))

    core.start(START)
    (hello,) = core.opened(START, 1)
    greet(hello, None if gone == "away" else "of a")
    if gone == "detached":
        core.received(START, 1, wire.sign({"t": "detached", "se": "a", "at": START}, "t"))
    body = b'{"who": "boris", "more": "%s"}' % random.Random(0).randbytes(40_000).hex().encode()
    done = core.invocation(START, "r", START + 9, {}, body)
    if "closed" in gone:
        first, *others = posts("of a", done)
        (hello,) = core.posted(START, first, 410)
        assert greet(hello, None) == []  # the other pieces may arrive
        for key in others:
            done = core.posted(START, key, PERHAPS_SENT if gone == "perhaps closed" else 410)
    assert len(posts("of b", done)) == (0 if gone == "perhaps closed" else 2)


def test_the_deployed_code_runs_at_once_if_the_only_laptop_has_left() -> None:
    core = Core(token="t", function="f", sandbox="s", lease=START + 3600, fresh=map(str, range(99)).__next__)
    core.start(START)
    (hello,) = core.opened(START, 1)
    welcome(core, hello, ("a", [], "of a"))
    (key,) = posts("of a", core.invocation(START, "r", START + 9, {}, b"{}"))
    (hello,) = core.posted(START, key, 410)
    (deployed,) = welcome(core, hello)
    assert isinstance(deployed, Deployed)


@pytest.mark.parametrize(("what", "then"), [("closed", Connect), ("moved", Send), ("detached", Deployed)])
def test_a_laptop_that_goes_before_a_refused_frame_is_posted_again_is_asked_for(
    what: str, then: type[Action]
) -> None:
    """Found by the first test above: the sandbox stood still until Lambda killed it."""
    core = Core(token="t", function="f", sandbox="s", lease=START + 3600, fresh=map(str, range(99)).__next__)
    core.start(START)
    (hello,) = core.opened(START, 1)
    welcome(core, hello, ("a", [], "of a"))
    (key,) = posts("of a", core.invocation(START, "r", START + 9, {}, b"{}"))
    assert core.posted(START, key, NOT_SENT) == []
    frame = wire.sign({"t": what, "se": "a", "peer": "elsewhere", "at": START}, "t")
    (done,) = core.closed(START, 1, "") if what == "closed" else core.received(START, 1, frame)
    assert isinstance(done, then)
