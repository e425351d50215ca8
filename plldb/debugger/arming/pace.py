"""Every time that arming and restoring wait for, as one value. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmingPace:
    """Times in seconds.

    Attributes:
        calls_a_second: of Lambda's control plane, all functions together. The quota is 15 for most calls.
        poll: between two looks at a function that is being updated.
        update_for: how long an update of a function may take. With a VPC it takes minutes.
        rounds: how often a function may be changed by somebody else under our hands.
    """

    calls_a_second: float = 12.0
    poll: float = 0.4
    update_for: float = 300.0
    rounds: int = 8


DEFAULT_ARMING_PACE = ArmingPace()
