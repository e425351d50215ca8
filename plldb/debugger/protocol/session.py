"""What this machine knows of the sandboxes that it serves, and what it does about each message. Pure.

Messages and times go in, `Decision`s come out: it knows no socket and no clock. ``now`` is in seconds of a
clock that never jumps, ``wall`` in seconds of the epoch by this machine's clock.

An invocation is run at most once: a sandbox numbers its invocations, and only one with a higher number than
all before is ever started. What comes again is answered from what is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

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
from plldb.debugger.protocol.delivery import Delivery
from plldb.debugger.protocol.invocations import Answer, Identity, Sandbox, error_answer, too_large_error
from plldb.debugger.protocol.messages import (
    Accepted,
    Detached,
    FromAgent,
    Heartbeat,
    InvocationPiece,
    Moved,
    Resume,
    Unknown,
    read_frame,
    read_invocation,
    split_answer,
)
from plldb.debugger.protocol.outgoing import Outgoing, Times
from plldb.debugger.protocol.sandboxes import (
    KEPT_FOR,
    SANDBOX_KEPT_FOR,
    Box,
    Run,
    due_times,
    forget,
    forget_oldest,
    incoming_size,
    the_same,
)
from plldb.debugger.wire import WireError

HEARTBEAT = 10.0
"""Seconds between two heartbeats for an invocation in hand; a sandbox waits for 60 s."""

LATEST_START = 30.0
"""An invocation that Lambda delivered longer ago, in seconds, is not started: its caller may be gone."""

INCOMING_LIMIT = 512 * 2**20
"""Most memory for invocations that have not arrived as a whole, in bytes."""

KEPT_LIMIT = 64 * 2**20
"""Most memory for answers that were posted and are kept in case they did not arrive, in bytes."""


class Session:
    """One attached session: the sandboxes of its functions, and who waits for what.

    Every method that returns decisions must be followed by them, in order; `wake_at` says when `tick` is due.
    """

    def __init__(
        self,
        *,
        name: str,
        tokens: Mapping[str, str],
        incoming_limit: int = INCOMING_LIMIT,
        kept_limit: int = KEPT_LIMIT,
    ) -> None:
        """Begin.

        Args:
            name: what the handlers call this session towards sandboxes.
            tokens: the token of each function, by its name.
            incoming_limit: see `INCOMING_LIMIT`.
            kept_limit: see `KEPT_LIMIT`.
        """
        self._incoming_limit = incoming_limit
        self._kept_limit = kept_limit
        self._name = name
        self._functions = {wire.key_id(token): function for function, token in tokens.items()}
        self._tokens = {wire.key_id(token): token for token in tokens.values()}
        self._out = Outgoing(self._tokens)
        self._boxes: dict[Sandbox, Box] = {}
        self._detached = False
        self._relayed: set[str] = set()

    def set_clock(self, skew: float) -> None:
        """Take by how many seconds AWS's clock is ahead of this machine's."""
        self._out.skew = skew

    @property
    def running(self) -> tuple[Identity, ...]:
        """The invocations that are run now."""
        runs = (box.run for box in self._boxes.values())
        return tuple(run.identity for run in runs if run is not None and run.running)

    @property
    def in_hand(self) -> tuple[Identity, ...]:
        """The invocations that are run now or whose answer is not posted as a whole."""
        runs = (box.run for box in self._boxes.values())
        return tuple(run.identity for run in runs if run is not None and run.in_hand)

    # --- inputs ----------------------------------------------------------------------------------------

    def received(self, frame: str, *, now: float, wall: float) -> list[Decision]:
        """Take a frame that came through this machine's WebSocket."""
        try:
            message = read_frame(frame, self._tokens)
            if message is None:
                raise WireError("unknown type")
            return self._read(message, Times(now, wall))
        except WireError as error:
            return [Dropped(str(error))]

    def answered(self, identity: Identity, answer: Answer, *, now: float, wall: float) -> list[Decision]:
        """Take the answer to an invocation that was started."""
        box = self._boxes.get(identity.sandbox)
        run = box.run if box else None
        if box is None or run is None or run.identity != identity or not run.running:
            return [Dropped("answer that nobody waits for")]
        return self._answer(box, run, answer, Times(now, wall))

    def posted(self, post: Post, status: int, *, now: float, wall: float) -> list[Decision]:
        """Take what became of a `Post`: a status of HTTP, 0 if no answer came."""
        box = self._boxes.get(post.sandbox)
        if box is None:
            return []
        if status == 410 and post.connection == box.connection:
            box.gone = True
        run = box.run
        if run is None or run.delivery is None or post.piece is None or post.identity != run.identity:
            return []
        if post.round != run.delivery.round:
            return []
        run.delivery.posted(post.piece, status, now)
        if run.delivery.done:
            done = Delivered(identity=run.identity, complete=True)
            return [done, *forget_oldest(self._boxes.values(), self._kept_limit)]
        return self._out.post_pieces(box, run, Times(now, wall))

    def moved(self, connection: str, *, now: float, wall: float) -> list[Decision]:
        """Take that this machine has another connection, and tell the sandboxes."""
        return self._out.tell_all(self._boxes.values(), Moved(connection=connection), Times(now, wall))

    def detach(self, *, now: float, wall: float) -> list[Decision]:
        """Take no more invocations, and tell the sandboxes. What is running will still be answered."""
        self._detached = True
        return self._out.tell_all(self._boxes.values(), Detached(), Times(now, wall))

    def tick(self, *, now: float, wall: float) -> list[Decision]:
        """Do what is due by now."""
        times = Times(now, wall)
        return [decision for box in list(self._boxes.values()) for decision in self._due(box, times)]

    @property
    def wake_at(self) -> float | None:
        """When something is due next, by the clock of ``now``; None if nothing is."""
        return min((at for box in self._boxes.values() for at in due_times(box)), default=None)

    # --- messages --------------------------------------------------------------------------------------

    def _read(self, message: FromAgent, times: Times) -> list[Decision]:
        sandbox = message.identity.sandbox
        if message.function != self._functions[sandbox.key]:
            raise WireError("token of another function")
        if message.session != self._name:
            return self._unknown(message, times)
        box = self._boxes.get(sandbox)
        if box is None and isinstance(message, Resume):
            return self._unknown(message, times)
        if box is None:
            box = self._boxes[sandbox] = Box(sandbox)
        if box.ended:
            return self._unknown(message, times)
        if message.sequence < box.sequence:
            raise WireError("of an invocation that is over")
        box.active = times.now
        box.reached_at(message)
        match message:
            case InvocationPiece():
                return [*self._note_relay(message), *self._piece(box, message, times)]
            case Resume():
                return [*self._note_relay(message), *self._resume(box, message, times)]

    def _unknown(self, message: FromAgent, times: Times) -> list[Decision]:
        if isinstance(message, InvocationPiece) and message.i:
            raise WireError("nobody here runs it")  # one word for all its pieces
        answer = Unknown(message.identity)
        return [self._out.post(message.identity.sandbox, message.connection, answer, times)]

    def _note_relay(self, message: FromAgent) -> list[Decision]:
        if not message.relayed or message.function in self._relayed:
            return []
        self._relayed.add(message.function)
        return [Relayed(message.function)]

    def _piece(self, box: Box, message: InvocationPiece, times: Times) -> list[Decision]:
        decisions: list[Decision] = []
        if message.sequence > box.sequence:
            run = Run(message.identity, wire.Pieces(message.of, message.z))
            if box.run is not None and box.run.running:
                decisions.append(Cancel(box.run.identity))
            elif box.run is not None:
                decisions += forget(box.run)
            box.run, box.sequence = run, message.sequence
        run = the_same(box.run, message)
        if run.pieces is None:
            return [*decisions, *self._again(box, run, message, times)]
        run.pieces.add(message.i, message.of, message.z, message.d)
        if incoming_size(self._boxes.values()) > self._incoming_limit:
            return [*decisions, *self._decline(box, run, "Plldb.Overloaded", _TOO_MUCH, times)]
        if run.pieces.complete:
            decisions += self._complete(box, run, run.pieces, times)
        return decisions

    def _complete(self, box: Box, run: Run, pieces: wire.Pieces, times: Times) -> list[Decision]:
        try:
            invocation = read_invocation(run.identity, pieces)
        except WireError as error:
            return self._decline(box, run, "Plldb.Malformed", f"It arrived damaged: {error}.", times)
        age = times.wall + self._out.skew - invocation.delivered
        if age > LATEST_START:
            return self._decline(box, run, "Plldb.TooLate", _TOO_LATE.format(age=age), times)
        if self._detached:
            return self._decline(box, run, "Plldb.Detached", _DETACHED, times)
        run.pieces = None
        run.heartbeat_at = times.now + HEARTBEAT
        box.log_stream = invocation.log_stream
        return [
            self._out.post(box.sandbox, box.connection, Accepted(run.identity), times),
            *self._end_former(box),
            Start(
                identity=run.identity,
                function=self._functions[box.sandbox.key],
                invocation=invocation,
            ),
        ]

    def _end_former(self, box: Box) -> list[Decision]:
        """End the sandbox that this one has replaced: Lambda starts the process anew in the same place."""
        decisions: list[Decision] = []
        for other in self._boxes.values():
            same = other.sandbox.key == box.sandbox.key and other.log_stream == box.log_stream != ""
            if same and other is not box and not other.ended:
                other.ended, other.run = True, None
                decisions.append(EndSandbox(other.sandbox))
        return decisions

    def _again(self, box: Box, run: Run, message: InvocationPiece, times: Times) -> list[Decision]:
        """Answer an invocation that is known and comes again."""
        if run.delivery is not None and run.delivery.done:
            run.delivery.start_again(have=())
        if run.delivery is not None:
            return self._out.post_pieces(box, run, times)
        if message.i:
            return []  # one word for all its pieces
        answer = Unknown(run.identity) if run.forgotten else Accepted(run.identity)
        return [self._out.post(box.sandbox, box.connection, answer, times)]

    def _resume(self, box: Box, message: Resume, times: Times) -> list[Decision]:
        run = the_same(box.run, message)
        if run.delivery is not None:
            run.delivery.start_again(message.have)
            return self._out.post_pieces(box, run, times)
        if run.pieces is not None:
            return []  # it will be posted again
        answer = Unknown(run.identity) if run.forgotten else Heartbeat(run.identity)
        return [self._out.post(box.sandbox, box.connection, answer, times)]

    # --- answers ---------------------------------------------------------------------------------------

    def _answer(self, box: Box, run: Run, answer: Answer, times: Times) -> list[Decision]:
        try:
            z, pieces = split_answer(answer)
        except WireError:
            z, pieces = split_answer(too_large_error())
        run.pieces, run.delivery = None, Delivery(z, pieces)
        run.heartbeat_at = times.now + HEARTBEAT
        box.active = times.now
        return self._out.post_pieces(box, run, times)

    def _decline(self, box: Box, run: Run, error: str, reason: str, times: Times) -> list[Decision]:
        function = self._functions[box.sandbox.key]
        told = Declined(identity=run.identity, function=function, reason=reason)
        return [told, *self._answer(box, run, error_answer(error, reason), times)]

    # --- time and memory -------------------------------------------------------------------------------

    def _due(self, box: Box, times: Times) -> list[Decision]:
        decisions: list[Decision] = []
        run = box.run
        if run is not None and run.in_hand and times.now >= run.heartbeat_at:
            run.heartbeat_at = times.now + HEARTBEAT
            if not box.gone:
                decisions.append(self._out.post(box.sandbox, box.connection, Heartbeat(run.identity), times))
        if run is not None:
            decisions += self._out.post_pieces(box, run, times)
        if run is not None and not run.running and times.now >= box.active + KEPT_FOR:
            decisions += forget(run)
        if (run is None or not run.in_hand) and times.now >= box.active + SANDBOX_KEPT_FOR:
            del self._boxes[box.sandbox]
            decisions += [] if box.ended else [EndSandbox(box.sandbox)]
        return decisions


_TOO_LATE = (
    "It was delivered {age:.0f} s ago, and nothing is started that late. Was this machine asleep or offline?"
)
_TOO_MUCH = "Too many large invocations are arriving at the same time."
_DETACHED = "The debugger is detaching and takes no more invocations."
