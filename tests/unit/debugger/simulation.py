"""Both ends of the link over a network that loses, repeats, delays and reorders; time is simulated.

Everything between the two cores is here: Lambda, which freezes a sandbox after each answer, API Gateway,
whose connections go without a word, and the handlers. One seed gives one history.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec

from plldb.debugger import wire
from plldb.debugger.agent import actions
from plldb.debugger.agent.actions import NOT_SENT, PERHAPS_SENT
from plldb.debugger.agent.core import Core
from plldb.debugger.protocol import decisions
from plldb.debugger.protocol.invocations import Answer, Identity
from plldb.debugger.protocol.session import Session
from tests.support.frames import FUNCTION, TOKEN

P = ParamSpec("P")

START = 1_795_000_000.0


@dataclass(frozen=True)
class Weather:
    """How bad the network is: probabilities, and seconds of delay."""

    loss: float = 0.0
    repeat: float = 0.0
    forbidden: float = 0.0
    delay: float = 0.02


@dataclass
class Connection:
    """One WebSocket of the API; ``deaf``: what is sent to its client arrives nowhere, and nobody knows."""

    id: str
    receive: Callable[[str], None]
    closed: Callable[[], object]
    open: bool = True
    deaf: bool = False


class World:
    """The clock, the API and the handlers."""

    def __init__(self, seed: int, weather: Weather) -> None:
        self.chance = random.Random(seed)
        self.weather = weather
        self.now = START
        self.connections: dict[str, Connection] = {}
        self.laptops: list[Laptop] = []  # as the tables have them
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()

    def fresh(self) -> str:
        return f"{self.chance.getrandbits(64):016x}"

    def at(self, time: float, call: Callable[[], object]) -> None:
        heapq.heappush(self._events, (max(time, self.now), next(self._count), call))

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        self.at(self.now + seconds, call)

    def soon(self, call: Callable[[], object]) -> None:
        self.after(self.chance.uniform(0, self.weather.delay), call)

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, call = heapq.heappop(self._events)
            call()
        self.now = until

    def connect(self, receive: Callable[[str], None], closed: Callable[[], object]) -> Connection:
        connection = Connection(f"c{next(self._count)}=", receive, closed)
        self.connections[connection.id] = connection
        return connection

    def close(self, connection: Connection) -> None:
        """Close at the API; its client hears of it unless it is deaf."""
        if connection.open:
            connection.open = False
            for laptop in self.laptops:
                if laptop.reached_at == connection.id:
                    laptop.reached_at = ""  # the route `$disconnect`
            if not connection.deaf:
                self.soon(connection.closed)

    def push(self, target: str, text: str) -> int:
        """POST to ``@connections``: what AWS answers; the text arrives some time after."""
        connection = self.connections.get(target)
        if connection is None or not connection.open:
            return 410
        if not connection.deaf:
            for _ in range(1 + (self.chance.random() < self.weather.repeat)):
                self.soon(lambda: None if connection.deaf else connection.receive(text))
        return 200

    def post(
        self, target: str, text: str, outcome: Callable[[int], None], *, not_sent: int, perhaps: int
    ) -> None:
        chance, weather = self.chance, self.weather

        def answer(status: int) -> None:
            self.soon(lambda: outcome(status))

        if chance.random() < weather.forbidden:
            answer(403)
        elif chance.random() < weather.loss:
            status = chance.choice([not_sent, perhaps, perhaps, 429, 500, 504])
            if status in (perhaps, 504) and chance.random() < 0.5:
                self.soon(lambda: self.push(target, text))
            answer(status)
        else:
            self.soon(lambda: answer(self.push(target, text)))

    def from_agent(self, connection: Connection, text: str) -> None:
        """The route ``$default``: hello and relay."""
        if not connection.open or connection.deaf or self.chance.random() < self.weather.loss:
            return
        told = json.loads(text)
        if told["action"] == "relay":
            for each in self.laptops:
                if each.name == told["s"]:
                    self.push(each.reached_at, told["d"])
            return
        welcome = {"t": "welcome", "v": 4, "n": told["n"], "me": connection.id, "now": self.now}
        welcome |= {"creds": ["k", "s", "t"], "until": self.now + 900, "lease": START + 86400}
        welcome["laptops"] = [each.as_told for each in self.laptops]
        self.push(connection.id, json.dumps(welcome))


@dataclass
class Record:
    """What became of one delivery of one invocation."""

    body: bytes
    delivered: float
    ends: list[str] = field(default_factory=list)
    ended_at: float = 0.0
    result: bytes = b""
    starts: list[float] = field(default_factory=list)


class Cloud:
    """One place of Lambda: an agent, frozen between invocations, and anew after it crashed."""

    def __init__(self, world: World, name: str, records: dict[str, Record]) -> None:
        self.world = world
        self.name = name
        self.records = records
        self.queue: list[bytes] = []
        self.boot()

    def boot(self) -> None:
        world = self.world
        self.sandbox = world.fresh() * 2
        self.core = Core(
            token=TOKEN, function=FUNCTION, sandbox=self.sandbox, lease=START + 86400, fresh=world.fresh
        )
        self.generation = world.fresh()
        self.frozen = False
        self.held: list[Callable[[], object]] = []
        self.connection: Connection | None = None
        self.current = ""
        self.wake_ups = 0
        self.act(self.core.start(world.now))

    def guard(self, call: Callable[P, object]) -> Callable[P, None]:
        """Let something happen to this process only, and not while it is frozen."""
        generation = self.generation

        def happen(*args: P.args, **kwargs: P.kwargs) -> None:
            if generation != self.generation:
                return
            if self.frozen:
                self.held.append(lambda: call(*args, **kwargs))
            else:
                call(*args, **kwargs)

        return happen

    def act(self, todo: list[actions.Action]) -> None:
        for action in todo:
            self.do(action)
        self.wake_ups += 1
        mine, wake = self.wake_ups, self.core.wake
        if wake is not None:
            tick = self.guard(
                lambda: self.act(self.core.tick(self.world.now)) if mine == self.wake_ups else None
            )
            self.world.at(wake, tick)

    def do(self, action: actions.Action) -> None:
        world, core = self.world, self.core
        match action:
            case actions.Connect():
                self.connect(action.n)
            case actions.Send():
                connection, text = self.connection, action.text
                if connection:
                    world.soon(lambda: world.from_agent(connection, text))
            case actions.Post():
                key = action.key

                def posted(status: int) -> None:
                    self.act(core.posted(world.now, key, status))

                outcome = self.guard(posted)
                world.post(action.peer, action.frame, outcome, not_sent=NOT_SENT, perhaps=PERHAPS_SENT)
            case actions.Ready():
                world.soon(self.guard(self.next))
            case actions.Deployed():
                self.end("deployed", b"")
            case actions.Answer():
                self.end(action.kind, action.body)
            case actions.Say():
                pass

    def connect(self, n: int) -> None:
        world, core = self.world, self.core
        if self.connection:
            self.connection.open = False  # the client drops it: nothing more is read

        receive = self.guard(lambda text: self.act(core.received(world.now, n, text)))
        closed = self.guard(lambda: self.act(core.closed(world.now, n, "closed")))
        if world.chance.random() < world.weather.loss:
            world.after(world.chance.uniform(0, 3), closed)
            return
        if not any(each.reached_at for each in world.laptops):
            world.soon(self.guard(lambda: self.act(core.nobody(world.now, n))))
            return
        self.connection = world.connect(receive, closed)
        world.soon(self.guard(lambda: self.act(core.opened(world.now, n))))

    # --- Lambda ----------------------------------------------------------------------------------------

    def invoke(self, body: bytes) -> None:
        self.queue.append(body)
        if self.frozen:
            self.next()

    def next(self) -> None:
        if not self.queue:
            self.frozen = True
            return
        self.frozen = False
        body = self.queue.pop(0)
        now = self.world.now
        # What came while it was frozen: threads read it before or after the invocation, as it happens.
        held, self.held = self.held, []
        cut = self.world.chance.randint(0, len(held))
        for call in held[:cut]:
            call()
        self.current = f"r{len(self.records)}"
        self.records[self.current] = Record(body, now)
        meta = {
            "headers": [["lambda-runtime-aws-request-id", self.current]],
            "env": {"AWS_LAMBDA_LOG_STREAM_NAME": self.name},
            "delivered": now,
            "deadline": now + 3,
        }
        self.act(self.core.invocation(now, self.current, now + 899, meta, body))
        for call in held[cut:]:
            self.guard(call)()

    def end(self, how: str, result: bytes) -> None:
        assert self.current, f"{how} although there is no invocation"
        record = self.records[self.current]
        record.ends.append(how)
        record.ended_at, record.result = self.world.now, result
        self.current = ""
        self.world.soon(self.guard(self.next))

    def crash(self) -> None:
        if self.current:
            self.end("crash", b"")
        if self.connection:
            self.world.close(self.connection)
        self.boot()


class Laptop:
    """The other end: a session, a connection and a runner that echoes."""

    def __init__(
        self, world: World, records: dict[str, Record], work: tuple[float, float], where: list[str]
    ) -> None:
        self.world = world
        self.where = where
        self.reached_at = ""
        self.took: list[bytes] = []
        world.laptops.append(self)
        self.records = records
        self.work = work
        self.identities: Counter[Identity] = Counter()
        self.connection: Connection | None = None
        self.boot()

    def boot(self) -> None:
        """Start as a new process."""
        self.name = self.world.fresh() * 2
        self.session = Session(name=self.name, tokens={FUNCTION: TOKEN})
        self.wake_ups = 0
        self.working: set[Identity] = set()
        self.connect()

    @property
    def as_told(self) -> dict[str, object]:
        """What the handlers tell a sandbox of it."""
        proof = wire.prove(self.name, TOKEN, self.where)
        return {"session": self.name, "where": self.where, "proof": proof, "peer": self.reached_at or None}

    def connect(self) -> None:
        """Connect, tell the sandboxes, and close the connection before."""
        world, session, before = self.world, self.session, self.connection

        def receive(text: str) -> None:
            if session is self.session:
                self.act(session.received(text, now=world.now, wall=world.now))

        def closed() -> None:
            if self.connection is connection:
                world.after(0.2, lambda: self.connect() if self.connection is connection else None)

        connection = self.connection = world.connect(receive, closed)
        self.reached_at = connection.id
        if before:
            self.act(session.moved(connection.id, now=world.now, wall=world.now))
            if before.open:
                world.after(1.0, lambda: world.close(before))

    def act(self, todo: list[decisions.Decision]) -> None:
        for decision in todo:
            self.do(decision)
        self.wake_ups += 1
        mine, session, wake = self.wake_ups, self.session, self.session.wake_at
        if wake is not None:
            self.world.at(
                wake, lambda: self.tick() if (mine, session) == (self.wake_ups, self.session) else None
            )

    def tick(self) -> None:
        self.act(self.session.tick(now=self.world.now, wall=self.world.now))

    def do(self, decision: decisions.Decision) -> None:
        world, session = self.world, self.session
        match decision:
            case decisions.Post():

                def outcome(status: int) -> None:
                    if session is self.session:
                        self.act(session.posted(decision, status, now=world.now, wall=world.now))

                if self.connection and self.connection.deaf:  # the network of this machine is gone
                    world.after(3.0, lambda: outcome(0))
                else:
                    world.post(decision.connection, decision.frame, outcome, not_sent=0, perhaps=0)
            case decisions.Start(identity=identity, invocation=invocation):
                self.identities[identity] += 1
                self.records[identity.request_id].starts.append(world.now)
                self.took.append(invocation.body)
                self.working.add(identity)
                world.after(
                    world.chance.uniform(*self.work), lambda: self.finish(session, identity, invocation.body)
                )
            case decisions.Cancel(identity):
                self.working.discard(identity)
            case decisions.EndSandbox(sandbox):
                self.working = {one for one in self.working if one.sandbox != sandbox}
            case _:
                pass

    def finish(self, session: Session, identity: Identity, body: bytes) -> None:
        if session is self.session and identity in self.working:
            self.working.discard(identity)
            answer = Answer(kind="response", body=body)
            self.act(session.answered(identity, answer, now=self.world.now, wall=self.world.now))

    def restart(self) -> None:
        if self.connection:
            self.world.close(self.connection)
        self.boot()

    def lose_network(self, seconds: float, noticed: float) -> None:
        """Be deaf for a while; then the connection is found dead and opened anew."""
        lost = self.connection
        if lost is None:
            return
        lost.deaf = True
        self.world.after(max(seconds, noticed), lambda: self.connect() if self.connection is lost else None)


def size_in_frames(frames: float, chance: random.Random) -> bytes:
    """Return a body that takes about so many frames, whatever compression does."""
    return chance.randbytes(int(frames * wire.PIECE * 3 / 4))
