"""Every time that the debugger waits for, as one value. Pure."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    calls_a_second: float = 12.0
    update_poll: float = 0.4
    update_for: float = 300.0
    rounds: int = 8


DEFAULT_PACE = Pace()
