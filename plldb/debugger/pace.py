"""Every time that the debugger waits for, as one value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from plldb.aws.pace import RequestPace


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace(RequestPace):
    """How long the debugger waits, in seconds unless it says otherwise.

    Attributes:
        calls_a_second: requests to Lambda's control plane a second, for all functions together. The quota is
            15 for all but a few of them, and others use it too.
        update_poll: between two looks at a function that is being updated.
        update_for: how long an update of a function may take; with a VPC it takes minutes.
        rounds: how often a function may be changed by somebody else under our hands (a count).
        connect_within: for a WebSocket to be opened; ``$connect`` may be a cold start.
        hello_within: for the answer to ``hello``.
        hello_again: between two attempts of it.
        hello_every: between two of them on a connection that is open. API Gateway closes one that is idle for
            10 minutes, and pings do not count.
        ping: between two pings; half of it without an answer means that the connection is dead.
        replace_after: age at which a connection is replaced. API Gateway closes it at two hours.
        overlap: how long the former connection stays open beside the new one.
        first_retry: before a failed connection is tried again; doubles up to ``longest_retry``.
        longest_retry: longest such wait.
        last_answers_within: for the answers that are not posted yet when a session fails or is cancelled.
        look: between two looks at the clocks, which tell when this machine was asleep.
        asleep: difference of the clocks that means it was.
        look_at_logs: between two looks at the logs of functions from which nothing has come yet.
        look_at_functions: between two looks at an armed function: was it deployed? Each is one GetFunction.
        looks_a_second: how many of these there are for all functions together (a count): with more functions
            each is looked at less often. Lambda's quota for GetFunction is 100 a second.
        sign_in: between two attempts to restore with new credentials; longer with more than 12 functions.
        settled: how long a function that was deployed has to stay as it is before it is armed again.
        read_within: how long a reader of events may take none before output is left out.
        hide_after: how long an invocation runs before the messages of its queue are hidden for longer.
        hide_again: between two times of that.
        hide_for: for how long they are hidden then, in whole seconds.
        answered_within: for the answer to an event. A function may run for 900 s, also one that is attached.
        noted_within: for the note of an invocation by the machine where it ran.
        look_at_notes: between two looks for it.
    """

    counts: ClassVar[frozenset[str]] = frozenset({"attempts", "rounds", "calls_a_second", "looks_a_second"})

    calls_a_second: float = 12.0
    update_poll: float = 0.4
    update_for: float = 300.0
    rounds: int = 8
    connect_within: float = 15.0
    hello_within: float = 12.0
    hello_again: float = 4.0
    hello_every: float = 300.0
    ping: float = 10.0
    replace_after: float = 6600.0
    overlap: float = 2.0
    first_retry: float = 0.5
    longest_retry: float = 10.0
    last_answers_within: float = 5.0
    look: float = 1.0
    asleep: float = 5.0
    look_at_logs: float = 4.0
    look_at_functions: float = 5.0
    looks_a_second: float = 4.0
    settled: float = 2.0
    sign_in: float = 3.0
    read_within: float = 2.0
    hide_after: float = 10.0
    hide_again: float = 30.0
    hide_for: int = 60
    answered_within: float = 960.0
    noted_within: float = 2.0
    look_at_notes: float = 0.1


DEFAULT_PACE = Pace()
