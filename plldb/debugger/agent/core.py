"""What the agent decides: invocations, frames and failures in, actions out. Pure.

It knows no socket and no clock. Each input takes ``now`` (epoch seconds: the wall clock goes on while a
sandbox is frozen) and returns the actions to be carried out, in order; `Core.wake` says when `tick` is due.

The rule that everything here serves: the deployed code may be chosen only while no frame of the invocation
can have been delivered; afterwards the invocation ends with an answer or a function error, once.

Python 3.9, and no import that is slow: this runs in a cold start.
"""

from __future__ import annotations

from plldb.debugger import wire
from plldb.debugger.agent.actions import PARALLEL, Answer, Deployed, Post, Ready, Say, Send
from plldb.debugger.agent.link import FIRST_LINK, LATER_LINK, Link
from plldb.debugger.agent.run import ACCEPTED, GIVEN_UP, RESUME, Run, pick, read_answer

DISCONNECTED_AFTER = 60.0
"""Seconds without a word from the laptop after which an invocation ends with a function error."""

RESUME_AFTER = 15.0
"""Seconds of silence after which the laptop is asked. Its heartbeat comes every 10 s."""

ASK_WHERE = 3.0
"""Seconds without `accepted` after which the laptop's connection is asked for: it may have another by now."""

SPARE = 1.0
"""Seconds before the sandbox is killed at which the invocation is ended."""


class Core:
    """The agent's state. ``lease`` is in epoch seconds; ``fresh`` returns another random text each time."""

    def __init__(self, *, token: str, function: str, sandbox: str, lease: float, fresh: Fresh) -> None:
        self.wake: float | None = None
        self.dropped = 0  # frames that were not the laptop's, or not right
        self._token = token
        self._tokens = {wire.key_id(token): token}
        self._function = function
        self._sandbox = sandbox
        self._fresh = fresh
        self._out: list[Action] = []
        self._link = Link(token, lease, fresh, self._out.append)
        self._run: Run | None = None
        self._question: tuple[float, float] | None = None  # since when and by when: is a laptop there?
        self._starting = False
        self._runs = 0
        self._keys = 0
        self._flying: dict[int, tuple[str, int, str]] = {}  # nonce, number of the piece, to whom

    @property
    def attached(self) -> bool:
        """Whether a laptop is attached, as far as is known."""
        return self._link.attached

    # What happens.

    def start(self, now: float) -> list[Action]:
        """Ask for the first time whether a laptop is attached; `Ready` tells the answer."""
        self._starting = True
        self._question = (now, now + FIRST_LINK)
        return self._step(now)

    def passes(self, now: float) -> bool:
        """Return whether any invocation is the deployed code's: nobody is known, nor to be asked for."""
        if self._link.laptops or self._out or self._link.reach(now, None) is not False:
            return False
        self._runs += 1
        return True

    def invocation(
        self, now: float, rid: str, deadline: float, meta: dict[str, object], body: bytes
    ) -> list[Action]:
        """Decide one invocation. ``deadline`` is when the sandbox is killed, in epoch seconds."""
        self._runs += 1
        run = Run(now, rid, self._fresh(), self._runs, deadline, now + LATER_LINK, body)
        if self._choose_laptop(now, run) is False or self._link.reach(now, run.laptop) is False:
            self._keep_ready(now)
            out = [*self._out, Deployed()]  # at once, and nothing is packed in vain
            self._out.clear()
            return out
        try:
            run.z, run.pieces = wire.split(meta, body)
        except wire.WireError:
            return [Deployed()]
        run.todo = list(range(len(run.pieces)))
        self._run = run
        self._question = (now, run.limit)
        return self._step(now)

    def opened(self, now: float, n: int) -> list[Action]:
        """Connection ``n`` is open."""
        if n == self._link.n:
            self._link.opened(now)
            for laptop in self._link.laptops or ():
                laptop.reconnected()
            if self._run is not None:
                self._run.catch_up = self._run.is_sent  # the old one may have lost something
        return self._step(now)

    def nobody(self, now: float, n: int) -> list[Action]:
        """Connection ``n`` was refused, since no laptop is attached."""
        if n == self._link.n:
            self._link.unattended(now, due=self._run is not None and self._run.is_sent)
        return self._step(now)

    def closed(self, now: float, n: int, why: str) -> list[Action]:
        """Connection ``n`` could not be opened, or was closed. ``why`` goes to the log."""
        if n == self._link.n:
            self._link.closed(now, why)
        return self._step(now)

    def received(self, now: float, n: int, text: str) -> list[Action]:
        """A text came through connection ``n``."""
        if n == self._link.n and self._link.state == "open":
            self._link.heard(now)
            try:
                if text.startswith("plldb"):
                    self._told(now, wire.verify(text, self._tokens)[1])
                else:
                    self._answered(now, wire.from_json(text))
            except wire.WireError:
                self.dropped += 1
        return self._step(now)

    def posted(self, now: float, key: int, status: int) -> list[Action]:
        """A POST has ended: an HTTP status, `NOT_SENT` or `PERHAPS_SENT`."""
        no, i, peer = self._flying.pop(key, ("", 0, ""))
        if status in (403, 410):
            self._link.shut_out(now, peer, status)
        if self._run is not None and self._run.no == no:
            self._run.posted(now, i, status)
            if not self._run.is_sent:
                self._try_again(now, self._run, status)
        return self._step(now)

    def tick(self, now: float) -> list[Action]:
        """Time has passed."""
        return self._step(now)

    # What follows from it.

    def _step(self, now: float) -> list[Action]:
        self.wake, run = None, self._run
        if run is not None and run.is_sent:
            self._question = None
        elif run is not None and self._question is None and self._is_lost(run):
            self._try_again(now, run, 410)  # as if a frame had been refused now
        if self._question is not None:
            self._ask(now, *self._question)
        if self._run is not None and self._run.is_sent:
            self._hold(now, self._run)
        if self._run is not None and self._question is None:
            was_sent = self._run.is_sent
            self._pump(now, self._run)
            if self._run.is_sent and not was_sent:  # relayed: no outcome of a POST will come
                self._hold(now, self._run)
        out = self._out[:]
        self._out.clear()
        return out

    def _ask(self, now: float, since: float, by: float) -> None:
        run, known = self._run, self._link.laptops or []
        wanted = run is None or self._choose_laptop(now, run)
        reached = wanted and self._link.reach(now, run.laptop if run else next(iter(known), None))
        if reached is None and now >= by:
            if self._link.is_old(since):
                # It does not answer: its other end may have forgotten it.
                self._link.connect(now)
                by = now + LATER_LINK
                self._question = (now, by)
            else:
                self._link.unanswered(now)
                reached = False
        if reached is None:
            self._at(by)
            return
        self._question = None
        if self._starting:
            self._starting = False
            self._out.append(Ready(bool(reached) and not any(each.where for each in known)))
        elif run is not None and not reached and not self._may_have(run):  # else when its fate is known
            run.give_up()
            self._choose_deployed(run)

    def _choose_laptop(self, now: float, run: Run) -> bool:
        """Find out which laptop takes an event; return False if none does, as far as is known."""
        laptops = self._link.laptops or []
        if not self._may_have(run) and (laptop := pick(laptops, run, now)) is not run.laptop:
            run.laptop, run.todo = laptop, list(range(len(run.pieces)))
        return not laptops or run.laptop is not None

    def _may_have(self, run: Run) -> bool:
        """Return whether a laptop may have something of an invocation, or get what is on its way."""
        # What of the invocation before is still on its way has no say in it.
        return run.is_sent or any(no == run.no for no, _, _ in self._flying.values())

    def _is_lost(self, run: Run) -> bool:
        """Return whether no laptop has anything of an invocation, and its own has gone meanwhile."""
        there = run.laptop is not None and run.laptop.there and self._link.greeted
        return not there and not self._may_have(run)

    def _keep_ready(self, now: float) -> None:
        """Use an invocation of the deployed code for a link that has been silent: nobody waits for it."""
        for each in self._link.laptops or ():
            self._link.reach(now, each)

    def _choose_deployed(self, run: Run) -> None:
        # What is on its way may still arrive: the choice has to wait for its fate.
        if run.state == GIVEN_UP and not self._may_have(run):
            self._run = None
            self._out.append(Deployed())

    def _hold(self, now: float, run: Run) -> None:
        """Keep the link up while an answer is due, and end what takes too long."""
        if now >= run.deadline - SPARE:
            text = "No answer from the developer's machine before Lambda's own limit."
            self._fail(run, "Plldb.Timeout", text)
        elif now - run.heard >= DISCONNECTED_AFTER:
            if run.laptop is not None:
                alone = self._link.was_heard_since(run.heard + RESUME_AFTER)
                run.laptop.fall_silent(now, run.no, alone=alone)
            text = f"Nothing was heard from the developer's machine for {DISCONNECTED_AFTER:.0f} s."
            self._fail(run, "Plldb.Disconnected", text)
        else:
            self._greet(now, run)
            self._wake_for(run, self._link.keep(now))
            if run.catch_up and self._link.is_ready(run.laptop) and now >= run.retry_at:
                self._catch_up(now, run)

    def _greet(self, now: float, run: Run) -> None:
        """Ask where the laptop is, if it should have been heard by now."""
        if now - max(run.heard, run.asked) >= RESUME_AFTER:
            run.catch_up, run.asked = True, now
            self._link.greet(now)  # this end may be the one that hears nothing any more
        elif run.state != ACCEPTED and now - run.greeted >= ASK_WHERE:
            run.greeted = now
            self._link.greet(now)

    def _wake_for(self, run: Run, link: float | None) -> None:
        """Wake for whatever is next of what `_hold` does; ``link`` is when its link is to be looked at."""
        self._at(run.deadline - SPARE)
        self._at(run.heard + DISCONNECTED_AFTER)
        self._at(max(run.heard, run.asked) + RESUME_AFTER)
        if run.state != ACCEPTED:
            self._at(run.greeted + ASK_WHERE)
        if link is not None:
            self._at(link)

    def _catch_up(self, now: float, run: Run) -> None:
        run.catch_up, run.asked = False, now
        if run.state == ACCEPTED:
            self._post(now, run, RESUME, {"t": "resume", "have": run.answer.have if run.answer else []})
        else:
            flying = [i for no, i, _ in self._flying.values() if no == run.no]
            run.todo = [i for i in range(len(run.pieces)) if i not in flying]

    def _pump(self, now: float, run: Run) -> None:
        if run.state == GIVEN_UP:
            return
        if now < run.retry_at:
            self._at(run.retry_at)
            return
        while run.todo and self._link.is_ready(run.laptop) and len(self._flying) < PARALLEL:
            i = run.todo.pop(0)
            message = {"t": "invocation", "i": i, "of": len(run.pieces), "z": run.z, "d": run.pieces[i]}
            self._post(now, run, i, message)

    def _post(self, now: float, run: Run, i: int, message: dict[str, object]) -> None:
        link, laptop = self._link, run.laptop
        if laptop is None:
            return
        message.update(sb=self._sandbox, id=run.id, no=run.no, seq=run.number, se=laptop.session)
        message.update(at=now, fn=self._function)
        message["from"] = link.me
        if laptop.relay:
            message["via"] = "relay"
        frame = wire.sign(message, self._token)
        if laptop.relay:
            run.send(now)
            relay = {"action": "relay", "v": wire.VERSION, "k": self._token, "s": laptop.session, "d": frame}
            self._out.append(Send(wire.to_json(relay)))
        elif laptop.peer is not None:
            self._keys += 1
            self._flying[self._keys] = (run.no, i, laptop.peer)
            self._out.append(Post(self._keys, laptop.peer, link.creds, frame))

    def _try_again(self, now: float, run: Run, status: int) -> None:
        if status in (403, 410) and run.questions < 3:
            run.questions += 1
            run.limit = now + LATER_LINK
        if now >= run.limit:
            run.give_up()
        self._choose_deployed(run)
        if self._run is run and run.state != GIVEN_UP:
            self._question = (now, run.limit)

    # What the API and the laptop say.

    def _answered(self, now: float, message: dict[str, object]) -> None:
        run, link = self._run, self._link
        due = run.laptop if run is not None and run.is_sent else None
        before = (link.me, due.peer if due else None)
        if link.answered(now, message, due) and run is not None and due and before != (link.me, due.peer):
            run.catch_up = True

    def _told(self, now: float, message: dict[str, object]) -> None:
        kind, run = message.get("t"), self._run
        for laptop in self._link.laptops or ():
            laptop.speak(message)
        if kind in ("moved", "detached"):
            self._link.rerouted(now, message)
        elif run is None or message.get("id") != run.id or message.get("no") != run.no:
            return
        elif kind in ("accepted", "heartbeat", "answer", "unknown"):
            run.send(now)
            if kind == "accepted":
                run.accept()
            elif kind == "answer":
                self._collect(run, message)
            elif kind == "unknown":
                text = "The developer's machine no longer knows this invocation."
                self._fail(run, "Plldb.Disconnected", text)

    def _collect(self, run: Run, message: dict[str, object]) -> None:
        pieces = run.collect(message)
        if pieces is None:
            return
        try:
            self._out.append(read_answer(pieces))
            self._run = None
        except wire.WireError:
            self._fail(run, "Plldb.Disconnected", "The answer of the developer's machine is damaged.")

    def _fail(self, run: Run, error: str, text: str) -> None:
        self._run = None
        self._out.append(Say(f"{run.id}: {text}"))
        body = wire.to_json({"errorType": error, "errorMessage": text}).encode()
        headers = [("content-type", "application/json"), ("lambda-runtime-function-error-type", error)]
        self._out.append(Answer("error", headers, body))

    def _at(self, when: float) -> None:
        self.wake = when if self.wake is None else min(self.wake, when)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from plldb.debugger.agent.actions import Action, Fresh
