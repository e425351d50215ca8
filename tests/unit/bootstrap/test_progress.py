"""Progress counts, ages and notices rollbacks. Pure."""

from plldb.bootstrap.events import ActionDecided
from plldb.bootstrap.progress import Progress
from plldb.cli.output.layout import as_text
from plldb.cli.output.live import live_line
from plldb.cli.output.text import ASCII, cell_width
from tests.unit.cli.scripts import (
    T0,
    Shown,
    failed_setup,
    operation_started,
    root_event,
    stack_event,
    started,
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


def live(progress: Progress, width: int = 76, now: float = START + 60) -> str:
    return as_text(live_line(progress, now=now, width=width, glyphs=ASCII, frame=0))


def test_the_live_line_says_how_far_how_long_and_for_what() -> None:
    progress = fed([operation_started(), stack_event(), stack_event("Slow", "CREATE_IN_PROGRESS", at=1)])
    assert live(progress) == "| #####--------------- 1/4  1m00s  waiting for Slow 59s"


def test_the_live_line_always_fits() -> None:
    many: list[Shown] = [stack_event(f"Resource{n}WithALongishName", "CREATE_IN_PROGRESS") for n in range(30)]
    for progress in (fed([started()]), fed([operation_started()]), fed([operation_started(), *many])):
        for width in (56, 76, 196):
            assert cell_width(live(progress, width)) <= width


def test_the_live_line_works_without_a_known_total_and_in_a_rollback() -> None:
    events: list[Shown] = [operation_started(resources=None), root_event("ROLLBACK_IN_PROGRESS")]
    assert live(fed(events)) == "| 0 done  1m00s  undoing CloudFormation"
    assert live(fed([started()])) == "| 1m00s  working"
