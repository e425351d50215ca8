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
"""Seconds without a word of a sandbox after which its answer, or half an invocation, is forgotten."""

SANDBOX_KEPT_FOR = 900.0
"""Seconds without a word after which a sandbox is forgotten. Much longer than `LATEST_START`, so that nothing
old that comes afterwards is started."""


class Run:
    """One invocation: first its pieces come, then it is run, then its answer goes."""

    def __init__(self, identity: Identity, pieces: wire.Pieces) -> None:
        self.identity = identity
        self.pieces: wire.Pieces | None = pieces  # None once they are all here
        self.delivery: Delivery | None = None  # None until there is an answer
        self.forgotten = False
        self.heartbeat_at = 0.0

    @property
    def running(self) -> bool:
        """Whether it is run now."""
        return self.pieces is None and self.delivery is None and not self.forgotten

    @property
    def in_hand(self) -> bool:
        """Whether it is run now, or its answer is not posted as a whole."""
        return self.running or (self.delivery is not None and not self.delivery.done)


class Box:
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


def the_same(run: Run | None, message: FromAgent) -> Run:
    """Return the invocation, if it is the one that a message is about."""
    if run is None or run.identity != message.identity:
        raise WireError("of an invocation that is over")
    return run


def due_times(box: Box) -> list[float]:
    """Return when something is to be done about a sandbox."""
    run = box.run
    times = []
    if run is None or not run.in_hand:
        times.append(box.active + SANDBOX_KEPT_FOR)
    if run is None or run.forgotten:
        return times
    if run.in_hand:
        times.append(run.heartbeat_at)
    if not run.running:
        times.append(box.active + KEPT_FOR)
    if run.delivery is not None and run.delivery.wants_to_post and not box.gone:
        times.append(run.delivery.not_before)
    return times


def forget(run: Run) -> list[Decision]:
    """Forget what an invocation takes of memory; that it was there stays known."""
    lost = run.delivery is not None and not run.delivery.done
    run.pieces, run.delivery, run.forgotten = None, None, True
    return [Delivered(identity=run.identity, complete=False)] if lost else []


def _is_kept(run: Run | None) -> bool:
    return run is not None and run.delivery is not None and run.delivery.done


def _size_of(run: Run | None) -> int:
    return run.delivery.size if run is not None and run.delivery is not None else 0


def incoming_size(boxes: Iterable[Box]) -> int:
    """Return how much memory the invocations take that have not arrived as a whole, in bytes."""
    return sum(box.run.pieces.size for box in boxes if box.run is not None and box.run.pieces is not None)


def forget_oldest(boxes: Iterable[Box], limit: int) -> list[Decision]:
    """Forget those of the posted answers that are kept beyond so many bytes."""
    kept = sorted((box for box in boxes if _is_kept(box.run)), key=lambda box: box.active)
    size = sum(_size_of(box.run) for box in kept)
    decisions: list[Decision] = []
    for box in kept:
        if size <= limit or box.run is None:
            break
        size -= _size_of(box.run)
        decisions += forget(box.run)
    return decisions
