"""What this machine knows of the sandboxes that it serves, and what it does about each message. Pure.

Messages and times go in, `Decision`s come out: it knows no socket and no clock. ``now`` is in seconds of a
clock that never jumps, ``wall`` in seconds of the epoch by this machine's clock.

An invocation is run at most once: a sandbox numbers its invocations, and only one with a higher number than
all before is ever started. What arrives again is answered from what is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from plldb.debugger import wire
from plldb.debugger.protocol.arrivals import Arrivals
from plldb.debugger.protocol.decisions import Decision, Delivered, Dropped, EndSandbox, Post, Relayed
from plldb.debugger.protocol.invocations import Answer, Identity, Sandbox, error_answer
from plldb.debugger.protocol.messages import (
    Detached,
    FromAgent,
    InvocationPiece,
    Moved,
    Resume,
    Unknown,
    read_frame,
)
from plldb.debugger.protocol.outgoing import Outgoing, Times
from plldb.debugger.protocol.sandboxes import (
    KEPT_FOR,
    SANDBOX_KEPT_FOR,
    SandboxState,
    due_times,
    forget,
    forget_oldest,
)
from plldb.debugger.wire import WireError

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
        self._kept_limit = kept_limit
        self._name = name
        self._functions = {wire.key_id(token): function for function, token in tokens.items()}
        self._tokens = {wire.key_id(token): token for token in tokens.values()}
        self._out = Outgoing(self._tokens)
        self._states: dict[Sandbox, SandboxState] = {}
        self._arrivals = Arrivals(self._functions, self._states, self._out, incoming_limit)
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
        return self._out.answer(state, run, answer, Times(now, wall))

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
        self._arrivals.detached = True
        return self._out.tell_all(self._states.values(), Detached(self._name), Times(now, wall))

    def abandon(self, *, now: float, wall: float) -> list[Decision]:
        """Take no more invocations, and answer with an error all that have no answer yet."""
        times, error = Times(now, wall), error_answer("Plldb.Detached", _ABANDONED)
        runs = [(state, state.run) for state in self._states.values() if state.run is not None]
        decisions = self.detach(now=now, wall=wall)
        for state, run in runs:
            if run.unanswered:
                decisions += self._out.answer(state, run, error, times)
        return decisions

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
        return [*self._note_relay(message), *self._arrivals.read(state, message, times)]

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

    # --- time and memory -------------------------------------------------------------------------------

    def _due(self, state: SandboxState, times: Times) -> list[Decision]:
        run = state.run
        decisions = [] if run is None else self._out.due(state, run, times)
        if run is not None and not run.running and times.now >= state.active + KEPT_FOR:
            decisions += forget(run)
        if (run is None or not run.in_hand) and times.now >= state.active + SANDBOX_KEPT_FOR:
            del self._states[state.sandbox]
            decisions += [] if state.ended else [EndSandbox(state.sandbox)]
        return decisions


_ABANDONED = "The debugger has ended before it answered."
