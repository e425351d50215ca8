"""The live line says how far an operation is. Pure."""

from plldb.cli.bootstrap.progress import LiveProgress
from plldb.cli.output.layout import as_text
from plldb.cli.output.live import live_line
from plldb.cli.output.text import ASCII, cell_width
from tests.unit.cli.scripts import T0, Shown, operation_started, root_event, stack_event, started

START = T0.timestamp()


def fed(events: list[Shown]) -> LiveProgress:
    progress = LiveProgress(START)
    for event in events:
        progress.add(event, getattr(event, "timestamp", T0).timestamp())
    return progress


def live(progress: LiveProgress, width: int = 76) -> str:
    activity = progress.activity(START + 60)
    return as_text(live_line(activity, width=width, glyphs=ASCII, frame=0))


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
