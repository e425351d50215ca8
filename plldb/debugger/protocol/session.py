"""What this machine knows of the sandboxes that it serves, and what it does about each message. Pure.

Messages and times go in, `Decision`s come out: it knows no socket and no clock. ``now`` is in seconds of a
clock that never jumps, ``wall`` in seconds of the epoch by this machine's clock.

An invocation is run at most once: a sandbox numbers its invocations, and only one with a higher number than
all before is ever started. What arrives again is answered from what is kept.
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
    Run,
    SandboxState,
    due_times,
    forget,
    forget_former,
    forget_oldest,
    incoming_size,
    matching_run,
)
from plldb.debugger.wire import WireError

HEARTBEAT = 10.0
"""Seconds between two heartbeats for an invocation in hand; a sandbox waits for 60 s."""

ACCEPT_AFTER = 1.0
"""Seconds after which a sandbox is told that its invocation runs. A sooner answer says so by itself and saves
that post, which would double the posts of a busy machine; a sandbox asks after 3 s (its ``ASK_WHERE``)."""

LATEST_START = 30.0
"""An invocation that Lambda delivered longer ago, in seconds, is not started: its caller may be gone."""

INCOMING_LIMIT = 512 * 2**20
"""Most memory for invocations that have not arrived as a whole, in bytes."""

KEPT_LIMIT = 64 * 2**20
"""Most memory for answers that were posted and are kept in case they did not arrive, in bytes."""


class Session:
    """One attached session: the sandboxes of its functions, and what each is waiting for.

    The caller carries out the decisions that a method returns, in order; `wake_at` says when `tick` is due.
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
            name: what the handlers call this session when they speak to sandboxes.
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
        self._states: dict[Sandbox, SandboxState] = {}
        self._detached = False
        self._relayed: set[str] = set()

    def use_token(self, function: str, token: str) -> None:
        """Take a token that the function has as well: of others who hold it."""
        self._functions[wire.key_id(token)] = function
        self._tokens[wire.key_id(token)] = token

    def set_clock(self, skew: float) -> None:
        """Take by how many seconds AWS's clock is ahead of this machine's."""
        self._out.skew = skew

    @property
    def running(self) -> tuple[Identity, ...]:
        """The invocations that are run now."""
        runs = (state.run for state in self._states.values())
        return tuple(run.identity for run in runs if run is not None and run.running)

    @property
    def in_hand(self) -> tuple[Identity, ...]:
        """The invocations that are run now or whose answer is not posted as a whole."""
        runs = (state.run for state in self._states.values())
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
        state = self._states.get(identity.sandbox)
        run = state.run if state else None
        if state is None or run is None or run.identity != identity or not run.running:
            return [Dropped("answer that nobody waits for")]
        return self._answer(state, run, answer, Times(now, wall))

    def posted(self, post: Post, status: int, *, now: float, wall: float) -> list[Decision]:
        """Take the outcome of a `Post`: an HTTP status, 0 if no answer came."""
        state = self._states.get(post.sandbox)
        if state is None:
            return []
        if status == 410 and post.connection == state.connection:
            state.gone = True
        run = state.run
        if run is None or run.delivery is None or post.piece is None or post.identity != run.identity:
            return []
        if post.round != run.delivery.round:
            return []
        run.delivery.posted(post.piece, status, now)
        if run.delivery.done:
            done = Delivered(identity=run.identity, complete=True)
            return [done, *forget_oldest(self._states.values(), self._kept_limit)]
        return self._out.post_pieces(state, run, Times(now, wall))

    def moved(self, connection: str, *, now: float, wall: float) -> list[Decision]:
        """Tell the sandboxes that this machine has another connection."""
        message = Moved(session=self._name, connection=connection)
        return self._out.tell_all(self._states.values(), message, Times(now, wall))

    def detach(self, *, now: float, wall: float) -> list[Decision]:
        """Take no more invocations, and tell the sandboxes. What is running will still be answered."""
        self._detached = True
        return self._out.tell_all(self._states.values(), Detached(self._name), Times(now, wall))

    def tick(self, *, now: float, wall: float) -> list[Decision]:
        """Do what is due by now."""
        times = Times(now, wall)
        return [decision for state in list(self._states.values()) for decision in self._due(state, times)]

    @property
    def wake_at(self) -> float | None:
        """When something is due next, by the clock of ``now``; None if nothing is."""
        return min((at for state in self._states.values() for at in due_times(state)), default=None)

    # --- messages --------------------------------------------------------------------------------------

    def _read(self, message: FromAgent, times: Times) -> list[Decision]:
        sandbox = message.identity.sandbox
        if message.function != self._functions[sandbox.key]:
            raise WireError("token of another function")
        if message.session != self._name:
            return self._unknown(message, times)
        state = self._states.get(sandbox)
        if state is None and isinstance(message, Resume):
            return self._unknown(message, times)
        if state is None:
            state = self._states[sandbox] = SandboxState(sandbox)
        if state.ended:
            return self._unknown(message, times)
        if message.sequence < state.sequence:
            raise WireError("of an invocation that is over")
        state.active = times.now
        state.reached_at(message)
        match message:
            case InvocationPiece():
                return [*self._note_relay(message), *self._piece(state, message, times)]
            case Resume():
                return [*self._note_relay(message), *self._resume(state, message, times)]

    def _unknown(self, message: FromAgent, times: Times) -> list[Decision]:
        if isinstance(message, InvocationPiece) and message.i:
            raise WireError("nobody here runs it")  # one answer for all its pieces
        answer = Unknown(message.identity)
        return [self._out.post(message.identity.sandbox, message.connection, answer, times)]

    def _note_relay(self, message: FromAgent) -> list[Decision]:
        if not message.relayed or message.function in self._relayed:
            return []
        self._relayed.add(message.function)
        return [Relayed(message.function)]

    def _piece(self, state: SandboxState, message: InvocationPiece, times: Times) -> list[Decision]:
        decisions: list[Decision] = []
        if message.sequence > state.sequence:
            run = Run(message.identity, wire.Pieces(message.of, message.z))
            if state.run is not None and state.run.running:
                decisions.append(Cancel(state.run.identity))
            elif state.run is not None:
                decisions += forget_former(state.run)
            state.run, state.sequence = run, message.sequence
        run = matching_run(state.run, message)
        if run.pieces is None:
            return [*decisions, *self._again(state, run, message, times)]
        if run.pieces.add(message.i, message.of, message.z, message.d):
            run.grown, run.heartbeat_at = True, run.heartbeat_at or times.now + HEARTBEAT
        if incoming_size(self._states.values()) > self._incoming_limit:
            return [*decisions, *self._decline(state, run, "Plldb.Overloaded", _TOO_MUCH, times)]
        if run.pieces.complete:
            decisions += self._complete(state, run, run.pieces, times)
        return decisions

    def _complete(self, state: SandboxState, run: Run, pieces: wire.Pieces, times: Times) -> list[Decision]:
        try:
            invocation = read_invocation(run.identity, pieces)
        except WireError as error:
            return self._decline(state, run, "Plldb.Malformed", f"It arrived damaged: {error}.", times)
        age = times.wall + self._out.skew - invocation.delivered
        if age > LATEST_START:
            return self._decline(state, run, "Plldb.TooLate", _TOO_LATE.format(age=age), times)
        if self._detached:
            return self._decline(state, run, "Plldb.Detached", _DETACHED, times)
        run.pieces, run.grown = None, False
        run.heartbeat_at, run.accept_at = times.now + HEARTBEAT, times.now + ACCEPT_AFTER
        state.log_stream = invocation.log_stream
        return [
            *self._end_former(state),
            Start(
                identity=run.identity,
                function=self._functions[state.sandbox.key],
                invocation=invocation,
                latest=invocation.delivered - self._out.skew + LATEST_START,
                clocks=times.wall - times.now,
            ),
        ]

    def _end_former(self, state: SandboxState) -> list[Decision]:
        """End the sandbox that this one has replaced: Lambda starts the process anew in the same place."""
        decisions: list[Decision] = []
        for other in self._states.values():
            same = other.sandbox.key == state.sandbox.key and other.log_stream == state.log_stream != ""
            if same and other is not state and not other.ended:
                other.ended, other.run = True, None
                decisions.append(EndSandbox(other.sandbox))
        return decisions

    def _again(self, state: SandboxState, run: Run, message: InvocationPiece, times: Times) -> list[Decision]:
        """Answer an invocation that is known and comes again."""
        if run.delivery is not None and run.delivery.done:
            run.delivery.start_again(have=())
        if run.delivery is not None:
            return self._out.post_pieces(state, run, times)
        if message.i:
            return []  # one answer for all its pieces
        answer = Unknown(run.identity) if run.forgotten else Accepted(run.identity)
        return [self._out.post(state.sandbox, state.connection, answer, times)]

    def _resume(self, state: SandboxState, message: Resume, times: Times) -> list[Decision]:
        run = matching_run(state.run, message)
        if run.delivery is not None:
            run.delivery.start_again(message.have)
            return self._out.post_pieces(state, run, times)
        if run.pieces is not None:
            return []  # it will be posted again
        answer = Unknown(run.identity) if run.forgotten else Heartbeat(run.identity)
        return [self._out.post(state.sandbox, state.connection, answer, times)]

    # --- answers ---------------------------------------------------------------------------------------

    def _answer(self, state: SandboxState, run: Run, answer: Answer, times: Times) -> list[Decision]:
        try:
            z, pieces = split_answer(answer)
        except WireError:
            z, pieces = split_answer(too_large_error())
        run.pieces, run.grown, run.delivery = None, False, Delivery(z, pieces)
        run.heartbeat_at = times.now + HEARTBEAT
        state.active = times.now
        return self._out.post_pieces(state, run, times)

    def _decline(
        self, state: SandboxState, run: Run, error: str, reason: str, times: Times
    ) -> list[Decision]:
        function = self._functions[state.sandbox.key]
        told = Declined(identity=run.identity, function=function, reason=reason)
        return [told, *self._answer(state, run, error_answer(error, reason), times)]

    # --- time and memory -------------------------------------------------------------------------------

    def _due(self, state: SandboxState, times: Times) -> list[Decision]:
        decisions: list[Decision] = []
        run = state.run
        if run is not None and run.running and run.accept_at is not None and times.now >= run.accept_at:
            run.accept_at = None
            if not state.gone:
                decisions.append(
                    self._out.post(state.sandbox, state.connection, Accepted(run.identity), times)
                )
        # While its pieces come slowly, the sandbox must not send all of them again; if one is lost, it must.
        if run is not None and (run.in_hand or run.grown) and times.now >= run.heartbeat_at:
            run.heartbeat_at, run.grown = times.now + HEARTBEAT, False
            if not state.gone:
                decisions.append(
                    self._out.post(state.sandbox, state.connection, Heartbeat(run.identity), times)
                )
        if run is not None:
            decisions += self._out.post_pieces(state, run, times)
        if run is not None and not run.running and times.now >= state.active + KEPT_FOR:
            decisions += forget(run)
        if (run is None or not run.in_hand) and times.now >= state.active + SANDBOX_KEPT_FOR:
            del self._states[state.sandbox]
            decisions += [] if state.ended else [EndSandbox(state.sandbox)]
        return decisions


_TOO_LATE = (
    "It was delivered {age:.0f} s ago, and nothing is started that late. Was this machine asleep or offline?"
)
_TOO_MUCH = "Too many large invocations are arriving at the same time."
_DETACHED = "The debugger is detaching and takes no more invocations."
