"""One sandbox after the other, one fault at a time: what the session decides."""

from __future__ import annotations

import random
import tracemalloc
from typing import Any, TypeVar

import pytest

from plldb.debugger import wire
from plldb.debugger.protocol.decisions import (
    Cancel,
    Decision,
    Declined,
    Delivered,
    Dropped,
    EndSandbox,
    Post,
    Relayed,
    Start,
)
from plldb.debugger.protocol.invocations import Answer
from plldb.debugger.protocol.session import Session
from tests.support.frames import FUNCTION, SESSION, TOKEN, Agent, join_answer

T = TypeVar("T")

WALL = 1_795_000_000.0
LARGE = random.Random(1).randbytes(300_000)  # 15 pieces
OTHER_TOKEN = "b8" * 32


class Desk:
    """A session and a clock."""

    def __init__(self, **limits: int) -> None:
        self.session = Session(name=SESSION, tokens={FUNCTION: TOKEN, "payments": OTHER_TOKEN}, **limits)
        self.now = 1000.0
        self.log: list[Decision] = []

    @property
    def times(self) -> dict[str, float]:
        return {"now": self.now, "wall": WALL + self.now - 1000}

    def take(self, decisions: list[Decision]) -> list[Decision]:
        self.log += decisions
        return decisions

    def receive(self, *frames: str) -> list[Decision]:
        return [one for frame in frames for one in self.take(self.session.received(frame, **self.times))]

    def answer(self, start: Start, body: bytes = b'"done"') -> list[Decision]:
        answer = Answer(kind="response", headers=(("Content-Type", "application/json"),), body=body)
        return self.take(self.session.answered(start.identity, answer, **self.times))

    def settle(self, decisions: list[Decision], status: int = 200) -> list[Decision]:
        """Let all posts end like this, and those that follow from them."""
        told = list(decisions)
        waiting = find(decisions, Post)
        while waiting:
            more = self.take(self.session.posted(waiting.pop(0), status, **self.times))
            told += more
            waiting += find(more, Post)
        return told

    def wait(self, seconds: float) -> list[Decision]:
        """Let time pass, with a tick whenever one is due."""
        until, told = self.now + seconds, list[Decision]()
        while (due := self.session.wake_at) is not None and due <= until:
            self.now = max(self.now, due)
            told += self.settle(self.take(self.session.tick(**self.times)))
        self.now = until
        return told


def find(decisions: list[Decision], kind: type[T]) -> list[T]:
    return [one for one in decisions if isinstance(one, kind)]


def told(agent: Agent, decisions: list[Decision]) -> list[dict[str, Any]]:
    posts = find(decisions, Post)
    return [agent.read(post.frame) for post in posts if post.connection == agent.connection]


def kinds(agent: Agent, decisions: list[Decision]) -> list[str]:
    return [each["t"] for each in told(agent, decisions)]


def reason(decisions: list[Decision]) -> str:
    (dropped,) = decisions
    assert isinstance(dropped, Dropped)
    return dropped.reason


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def agent() -> Agent:
    return Agent(now=WALL)


def start(desk: Desk, agent: Agent, body: bytes = b"{}") -> Start:
    (started,) = find(desk.settle(desk.receive(*agent.invocation(body))), Start)
    return started


class TestAnInvocation:
    def test_is_accepted_started_and_answered(self, desk: Desk, agent: Agent) -> None:
        decisions = desk.receive(*agent.invocation(b'{"a": 1}'))
        assert not kinds(agent, [*decisions, *desk.wait(0.9)])  # an answer as quick as that says so itself
        assert kinds(agent, desk.wait(0.2)) == ["accepted"]
        (started,) = find(decisions, Start)
        assert started.function == FUNCTION
        assert started.invocation.body == b'{"a": 1}'
        answered = desk.settle(desk.answer(started))
        assert join_answer(told(agent, answered)) == (
            {"kind": "response", "headers": [["content-type", "application/json"]]},
            b'"done"',
        )
        assert find(answered, Delivered) == [Delivered(identity=started.identity, complete=True)]

    def test_contributes_only_what_is_on_the_lists(self, desk: Desk, agent: Agent) -> None:
        invocation = start(desk, agent).invocation
        assert dict(invocation.environment).keys() == {"AWS_ACCESS_KEY_ID", "AWS_LAMBDA_LOG_STREAM_NAME"}
        assert dict(invocation.headers).keys() == {
            "lambda-runtime-aws-request-id",
            "lambda-runtime-deadline-ms",
        }

    def test_shows_no_secret_when_it_is_printed(self, desk: Desk, agent: Agent) -> None:
        shown = repr(start(desk, agent, b'{"password": "hunter2"}')) + repr(desk.log)
        assert "hunter2" not in shown
        assert "AKIA" not in shown
        assert TOKEN not in shown

    def test_starts_once_however_often_its_pieces_come(self, desk: Desk, agent: Agent) -> None:
        frames = agent.invocation(LARGE) * 2
        random.Random(3).shuffle(frames)
        decisions = desk.receive(*frames, *agent.invocation(LARGE))
        assert len(find(decisions, Start)) == 1
        assert set(kinds(agent, decisions)) == {"accepted"}

    def test_that_comes_again_after_its_answer_gets_the_answer_again(self, desk: Desk, agent: Agent) -> None:
        desk.settle(desk.answer(start(desk, agent, LARGE), LARGE))
        again = desk.settle(desk.receive(*agent.invocation(LARGE)))
        assert not find(again, Start)
        assert join_answer(told(agent, again))[1] == LARGE

    @pytest.mark.parametrize(("answer", "complete"), [(b'"done"', True), (LARGE * 5, False)])
    def test_answered_just_before_the_next_one_comes_has_its_answer_if_all_of_it_was_sent(
        self, desk: Desk, agent: Agent, answer: bytes, complete: bool
    ) -> None:
        started = start(desk, agent)
        desk.answer(started, answer)  # the outcome of the posts is not known yet
        agent.next()
        decisions = desk.receive(*agent.invocation())
        assert find(decisions, Delivered) == [Delivered(identity=started.identity, complete=complete)]

    def test_retried_by_lambda_is_another_one(self, desk: Desk, agent: Agent) -> None:
        desk.settle(desk.answer(start(desk, agent)))
        agent.next(request_id=agent.request_id)
        assert start(desk, agent)

    def test_that_was_overtaken_by_the_next_one_is_not_started(self, desk: Desk, agent: Agent) -> None:
        late = agent.invocation(LARGE)
        desk.receive(*late[:-1])
        agent.next()
        started = start(desk, agent)
        assert reason(desk.receive(late[-1])) == "of an invocation that is over"
        assert desk.session.running == (started.identity,)

    def test_still_running_when_the_next_one_comes_is_cancelled(self, desk: Desk, agent: Agent) -> None:
        orphan = start(desk, agent)
        agent.next()
        decisions = desk.receive(*agent.invocation())
        assert find(decisions, Cancel) == [Cancel(orphan.identity)]
        assert isinstance(decisions[0], Cancel)
        assert reason(desk.answer(orphan)) == "answer that nobody waits for"

    def test_that_damages_its_meta_is_an_error_for_its_caller(self, desk: Desk, agent: Agent) -> None:
        decisions = desk.settle(desk.receive(*agent.invocation(meta={"headers": [], "env": {}})))
        assert not find(decisions, Start)
        assert join_answer(told(agent, decisions))[0]["kind"] == "error"


class TestAge:
    @pytest.mark.parametrize(("skew", "age", "runs"), [(0, 29, True), (0, 31, False), (3600, 29, True)])
    def test_nothing_starts_30_s_after_it_was_delivered(
        self, desk: Desk, agent: Agent, skew: float, age: float, runs: bool
    ) -> None:
        desk.session.set_clock(skew)
        agent.now = WALL + skew - age
        decisions = desk.settle(desk.receive(*agent.invocation()))
        assert bool(find(decisions, Start)) == runs
        if not runs:
            meta, body = join_answer(told(agent, decisions))
            assert meta["kind"] == "error"
            assert b'"errorType":"Plldb.TooLate"' in body
            assert "31 s ago" in find(decisions, Declined)[0].reason

    def test_frames_kept_by_somebody_start_nothing_after_the_sandbox_is_forgotten(
        self, desk: Desk, agent: Agent
    ) -> None:
        frames = agent.invocation()
        desk.settle(desk.answer(next(iter(find(desk.settle(desk.receive(*frames)), Start)))))
        assert find(desk.wait(901), EndSandbox)
        assert not find(desk.receive(*frames), Start)


class TestWhoSpeaks:
    def test_functions_are_told_apart_by_their_tokens(self, desk: Desk, agent: Agent) -> None:
        other = Agent(now=WALL, token=OTHER_TOKEN, function="payments", connection="Other=")
        first, second = start(desk, agent), start(desk, other)
        assert (first.function, second.function) == (FUNCTION, "payments")
        assert find(desk.log, EndSandbox) == []
        assert kinds(other, desk.settle(desk.answer(second))) == ["answer"]

    @pytest.mark.parametrize(
        ("forged", "why"),
        [
            ({"token": "c9" * 32}, "unknown key"),
            ({"function": "payments"}, "token of another function"),
            ({"connection": "../../evil"}, "from is malformed"),
            ({"connection": ""}, "from is malformed"),
            ({"request_id": "a b"}, "id is malformed"),
            ({"sandbox": "A" * 65}, "sb is malformed"),
            ({"number": 0}, "of an invocation that is over"),
            ({"number": 1.5}, "seq is not int"),
            ({"now": float("1e300")}, "at is not a time"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_cannot_be_is_dropped(
        self, desk: Desk, agent: Agent, forged: dict[str, Any], why: str
    ) -> None:
        for name, value in forged.items():
            setattr(agent, name, value)
        assert reason(desk.receive(*agent.invocation(meta={}))) == why

    def test_ten_thousand_frames_of_nobody_leave_nothing_behind(self, desk: Desk, agent: Agent) -> None:
        stranger = Agent(now=WALL, token="c9" * 32)
        tracemalloc.start()
        for number in range(2_100):
            stranger.sandbox = f"{number:x}"
            (frame,) = stranger.invocation()
            for each in (frame, "plldb4 x y z", "[" * 999, frame[:-1], "{}"):
                (dropped,) = desk.session.received(each, **desk.times)
                assert isinstance(dropped, Dropped)
            if number == 100:  # what is made once is there
                before = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert grown < 20_000, "bytes; 2 for each frame"
        assert desk.session.wake_at is None, "nothing is known of them"
        assert start(desk, agent)

    @pytest.mark.parametrize("kind", ["accepted", "heartbeat", "answer", "later"])
    def test_a_message_of_the_other_direction_or_a_later_version_is_ignored(
        self, desk: Desk, agent: Agent, kind: str
    ) -> None:
        assert reason(desk.receive(agent.frame(kind, i=0, of=1, z=0, d=""))) == "unknown type"

    def test_an_invocation_for_a_session_before_this_one_is_not_run(self, desk: Desk, agent: Agent) -> None:
        agent.session = "0d" * 16
        decisions = desk.receive(*agent.invocation(LARGE))
        assert kinds(agent, decisions) == ["unknown"]
        assert not find(decisions, Start)
        assert kinds(agent, desk.receive(agent.frame("resume", have=[]))) == ["unknown"]

    def test_a_new_process_in_the_same_sandbox_ends_the_one_before(self, desk: Desk, agent: Agent) -> None:
        before = start(desk, agent)
        anew = Agent(now=WALL, sandbox="cd" * 16, connection="Anew=")
        decisions = desk.receive(*anew.invocation())
        assert find(decisions, EndSandbox) == [EndSandbox(before.identity.sandbox)]
        agent.next()
        assert kinds(agent, desk.receive(*agent.invocation())) == ["unknown"]
        assert len(desk.session.running) == 1

    def test_that_frames_are_relayed_is_told_once(self, desk: Desk, agent: Agent) -> None:
        frames = [agent.frame("resume", have=[], via="relay"), agent.frame("resume", have=[], via="relay")]
        start(desk, agent)
        assert find(desk.receive(*frames), Relayed) == [Relayed(FUNCTION)]


class TestSilence:
    def test_a_heartbeat_every_10_s_while_it_is_in_hand(self, desk: Desk, agent: Agent) -> None:
        started = start(desk, agent)
        assert kinds(agent, desk.wait(35)) == ["accepted", "heartbeat", "heartbeat", "heartbeat"]
        desk.settle(desk.answer(started))
        assert kinds(agent, desk.wait(35)) == []

    def test_while_its_pieces_come_and_no_longer(self, desk: Desk, agent: Agent) -> None:
        told: list[str] = []
        for frame in agent.invocation(LARGE)[:3]:
            desk.receive(frame)
            told += kinds(agent, desk.wait(9))
        assert told == ["heartbeat"] * 2
        assert kinds(agent, desk.wait(60)) == [], "then it is to send what is missing"

    def test_resume_tells_that_it_runs(self, desk: Desk, agent: Agent) -> None:
        start(desk, agent)
        assert kinds(agent, desk.receive(agent.frame("resume", have=[]))) == ["heartbeat"]

    def test_resume_brings_the_pieces_that_are_missing(self, desk: Desk, agent: Agent) -> None:
        desk.settle(desk.answer(start(desk, agent), LARGE))
        decisions = desk.settle(desk.receive(agent.frame("resume", have=[0, 2, 3, 7])))
        assert sorted(each["i"] for each in told(agent, decisions)) == [1, 4, 5, 6, *range(8, 15)]

    def test_resume_for_what_is_not_known(self, desk: Desk, agent: Agent) -> None:
        assert kinds(agent, desk.receive(agent.frame("resume", have=[]))) == ["unknown"]

    def test_an_answer_is_forgotten_two_minutes_after_the_last_word(self, desk: Desk, agent: Agent) -> None:
        started = start(desk, agent)
        desk.wait(600)  # at a breakpoint; the sandbox says nothing while it hears heartbeats
        desk.settle(desk.answer(started), 410)
        desk.wait(119)
        assert desk.session.in_hand
        assert find(desk.wait(2), Delivered) == [Delivered(identity=started.identity, complete=False)]
        assert kinds(agent, desk.receive(agent.frame("resume", have=[]))) == ["unknown"]
        assert not find(desk.receive(*agent.invocation()), Start)

    def test_nothing_is_left_to_do_after_a_while(self, desk: Desk, agent: Agent) -> None:
        desk.settle(desk.answer(start(desk, agent)))
        desk.wait(901)
        assert desk.session.wake_at is None


class TestConnections:
    def test_answers_go_where_the_sandbox_was_last(self, desk: Desk, agent: Agent) -> None:
        started = start(desk, agent)
        late = agent.frame("resume", have=[])
        agent.connection = "Moved="
        desk.receive(agent.frame("resume", have=[]))
        desk.receive(late)
        assert {post.connection for post in find(desk.answer(started), Post)} == {"Moved="}

    def test_after_410_the_answer_waits_for_the_next_word(self, desk: Desk, agent: Agent) -> None:
        started = start(desk, agent)
        assert not find(desk.settle(desk.answer(started, LARGE), 410), Delivered)
        assert kinds(agent, desk.wait(30)) == []
        agent.connection = "Anew="
        decisions = desk.settle(desk.receive(agent.frame("resume", have=[])))
        assert join_answer(told(agent, decisions))[1] == LARGE

    def test_64_pieces_at_a_time(self, desk: Desk, agent: Agent) -> None:
        posts = find(desk.answer(start(desk, agent), LARGE * 5), Post)
        assert len(posts) == 64
        assert len(desk.session.posted(posts[0], 200, **desk.times)) == 1

    def test_8_pieces_at_a_time_once_a_network_was_too_slow_for_64(self, desk: Desk, agent: Agent) -> None:
        posts = find(desk.answer(start(desk, agent), LARGE * 5), Post)
        for post in posts:
            assert desk.session.posted(post, 0, **desk.times) == []
        desk.now += 0.3  # they count as one failure
        assert len(find(desk.session.tick(**desk.times), Post)) == 8

    @pytest.mark.parametrize("status", [0, 403, 429, 500])
    def test_a_piece_that_failed_is_posted_again_after_a_pause(
        self, desk: Desk, agent: Agent, status: int
    ) -> None:
        (post,) = find(desk.answer(start(desk, agent)), Post)
        assert desk.session.posted(post, status, **desk.times) == []
        assert desk.session.wake_at == pytest.approx(desk.now + 0.2)
        decisions = desk.wait(1)
        assert kinds(agent, decisions) == ["answer"]
        assert find(decisions, Delivered)

    def test_the_outcome_of_a_post_of_before_counts_for_nothing(self, desk: Desk, agent: Agent) -> None:
        old = find(desk.answer(start(desk, agent), LARGE), Post)
        agent.connection = "Anew="
        desk.receive(agent.frame("resume", have=[]))
        assert [desk.session.posted(post, 410, **desk.times) for post in old] == [[]] * 15
        assert find(desk.session.moved("mine=", **desk.times), Post)

    def test_all_are_told_of_this_machines_new_connection(self, desk: Desk, agent: Agent) -> None:
        other = Agent(now=WALL, sandbox="cd" * 16, connection="Other=", log_stream="two")
        start(desk, agent)
        start(desk, other)
        decisions = desk.session.moved("mine=", **desk.times)
        for one in (agent, other):
            assert [(each["t"], each["peer"]) for each in told(one, decisions)] == [("moved", "mine=")]

    def test_what_is_told_later_has_a_later_time_even_if_the_clock_goes_back(
        self, desk: Desk, agent: Agent
    ) -> None:
        start(desk, agent)
        first = desk.session.moved("a=", now=desk.now, wall=WALL)
        second = desk.session.moved("b=", now=desk.now, wall=WALL - 3600)
        assert told(agent, first)[0]["at"] < told(agent, second)[0]["at"]


class TestDetaching:
    def test_no_more_invocations_but_those_under_way_are_answered(self, desk: Desk, agent: Agent) -> None:
        other = Agent(now=WALL, sandbox="cd" * 16, connection="Other=", log_stream="two")
        started = start(desk, agent)
        assert kinds(agent, desk.take(desk.session.detach(**desk.times))) == ["detached"]
        decisions = desk.settle(desk.receive(*other.invocation()))
        assert not find(decisions, Start)
        assert b"Plldb.Detached" in join_answer(told(other, decisions))[1]
        assert kinds(agent, desk.settle(desk.answer(started))) == ["answer"]
        assert desk.session.in_hand == ()

    def test_one_that_is_given_up_answers_what_runs_and_what_has_arrived_in_part(
        self, desk: Desk, agent: Agent
    ) -> None:
        other = Agent(now=WALL, sandbox="cd" * 16, connection="Other=", log_stream="two")
        started = start(desk, agent)
        desk.receive(other.invocation(LARGE)[0])
        decisions = desk.settle(desk.take(desk.session.abandon(**desk.times)))
        for each in (agent, other):
            assert kinds(each, decisions) == ["detached", "answer"]
            assert b"Plldb.Detached" in join_answer(told(each, decisions))[1]
        assert find(desk.answer(started), Post) == []
        assert desk.session.in_hand == ()


class TestMemory:
    def test_an_answer_that_cannot_travel_is_lambdas_own_error(self, desk: Desk, agent: Agent) -> None:
        decisions = desk.settle(desk.answer(start(desk, agent), b"a" * (wire.BODY_LIMIT + 1)))
        meta, body = join_answer(told(agent, decisions))
        assert meta["kind"] == "error"
        assert b"Function.ResponseSizeTooLarge" in body

    def test_invocations_under_way_have_a_limit(self, agent: Agent) -> None:
        desk = Desk(incoming_limit=100_000)
        decisions = desk.settle(desk.receive(*agent.invocation(LARGE)))
        assert not find(decisions, Start)
        assert b"Plldb.Overloaded" in join_answer(told(agent, decisions))[1]
        agent.next()
        assert start(desk, agent)

    def test_the_oldest_of_the_answers_that_were_posted_goes_first(self) -> None:
        desk = Desk(kept_limit=1_000_000)
        agents = [Agent(now=WALL, sandbox=f"{n:032x}", log_stream=str(n)) for n in range(3)]
        for agent in agents:
            desk.settle(desk.answer(start(desk, agent), LARGE))
            desk.now += 1
        again = [kinds(one, desk.receive(one.frame("resume", have=[]))) for one in agents]
        assert again == [["unknown"], ["answer"] * 15, ["answer"] * 15]

    def test_two_hundred_of_a_sandbox_take_the_memory_of_one(self, desk: Desk, agent: Agent) -> None:
        tracemalloc.start()
        for number in range(200):
            desk.settle(desk.answer(start(desk, agent, LARGE[:20_000]), LARGE[:20_000]))
            agent.next()
            desk.log.clear()
            if number == 20:
                before = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert grown < 100_000, "bytes; they had 3.6 MB, and their answers as much"
