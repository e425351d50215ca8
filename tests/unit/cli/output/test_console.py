"""What a person sees on a terminal of 80 and of 200 columns. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from plldb.bootstrap.errors import StackFailedError
from plldb.bootstrap.progress import Progress
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.cli.bootstrap.explain import explain_error, explain_interrupt
from plldb.cli.jobs import Settings
from plldb.cli.output.console import ConsoleFace, open_console
from plldb.cli.output.renderer import Lane, Outcome
from tests.support.screens import on_screen
from tests.unit.cli import scripts
from tests.unit.cli.scripts import Screen, Shown, terminal, written

GOLDEN = Path(__file__).with_name("golden")
FAILED = StackFailedError(
    "plldb could not be created: PLDDBSessions failed",
    stack="plldb",
    status=StackStatus.ROLLBACK_COMPLETE,
    failures=(scripts.failure(), scripts.failure("PLLDBDebugger", "Internal failure")),
    hint="Remove or rename what exists already, then run `plldb bootstrap setup` again.",
)


def face_at(width: int, *lanes: Lane, **environ: str) -> tuple[ConsoleFace, Screen]:
    settings = {"TERM": "xterm-256color", "COLUMNS": str(width), **environ}
    screen = Screen(tty=True)  # one for both, as a terminal has it
    place = replace(terminal(), stdout=screen, stderr=screen, environ=settings)
    return ConsoleFace(open_console(place), place, lanes), screen


def play(face: ConsoleFace, lane: Lane, events: Sequence[Shown]) -> None:
    for event in events:
        lane.progress.add(event, scripts.T0.timestamp())
        face.show(lane, event)
        face.idle(lane)


def test_before_the_first_answer_of_aws_the_live_line_says_that_it_is_waited_for() -> None:
    lane = Lane()
    face, screen = face_at(80, lane)
    lane.progress.start(scripts.T0.timestamp() - 7)
    face.idle(lane)
    assert on_screen(screen.getvalue()).rstrip().endswith("7.0s  waiting for AWS")
    face.fail(lane, explain_error(FAILED, scripts.job(), Settings(), lane.progress))
    assert "waiting for AWS" not in on_screen(screen.getvalue())


def hold_against_golden(name: str, text: str) -> None:
    """Compares with the file; delete it and run the test to write it anew, then look at it."""
    path = GOLDEN / f"{name}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path} was written anew: look at it")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 200])
def test_a_successful_setup_looks_as_in_the_golden_file(width: int) -> None:
    lane = Lane()
    face, screen = face_at(width, lane)
    play(face, lane, scripts.successful_setup())
    face.done(lane, 0)
    hold_against_golden(f"success-{width}", on_screen(screen.getvalue()))


@pytest.mark.parametrize("width", [80, 200])
def test_a_failed_setup_looks_as_in_the_golden_file(width: int) -> None:
    lane = Lane()
    face, screen = face_at(width, lane)
    play(face, lane, scripts.failed_setup())
    face.fail(lane, explain_error(FAILED, scripts.job(), Settings(regions=("eu-west-1",)), Progress()))
    hold_against_golden(f"failure-{width}", on_screen(screen.getvalue()))


@pytest.mark.parametrize("width", [80, 200])
def test_an_update_looks_as_in_the_golden_file(width: int) -> None:
    lane = Lane()
    face, screen = face_at(width, lane)
    play(face, lane, scripts.updated_setup())
    face.done(lane, 0)
    hold_against_golden(f"update-{width}", on_screen(screen.getvalue()))


@pytest.mark.parametrize("width", [80, 200])
def test_an_attached_setup_looks_as_in_the_golden_file(width: int) -> None:
    lane = Lane()
    face, screen = face_at(width, lane)
    play(face, lane, scripts.attached_setup())
    face.done(lane, 0)
    hold_against_golden(f"attach-{width}", on_screen(screen.getvalue()))


@pytest.mark.parametrize("width", [80, 200])
def test_an_interrupted_setup_looks_as_in_the_golden_file(width: int) -> None:
    lane = Lane()
    face, screen = face_at(width, lane)
    play(face, lane, scripts.successful_setup()[:-6])
    place = Settings(regions=("eu-west-1",))
    face.fail(lane, explain_interrupt(scripts.job(), place, lane.progress.in_flight, creating=True))
    hold_against_golden(f"interrupt-{width}", on_screen(screen.getvalue()))


@pytest.mark.parametrize("width", [80, 200])
def test_plans_and_status_look_as_in_the_golden_file(width: int) -> None:
    lane = Lane()
    face, screen = face_at(width, lane)
    chosen = [e for e in scripts.EXAMPLES if "Plan" in type(e).__name__ or "Status" in type(e).__name__]
    play(face, lane, [*chosen, scripts.status(healthy=False, bucket_exists=False, deployed_version="0.1.0")])
    face.done(lane, 0)
    hold_against_golden(f"plans-{width}", on_screen(screen.getvalue()))


def test_the_live_line_stays_below_the_log_while_work_goes_on() -> None:
    lane = Lane()
    face, screen = face_at(80, lane)
    play(face, lane, scripts.successful_setup()[:-4])
    *log, live = on_screen(screen.getvalue()).split("\n")
    assert "waiting for" in live
    assert not any("waiting for" in line for line in log)


def test_a_narrowed_terminal_leaves_no_remains_of_the_live_line() -> None:
    lane, place = (
        Lane(),
        replace(terminal(), stdout=Screen(tty=True), environ={"TERM": "xterm", "COLUMNS": "200"}),
    )
    console = open_console(place)
    face = ConsoleFace(console, place, [lane])
    play(face, lane, scripts.successful_setup()[:-4])
    drawn = written(place)
    console.width = 40  # what rich reads from the terminal after a resize
    face.idle(lane)
    rows = -(-len(on_screen(drawn).split("\n")[-1]) // 40)
    assert written(place).removeprefix(drawn).count("\x1b[1A") == rows - 1


@pytest.mark.parametrize("columns", ["0", "", "many", "-5"])
def test_a_width_that_makes_no_sense_does_no_harm(columns: str) -> None:
    lane = Lane()
    face, screen = face_at(80, lane, COLUMNS=columns)
    play(face, lane, scripts.EXAMPLES)
    face.done(lane, 0)
    assert "deployed and healthy" in on_screen(screen.getvalue())


def test_several_regions_have_a_live_line_each_and_a_summary() -> None:
    lanes = [Lane(label="eu-west-1"), Lane(label="us-east-1")]
    face, screen = face_at(80, *lanes)
    for lane in lanes:
        play(face, lane, scripts.successful_setup()[:-4])
    last = on_screen(screen.getvalue()).split("\n")[-2:]
    assert [line.split()[1] for line in last] == ["eu-west-1", "us-east-1"]
    for lane in lanes:
        face.done(lane, 0)
    face.summarise([Outcome(lane=lane, exit_code=0, said="done") for lane in lanes])
    assert on_screen(screen.getvalue()).rstrip().split("\n")[-1] == "✔ summary    us-east-1: done"


def test_a_question_stands_alone() -> None:
    lane = Lane()
    face, screen = face_at(80, lane)
    play(face, lane, [scripts.started("destroy"), scripts.removal()])
    face.pause()
    assert "working" not in on_screen(screen.getvalue())


def test_no_color_is_respected() -> None:
    lane = Lane()
    face, screen = face_at(80, lane, NO_COLOR="1")
    play(face, lane, scripts.EXAMPLES)
    colours = {str(code) for code in (*range(30, 48), *range(90, 108))}
    assert not colours & set(scripts.parameters(screen.getvalue()))


def test_markup_in_a_reason_is_not_parsed() -> None:
    lane = Lane()
    face, screen = face_at(200, lane)
    play(face, lane, [scripts.stack_event(reason="[bold]x[/bold] [/nothing] :smile:")])
    assert "[bold]x[/bold] [/nothing] :smile:" in on_screen(screen.getvalue())
