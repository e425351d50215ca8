"""What the doctor makes of a clock."""

from __future__ import annotations

import pytest

from plldb.bootstrap.doctor import clock_finding


@pytest.mark.parametrize(("skew", "verdict"), [(3, "ok"), (-90, "warning"), (400, "problem")])
def test_a_wrong_clock_is_told_by_how_wrong_it_is(skew: float, verdict: str) -> None:
    assert clock_finding(skew).verdict == verdict
