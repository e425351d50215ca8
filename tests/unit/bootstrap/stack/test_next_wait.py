"""How long until the next read of the events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.bootstrap.pace import Pace
from plldb.bootstrap.stack.follow import next_wait

PACE = Pace()
SECONDS = st.floats(0, 1e6, allow_nan=False)


@pytest.mark.parametrize(
    ("quiet", "eager", "seconds"),
    [
        (0, False, 1.0),
        (10, False, 1.0),
        (20, False, 2.0),
        (40, False, 4.0),
        (1e6, False, 4.0),
        (0, True, 0.4),
    ],
)
def test_it_polls_every_second_while_things_happen_and_slower_when_it_is_quiet(
    quiet: float, eager: bool, seconds: float
) -> None:
    assert next_wait(PACE, quiet=quiet, troubles=0, eager=eager) == seconds


@given(SECONDS, st.booleans())
def test_an_event_is_never_more_than_five_seconds_late(quiet: float, eager: bool) -> None:
    assert 0 < next_wait(PACE, quiet=quiet, troubles=0, eager=eager) < 5


@given(st.integers(1, 5000), SECONDS, st.booleans())
def test_trouble_slows_it_down_with_jitter_and_within_bounds(
    troubles: int, quiet: float, eager: bool
) -> None:
    longest = min(2.0 ** min(troubles, 10), 15.0)
    assert longest / 2 <= next_wait(PACE, quiet=quiet, troubles=troubles, eager=eager) <= longest


def test_troubled_waits_differ_from_each_other() -> None:
    assert len({next_wait(PACE, quiet=0, troubles=3, eager=False) for _ in range(20)}) > 1


@given(SECONDS, SECONDS)
def test_the_quieter_the_slower(one: float, other: float) -> None:
    short, long = sorted((one, other))
    assert next_wait(PACE, quiet=short, troubles=0, eager=False) <= next_wait(
        PACE, quiet=long, troubles=0, eager=False
    )


def test_without_any_time_it_does_not_wait() -> None:
    pace = Pace(poll=0, poll_eager=0, poll_quiet=0, poll_troubled=0, quiet_after=0)
    assert [next_wait(pace, quiet=3, troubles=n, eager=e) for n in (0, 2) for e in (True, False)] == [0] * 4
