"""What goes to sandboxes: messages as posts, in order of time, and the answers piece by piece. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from plldb.debugger.protocol.decisions import Decision, Post
from plldb.debugger.protocol.delivery import Delivery
from plldb.debugger.protocol.invocations import Answer, Sandbox, too_large_error
from plldb.debugger.protocol.messages import (
    Accepted,
    AnswerPiece,
    Detached,
    Heartbeat,
    Moved,
    ToAgent,
    split_answer,
    write_frame,
)
from plldb.debugger.protocol.sandboxes import Run, SandboxState
from plldb.debugger.wire import WireError

HEARTBEAT = 10.0
"""Seconds between two heartbeats for an invocation in hand; a sandbox waits for 60 s."""

ACCEPT_AFTER = 1.0
"""Seconds after which a sandbox is told that its invocation runs. A sooner answer says so by itself and saves
that post, which would double the posts of a busy machine; a sandbox asks after 3 s (its ``ASK_WHERE``)."""


@dataclass(frozen=True, slots=True)
class Times:
    """``now`` by a clock that never jumps, ``wall`` in seconds of the epoch by this machine's clock."""

    now: float
    wall: float


class Outgoing:
    """Writes posts. ``skew`` is by how many seconds AWS's clock is ahead of this machine's."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        """Begin; the tokens of functions are found by their key ids."""
        self.skew = 0.0
        self._tokens = tokens
        self._told_at = 0.0

    def post(
        self,
        sandbox: Sandbox,
        connection: str,
        message: ToAgent,
        times: Times,
        *,
        piece: int | None = None,
        round: int = 0,  # noqa: A002 - the name of the field
    ) -> Post:
        """Return a post of a message; ``piece`` and ``round`` are those of an answer."""
        # Sandboxes tell by it which of two messages is newer: it must not go back when the clock does.
        self._told_at = max(self._told_at + 1e-6, times.wall + self.skew)
        return Post(
            connection=connection,
            frame=write_frame(message, sandbox, self._tokens[sandbox.key], at=self._told_at),
            sandbox=sandbox,
            identity=None if isinstance(message, Moved | Detached) else message.identity,
            piece=piece,
            round=round,
        )

    def post_pieces(self, state: SandboxState, run: Run, times: Times) -> list[Decision]:
        """Return posts of the pieces of an answer that may go now."""
        delivery = run.delivery
        if delivery is None or state.gone:
            return []
        return [
            self.post(
                state.sandbox,
                state.connection,
                AnswerPiece(
                    identity=run.identity,
                    i=i,
                    of=len(delivery.pieces),
                    z=delivery.z,
                    d=delivery.pieces[i],
                ),
                times,
                piece=i,
                round=delivery.round,
            )
            for i in delivery.take(times.now)
        ]

    def answer(self, state: SandboxState, run: Run, answer: Answer, times: Times) -> list[Decision]:
        """Begin to send the answer to an invocation: return posts of its first pieces."""
        try:
            z, pieces = split_answer(answer)
        except WireError:
            z, pieces = split_answer(too_large_error())
        run.pieces, run.grown, run.delivery = None, False, Delivery(z, pieces)
        run.heartbeat_at = times.now + HEARTBEAT
        state.active = times.now
        return self.post_pieces(state, run, times)

    def due(self, state: SandboxState, run: Run, times: Times) -> list[Decision]:
        """Return posts of what a sandbox has to be told by now of an invocation."""
        messages: list[Accepted | Heartbeat] = []
        if run.running and run.accept_at is not None and times.now >= run.accept_at:
            run.accept_at = None
            messages.append(Accepted(run.identity))
        # While its pieces come slowly, the sandbox must not send all of them again; if one is lost, it must.
        if (run.in_hand or run.grown) and times.now >= run.heartbeat_at:
            run.heartbeat_at, run.grown = times.now + HEARTBEAT, False
            messages.append(Heartbeat(run.identity))
        told = [] if state.gone else messages
        posts = [self.post(state.sandbox, state.connection, message, times) for message in told]
        return [*posts, *self.post_pieces(state, run, times)]

    def tell_all(self, states: Iterable[SandboxState], message: ToAgent, times: Times) -> list[Decision]:
        """Return posts of a message to every sandbox that can be reached."""
        return [
            self.post(state.sandbox, state.connection, message, times)
            for state in states
            if not state.gone and not state.ended
        ]
