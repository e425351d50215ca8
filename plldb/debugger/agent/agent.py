"""Has each invocation answered by a laptop or by the function's own runtime. Talks to the Runtime API.

One thread decides; those that wait for something report to its queue.
"""

from __future__ import annotations

import os
from time import gmtime, strftime, time

try:
    from _signal import SIG_DFL, SIGKILL, SIGSTOP, signal  # type: ignore[import-not-found]
except ImportError:  # a Python that is made in another way; `signal` takes 5 ms
    from signal import SIG_DFL, SIGKILL, SIGSTOP, signal

from plldb.debugger.agent.actions import ASK_FIRST, Answer, Connect, Deployed, Post, Ready, Say, Send
from plldb.debugger.agent.http import Http, field, hasten, headers_of, with_deadline
from plldb.debugger.agent.runtime import Events, Runtime

API = "/2018-06-01/runtime/invocation/"

# What a laptop needs and has no other way to learn. Nothing else of the environment leaves the sandbox.
SHARED = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "_X_AMZN_TRACE_ID",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
)

FROZEN_AFTER = 0.02
"""Seconds between two invocations after which the sandbox may have been frozen meanwhile."""

UNREAD_LIMIT = 0.1
"""Longest time, in seconds, for reading what has come in the meantime."""

READING = 0.002
"""Seconds after which is looked again whether all that has come is read."""

READ_AFTER = 0.2
"""Seconds without an answer to the first question after which all that a laptop needs is read meanwhile."""

CORE_EVENTS = ("opened", "nobody", "closed", "received", "posted")


def say(text: str) -> None:
    """Write one line into the function's log."""
    os.write(2, f"plldb: {text}\n".encode())


def id_of(head: bytes) -> str:
    """Return the id of an invocation, by what the API has said of it; empty if there is none."""
    return field(head, b"lambda-runtime-aws-request-id").decode()


class Nobody:
    """Stands for the core where the first question found nobody, until the next one is due.

    The core is made of what it has missed. To read it takes 15 ms of CPU of a cold start.
    """

    wake = None
    attached = False

    def __init__(self, asked: float, answered: float) -> None:
        self.asked = asked
        self.answered = answered

    def passes(self, now: float) -> bool:
        """Return whether any invocation is the deployed code's: so says `Core.passes`."""
        return now < self.answered + ASK_FIRST


class Agent:
    """One agent: a sandbox has one at a time."""

    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        settings: Settings,
        question: Question | None,
        mark: Callable[[bytes], None],
    ) -> None:
        """Take over the first ``question``, if there is one under way."""
        api = environment["AWS_LAMBDA_RUNTIME_API"]
        self._region = environment["AWS_REGION"]
        self._settings = settings
        self._question = question
        self._mark = mark
        self._shared = {name: environment[name] for name in SHARED if name in environment}
        self._api = Http(api)
        self._next = self._api.build("GET", API + "next", [], b"")
        self._events = Events()
        self._runtime = Runtime(command, environment, api, self._events)
        self._lines: Lines | None = None  # once they are needed
        self._core: Core | Nobody | None = None
        self._posting = False  # whether the core has posted something of the invocation at hand
        self._decisions: list[Ready | Deployed | Answer] = []
        self.serving = False  # whether the runtime may have been started, or an invocation taken

    def run(self) -> None:
        """Serve the sandbox until its end."""
        decision = self._start()
        self.serving = True
        if not isinstance(decision, Ready) or not decision.takes_all:
            self._runtime.start()
            self._await_runtime(None, b"")
        while True:
            self._mark(b"idle")
            asked = time()
            try:
                self._api.open(asked)
                said = self._api.send(self._next, asked)
            except OSError:
                os._exit(0)  # Lambda takes the sandbox down
            now = time()
            passes = self._is_passed_on(now)
            if passes and (answer := hasten(said, now + self._settings.timeout)) is not None:
                self._pass_on(*answer, said)
                continue
            head, body = self._read(said)
            self._mark(b"busy")
            if not passes and now - asked > FROZEN_AFTER:
                self._read_unread()
            self._serve(head, body, passes=passes)

    def _read(self, said: bytes) -> tuple[bytes, bytes]:
        """Read the rest of what ``next`` is answered; return head and body."""
        try:
            status, head, body = self._api.read(said)
        except OSError:
            os._exit(0)
        if status != 200:
            raise RuntimeError(f"HTTP {status} of the Runtime API")
        return head, body

    def _start(self) -> Ready | Deployed | Answer:
        """Return what the first question was answered."""
        asked = time()
        if self._question is not None and self._question.found_nobody(READ_AFTER):
            self._core = Nobody(asked, time())
            return Deployed()
        self._core = self._make_core()
        self._tell_core("start")
        return self._await_decision()

    def _make_core(self) -> Core:
        from plldb.debugger.agent.core import Core

        return Core(
            token=self._settings.token,
            function=self._settings.function,
            sandbox=os.urandom(16).hex(),
            lease=self._settings.lease,
            fresh=lambda: os.urandom(8).hex(),
        )

    def _make_late_core(self, nobody: Nobody) -> Core:
        """Return a core that knows what has happened so far."""
        self.open_lines()  # to read it here takes nothing of the time in which the API has to answer
        core = self._make_core()
        # What it wants done then was done: to open connection 1, and to start the runtime.
        core.start(nobody.asked)
        core.nobody(nobody.answered, 1)
        return core

    def open_lines(self) -> Lines:
        """Return what connects with laptops."""
        if self._lines is None:
            from plldb.debugger.agent.lines import Lines

            self._lines = Lines(self._settings, self._region, self._events)
        return self._lines

    def _is_passed_on(self, now: float) -> bool:
        """Return whether the runtime waits for an invocation and gets this one, whatever it is."""
        if not self._events.empty():
            self._catch_up()
        try:
            return self._runtime.running and (self._core is None or self._core.passes(now))
        except Exception:  # noqa: BLE001 - then it is told of the invocation, and `_tell_core` takes its failure
            return False

    def _catch_up(self) -> None:
        """Take what has happened since the invocation before."""
        while (event := self._runtime.happened()) is not None:
            self._take(event)

    def _pass_on(self, answer: bytes, deadline: float, said: bytes) -> None:
        """Pass an invocation on. What is done before the runtime has it takes thrice as long as later.

        For the caches of the processor are cold then.
        """
        self._runtime.hand_over(answer)
        self._mark(b"busy")
        self._await_runtime(deadline, said)

    def _read_unread(self) -> None:
        """Hear what the laptop has said while the sandbox stood still: it may have detached, or moved."""
        give_up = time() + UNREAD_LIMIT
        while self._has_unread() and time() < give_up:
            event = self._next_event(time() + READING)
            if event is not None:
                self._take(event)
        self._catch_up()

    def _has_unread(self) -> bool:
        return self._core is not None and self._core.attached and self.open_lines().has_unread()

    def _serve(self, head: bytes, body: bytes, *, passes: bool) -> None:
        now, headers = time(), headers_of(head)
        lower = {name.lower(): value for name, value in headers}
        rid = lower["lambda-runtime-aws-request-id"]
        killed_at = int(lower["lambda-runtime-deadline-ms"]) / 1000
        deadline = min(killed_at, now + self._settings.timeout)
        meta: dict[str, object] = {
            "headers": [[k, v] for k, v in headers if k.lower().startswith("lambda-runtime-")],
            "env": self._shared,
            "delivered": now,
            "deadline": deadline,
        }
        decision = Deployed() if passes else self._decide("invocation", rid, killed_at, meta, body)
        if isinstance(decision, Answer):
            self._post(rid, decision.kind, decision.headers, decision.body)
        else:
            self._run_deployed(deadline, head, body)

    def _post(self, rid: str, kind: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self._api.open(time())
        self._api.request("POST", f"{API}{rid}/{kind}", headers, body, time())

    # The function's own runtime.

    def _run_deployed(self, deadline: float, head: bytes, body: bytes) -> None:
        if not self._runtime.running:
            self._runtime.waiting = True
            self._runtime.start()
            self._await_runtime(deadline, head)
            self._runtime.waiting = False
        self._runtime.hand_over(with_deadline(head, body, deadline))
        self._await_runtime(deadline, head)

    def _await_runtime(self, deadline: float | None, head: bytes) -> None:
        """Return when the runtime asks for the next invocation; end as it ends, or as Lambda ends it."""
        while True:
            event = self._next_event(deadline)
            if event is None:
                if deadline is not None and time() >= deadline:
                    self._time_out(id_of(head))
            elif event[0] == "idle":
                return
            elif event[0] == "init_error" and isinstance(event[1], bytes):
                self._post(id_of(head), "error", [("content-type", "application/json")], event[1])
            elif event[0] == "ended" and isinstance(event[1], int):
                self._end_like(event[1])

    def _time_out(self, rid: str) -> None:
        """Do what Lambda does at the function's own timeout: tell the caller, and end the sandbox."""
        answered = self._runtime.silence()
        if rid and not answered:
            text = f"Task timed out after {self._settings.timeout:.2f} seconds"
            os.write(2, strftime(f"%Y-%m-%dT%H:%M:%S.000Z {rid} {text}\n", gmtime()).encode())
            error = {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {rid} Error: {text}"}
            headers = [("lambda-runtime-function-error-type", "Sandbox.Timedout")]
            from plldb.debugger import wire

            self._post(rid, "error", headers, wire.to_json(error).encode())
        self._mark(b"idle")
        os._exit(1)

    def _end_like(self, status: int) -> None:
        """End as the runtime has ended, so that Lambda says of it what it would have said."""
        if not os.WIFSIGNALED(status):
            self._mark(b"idle")
            os._exit(os.WEXITSTATUS(status))
        number = os.WTERMSIG(status)
        if number != SIGKILL:  # that may have been for want of memory, of which the agent takes some
            self._mark(b"idle")
        if number not in (SIGKILL, SIGSTOP):
            signal(number, SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)

    # The laptop.

    def _decide(self, name: str, *values: object) -> Ready | Deployed | Answer:
        """Return what the core decides."""
        self._catch_up()
        self._decisions, self._posting = [], False
        self._tell_core(name, *values)
        return self._await_decision()

    def _await_decision(self) -> Ready | Deployed | Answer:
        while not self._decisions:
            event = self._next_event(None)
            if event is not None:
                self._take(event)
        return self._decisions[0]

    def _take(self, event: Event) -> None:
        if event[0] in CORE_EVENTS:
            self._tell_core(str(event[0]), *event[1:])
        elif event[0] == "ended":
            self._runtime.ended()  # while it was idle: it is started again when it is needed

    def _next_event(self, limit: float | None) -> Event | None:
        """Return the runtime's next event; None at the limit, or when the core may have decided something."""
        core, now = self._core, time()
        wake = core.wake if core is not None else None
        if wake is not None and wake <= now:
            self._tell_core("tick")
            return None
        due = [each for each in (limit, wake) if each is not None]
        event = self._runtime.next_event(max(0.001, min(due) - now) if due else None)
        if event is None or event[0] not in CORE_EVENTS:
            return event
        self._take(event)
        return None

    def _tell_core(self, name: str, *values: object) -> None:
        """Let the core take an event. If it fails, the deployed code runs: now, or from the next start on."""
        try:
            if isinstance(self._core, Nobody):
                self._core = self._make_late_core(self._core)
            if self._core is not None:
                self._do(getattr(self._core, name)(time(), *values))
        except Exception as error:
            if self._posting:
                raise
            say(f"the agent failed ({type(error).__name__}); the deployed code runs")
            self._core = None
        if self._core is None:
            self._decisions.append(Deployed())

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Connect):
                asked = self._question.wait if self._question is not None and action.n == 1 else None
                self.open_lines().connect(action.n, asked)
            elif isinstance(action, Send):
                self._posting = self._posting or '"relay"' in action.text[:20]
                self.open_lines().send(action.text)
            elif isinstance(action, Post):
                self._posting = True
                self.open_lines().post(action)
            elif isinstance(action, Say):
                say(action.text)
            else:
                self._decisions.append(action)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from plldb.debugger.agent.actions import Action
    from plldb.debugger.agent.core import Core
    from plldb.debugger.agent.lines import Lines
    from plldb.debugger.agent.runtime import Event
    from plldb.debugger.agent.start import Question, Settings
