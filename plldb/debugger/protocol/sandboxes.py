"""The sandboxes that a session serves: what each has sent, what is due, and what is kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from plldb.debugger import wire
from plldb.debugger.protocol.decisions import Decision, Delivered
from plldb.debugger.protocol.delivery import Delivery
from plldb.debugger.protocol.invocations import Identity, Sandbox
from plldb.debugger.protocol.messages import FromAgent, Resume
from plldb.debugger.wire import WireError

KEPT_FOR = 120.0
"""Seconds of silence of a sandbox after which its answer, or a partial invocation, is forgotten."""

SANDBOX_KEPT_FOR = 900.0
"""Seconds of silence after which a sandbox is forgotten. Much longer than `LATEST_START`, so that nothing
old that comes afterwards is started."""


class Run:
    """One invocation: its pieces arrive, it is run, its answer is sent."""

    def __init__(self, identity: Identity, pieces: wire.Pieces) -> None:
        self.identity = identity
        self.pieces: wire.Pieces | None = pieces  # None once they are all here
        self.delivery: Delivery | None = None  # None until there is an answer
        self.forgotten = False
        self.heartbeat_at = 0.0
        self.accept_at: float | None = None  # None: it is not running, or the sandbox was told
        self.grown = False  # whether a piece has come since the last heartbeat

    @property
    def unanswered(self) -> bool:
        """Whether it arrives or is run."""
        return self.delivery is None and not self.forgotten

    @property
    def running(self) -> bool:
        """Whether it is run now."""
        return self.unanswered and self.pieces is None

    @property
    def in_hand(self) -> bool:
        """Whether it is run now, or its answer is not posted as a whole."""
        return self.running or (self.delivery is not None and not self.delivery.done)


class SandboxState:
    """One sandbox, its newest invocation, and where it can be reached."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.sequence = 0
        self.run: Run | None = None
        self.connection = ""
        self.connection_told = -1.0  # by the sandbox's clock
        self.gone = False
        self.log_stream = ""
        self.active = 0.0  # when it was last heard of, or given an answer
        self.ended = False

    def reached_at(self, message: FromAgent) -> None:
        """Take note of where the sandbox says that it can be reached."""
        if message.at < self.connection_told:
            return  # it has overtaken a newer one
        self.connection_told = message.at
        if message.connection != self.connection or isinstance(message, Resume):
            self.connection, self.gone = message.connection, False


def matching_run(run: Run | None, message: FromAgent) -> Run:
    """Return the invocation if a message is about it; `WireError` otherwise."""
    if run is None or run.identity != message.identity:
        raise WireError("of an invocation that is over")
    return run


def due_times(state: SandboxState) -> list[float]:
    """Return when something is to be done about a sandbox."""
    run = state.run
    times = []
    if run is None or not run.in_hand:
        times.append(state.active + SANDBOX_KEPT_FOR)
    if run is None or run.forgotten:
        return times
    if run.running and run.accept_at is not None and not state.gone:
        times.append(run.accept_at)
    if run.in_hand or run.grown:
        times.append(run.heartbeat_at)
    if not run.running:
        times.append(state.active + KEPT_FOR)
    if run.delivery is not None and run.delivery.wants_to_post and not state.gone:
        times.append(run.delivery.not_before)
    return times


def forget(run: Run) -> list[Decision]:
    """Free the memory of an invocation; that it existed stays known."""
    return _drop(run, arrived=False)


def forget_former(run: Run) -> list[Decision]:
    """Free the memory of an invocation whose sandbox has the next one by now.

    An answer that is on its way has arrived then, though the outcome of its posts may not be known yet.
    """
    return _drop(run, arrived=run.delivery is not None and run.delivery.all_sent)


def _drop(run: Run, *, arrived: bool) -> list[Decision]:
    open_ = run.delivery is not None and not run.delivery.done
    run.pieces, run.delivery, run.forgotten, run.grown = None, None, True, False
    return [Delivered(identity=run.identity, complete=arrived)] if open_ else []


def _is_kept(run: Run | None) -> bool:
    return run is not None and run.delivery is not None and run.delivery.done


def _size_of(run: Run | None) -> int:
    return run.delivery.size if run is not None and run.delivery is not None else 0


def incoming_size(states: Iterable[SandboxState]) -> int:
    """Return the memory of all invocations that have arrived only in part, in bytes."""
    return sum(
        state.run.pieces.size for state in states if state.run is not None and state.run.pieces is not None
    )


def forget_oldest(states: Iterable[SandboxState], limit: int) -> list[Decision]:
    """Forget the oldest posted answers, so that no more than so many bytes are kept."""
    kept = [state for state in states if _is_kept(state.run)]
    size = sum(_size_of(state.run) for state in kept)
    decisions: list[Decision] = []
    for state in sorted(kept, key=lambda state: state.active) if size > limit else ():
        if size <= limit or state.run is None:
            break
        size -= _size_of(state.run)
        decisions += forget(state.run)
    return decisions
