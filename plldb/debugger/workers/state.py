"""What a worker is doing, as its process tells it, and how long that may take. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, assert_never

from plldb.debugger.protocol.invocations import Answer, error_answer
from plldb.debugger.workers.runtime_api import Answered, InitFailed, Message, Missed, Told, Took, TooLarge
from plldb.debugger.workers.saved import Stamp

Phase = Literal["start", "load", "run", "idle", "ended"]
"""A worker's process starts, loads the function, then runs an invocation or is idle, until it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker may take, in seconds.

    Attributes:
        start: until its process runs; Python and the debugger are loaded in it.
        debugger: until debugpy is there, for the first worker.
        load: for the function to be loaded, besides its own timeout. Lambda gives 10 s, and then starts the
            function again within its timeout (Developer Guide, "Init phase").
        output: until what was printed before an answer is here.
        spare: after a function was loaded until the next process is started in spare: that takes a core for
            some tenths of a second, which the first answer is not to wait for.
        idle: without an invocation until a worker is ended.
        look: between two looks at idle workers and at the files that they have loaded.
    """

    start: float = 30.0
    debugger: float = 15.0
    load: float = 10.0
    output: float = 2.0
    spare: float = 0.3
    idle: float = 1800.0
    look: float = 0.5


@dataclass(slots=True, kw_only=True)
class InHand:
    """An invocation and what came of it; ``seconds`` is the function's own timeout."""

    request_id: str
    seconds: float
    answer: Answer | None = None
    too_large: bool = False  # its answer was, and was refused


@dataclass(slots=True)
class State:
    """What a worker is doing. Only its methods change it.

    Attributes:
        in_hand: the newest invocation.
        loaded: whether the function is loaded, or a debugger holds the process meanwhile.
        fails: whether the process is about to end by itself, since it could not load the function.
        holds: by how many of its threads a debugger holds it.
        marks: how many marks there will be in each of its streams.
        files: of the function, as they were when the process has loaded them.
        idle_since: by the caller's clock.
    """

    phase: Phase = "start"
    in_hand: InHand = field(default_factory=lambda: InHand(request_id="", seconds=0.0))
    loaded: bool = False
    fails: bool = False
    holds: int = 0
    marks: int = 0
    files: dict[str, Stamp] = field(default_factory=dict)
    idle_since: float = 0.0

    def begin(self, request_id: str, seconds: float) -> None:
        """Take an invocation; a process that has not loaded the function yet will run it then."""
        self.in_hand = InHand(request_id=request_id, seconds=seconds)
        if self.phase == "idle":
            self.phase = "run"

    def rest(self, now: float) -> None:
        """Have no invocation any more."""
        self.phase, self.idle_since = "idle", now

    def end(self) -> None:
        """Be no more."""
        self.phase, self.loaded = "ended", True

    def allowance(self, patience: Patience) -> float:
        """Return how many seconds the worker may take for what it is doing."""
        match self.phase:
            case "start":
                return patience.start
            case "load":
                return patience.load + self.in_hand.seconds
            case "run" | "idle" | "ended":
                return self.in_hand.seconds
            case _:
                assert_never(self.phase)

    def receive(self, message: Message) -> None:
        """Take what the process tells."""
        match message:
            case Told("begun", _) if self.phase == "start":
                self.phase = "load"
            case Told("held", bool(held)):
                self.holds += 1 if held else -1
                self.loaded = True
            case Told("files", dict(files)):
                self.files.update({name: (stamp[0], stamp[1]) for name, stamp in files.items()})
            case Took() if self.phase in ("start", "load"):
                self.phase, self.loaded = "run", True
            case InitFailed(answer):
                self._answer(answer)
                self.fails = True
            case Answered(request_id, answer) if request_id == self.in_hand.request_id:
                self._answer(answer)
            case Missed(request_id) if request_id == self.in_hand.request_id:
                text = "This machine was asleep when it should have run."
                self.in_hand.answer, self.fails = error_answer("Plldb.TooLate", text), True
            case TooLarge(request_id) if request_id == self.in_hand.request_id:
                self.in_hand.too_large = True
            case _:
                pass  # of an invocation that is over

    def _answer(self, answer: Answer) -> None:
        self.in_hand.answer = answer
        self.marks += 1
