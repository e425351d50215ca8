"""Progress counts, ages and notices rollbacks. Pure."""

from plldb.bootstrap.events.stack import ActionDecided
from plldb.bootstrap.progress import Progress
from tests.unit.cli.scripts import (
    T0,
    Shown,
    failed_setup,
    operation_started,
    stack_event,
    successful_setup,
)

START = T0.timestamp()


def fed(events: list[Shown], skew: float = 0) -> Progress:
    progress = Progress()
    for event in events:
        progress.add(event, getattr(event, "timestamp", T0).timestamp() + skew)
    return progress


def test_finished_resources_are_counted_once() -> None:
    progress = fed(
        [operation_started(), stack_event(status="UPDATE_COMPLETE"), stack_event(status="UPDATE_COMPLETE")]
    )
    assert (progress.done, progress.total) == (1, 4)


def test_waiting_names_the_oldest_first_whatever_the_clock_of_aws_says() -> None:
    begun = [stack_event(n, "CREATE_IN_PROGRESS", at=at) for n, at in (("Old", 0), ("New", 7))]
    for skew in (0, -3600, 3600):
        progress = fed([operation_started(), *begun], skew)
        assert progress.waiting(START + skew + 10) == [("Old", 10), ("New", 3)]


def test_a_rollback_counts_anew_what_was_begun() -> None:
    progress = fed(failed_setup()[:-3])
    assert (progress.rolling_back, progress.done, progress.total) == (True, 0, 1)


def test_cloudformation_is_at_work_from_the_decision_to_the_end() -> None:
    states = []
    progress = Progress()
    for event in successful_setup():
        progress.add(event, START)
        states.append(progress.in_flight)
    assert list(dict.fromkeys(states)) == ["no", "maybe", "yes"]
    assert states[-1] == "no"
    nothing = ActionDecided(action="nothing", stack_name="plldb", status=None, reason="")
    assert fed([nothing]).in_flight == "no"
