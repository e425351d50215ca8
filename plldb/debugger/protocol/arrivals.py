"""Invocations as they arrive: put together, each started once, answered if it comes again. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from plldb.debugger import wire
from plldb.debugger.protocol.decisions import Cancel, Decision, Declined, EndSandbox, Start
from plldb.debugger.protocol.invocations import Sandbox, error_answer
from plldb.debugger.protocol.messages import (
    Accepted,
    FromAgent,
    Heartbeat,
    InvocationPiece,
    Resume,
    Unknown,
    read_invocation,
)
from plldb.debugger.protocol.outgoing import ACCEPT_AFTER, HEARTBEAT, Outgoing, Times
from plldb.debugger.protocol.sandboxes import (
    Run,
    SandboxState,
    forget_former,
    incoming_size,
    matching_run,
)
from plldb.debugger.wire import WireError

LATEST_START = 30.0
"""An invocation that Lambda delivered longer ago, in seconds, is not started: its caller may be gone."""


class Arrivals:
    """What sandboxes send of their invocations, all of one session. Once ``detached``, nothing is started."""

    def __init__(
        self,
        functions: Mapping[str, str],
        states: Mapping[Sandbox, SandboxState],
        out: Outgoing,
        limit: int,
    ) -> None:
        """Begin.

        Args:
            functions: their names, by the key ids of their tokens.
            states: of all sandboxes, as they are at any time.
            out: writes what goes back.
            limit: most memory for what has arrived in part, in bytes.
        """
        self.detached = False
        self._functions = functions
        self._states = states
        self._out = out
        self._limit = limit

    def read(self, state: SandboxState, message: FromAgent, times: Times) -> list[Decision]:
        """Take a message about the newest invocation of a sandbox, or the first of its next one.

        Raises:
            WireError: it is about one that is over.
        """
        match message:
            case InvocationPiece():
                return self._piece(state, message, times)
            case Resume():
                return self._resume(state, message, times)

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
        if incoming_size(self._states.values()) > self._limit:
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
        if self.detached:
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

    def _decline(
        self, state: SandboxState, run: Run, error: str, reason: str, times: Times
    ) -> list[Decision]:
        function = self._functions[state.sandbox.key]
        told = Declined(identity=run.identity, function=function, reason=reason)
        return [told, *self._out.answer(state, run, error_answer(error, reason), times)]


_TOO_LATE = (
    "It was delivered {age:.0f} s ago, and nothing is started that late. Was this machine asleep or offline?"
)
_TOO_MUCH = "Too many large invocations are arriving at the same time."
_DETACHED = "The debugger is detaching and takes no more invocations."
