"""The end of a lease."""

from plldb.debugger.watching.lease import until_clock


async def test_a_lease_that_has_ended_while_the_machine_slept_is_noticed_at_the_next_look() -> None:
    # Between the second and the third look the lid was closed for a night: the event loop does not know it.
    shown = iter([0.0, 1.0, 36_000.0])
    await until_clock(28_800, look=0, clock=lambda: next(shown))
    assert list(shown) == []
