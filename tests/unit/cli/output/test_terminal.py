"""What a person sees on a terminal of 80 and of 200 columns. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plldb.bootstrap.errors import StackFailedError
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.cli.bootstrap.explain import explain
from plldb.cli.command import Stopped
from plldb.cli.output.renderer import Outcome, RegionRun
from plldb.cli.output.terminal import TerminalRenderer, open_console
from plldb.errors import Hint
from tests.support.screens import on_screen
from tests.unit.cli import scripts
from tests.unit.cli.scripts import Screen, Shown, a_run, asked, terminal, written

GOLDEN = Path(__file__).with_name("golden")
FAILED = StackFailedError(
    "plldb could not be created: PLDDBSessions failed",
    stack="plldb",
    status=StackStatus.ROLLBACK_COMPLETE,
    failures=(scripts.failure(), scripts.failure("PLLDBDebugger", "Internal failure")),
    hint=Hint("fix-cause", "Remove or rename what exists already, then run `plldb bootstrap setup` again."),
)


def renderer_at(width: int, *runs: RegionRun[Any], **environ: str) -> tuple[TerminalRenderer, Screen]:
    settings = {"TERM": "xterm-256color", "COLUMNS": str(width), **environ}
    screen = Screen(tty=True)  # one for both, as a terminal has it
    place = replace(terminal(), stdout=screen, stderr=screen, environ=settings)
    return TerminalRenderer(open_console(place), place, runs), screen


def play(renderer: TerminalRenderer, run: RegionRun[Any], events: Sequence[Any]) -> None:
    for event in events:
        run.progress.add(event, scripts.T0.timestamp())
        renderer.show(run, event)
        renderer.idle(run)


def test_before_the_first_answer_of_aws_the_live_line_says_that_it_is_waited_for() -> None:
    run = a_run(now=scripts.T0.timestamp() - 7)
    renderer, screen = renderer_at(80, run)
    renderer.idle(run)
    assert on_screen(screen.getvalue()).rstrip().endswith("7.0s  waiting for AWS")
    renderer.fail(run, explain(asked("bootstrap"), FAILED, [run]))
    assert "waiting for AWS" not in on_screen(screen.getvalue())


def hold_against_golden(name: str, text: str) -> None:
    """Compares with the file; delete it and run the test to write it anew, then look at it."""
    path = GOLDEN / f"{name}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path} was written anew: look at it")
    assert text == path.read_text(encoding="utf-8")


STOPPED = Stopped(code="interrupted", reason="interrupted", exit_code=130)
PLANS = [e for e in scripts.EXAMPLES if "Plan" in type(e).__name__ or "Status" in type(e).__name__]
UNHEALTHY = scripts.status(healthy=False, bucket_exists=False, deployed_version="0.1.0")
SCREENS: dict[str, tuple[Sequence[Shown], StackFailedError | Stopped | None]] = {
    "success": (scripts.successful_setup(), None),
    "failure": (scripts.failed_setup(), FAILED),
    "update": (scripts.updated_setup(), None),
    "attach": (scripts.attached_setup(), None),
    "interrupt": (scripts.successful_setup()[:-6], STOPPED),
    "plans": ([*PLANS, UNHEALTHY], None),
}


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", SCREENS)
def test_a_run_looks_as_in_the_golden_file(name: str, width: int) -> None:
    events, end = SCREENS[name]
    run = a_run()
    renderer, screen = renderer_at(width, run)
    play(renderer, run, events)
    if end is None:
        renderer.done(run, 0)
    else:
        renderer.fail(run, explain(asked("bootstrap"), end, [run]))
    hold_against_golden(f"{name}-{width}", on_screen(screen.getvalue()))


def test_the_live_line_stays_below_the_log_while_work_goes_on() -> None:
    run = a_run()
    renderer, screen = renderer_at(80, run)
    play(renderer, run, scripts.successful_setup()[:-4])
    *log, live = on_screen(screen.getvalue()).split("\n")
    assert "waiting for" in live
    assert not any("waiting for" in line for line in log)


def test_a_narrowed_terminal_leaves_no_remains_of_the_live_line() -> None:
    run, place = (
        a_run(),
        replace(terminal(), stdout=Screen(tty=True), environ={"TERM": "xterm", "COLUMNS": "200"}),
    )
    console = open_console(place)
    renderer = TerminalRenderer(console, place, [run])
    play(renderer, run, scripts.successful_setup()[:-4])
    drawn = written(place)
    console.width = 40  # what rich reads from the terminal after a resize
    renderer.idle(run)
    rows = -(-len(on_screen(drawn).split("\n")[-1]) // 40)
    assert written(place).removeprefix(drawn).count("\x1b[1A") == rows - 1


@pytest.mark.parametrize("columns", ["0", "", "many", "-5"])
def test_a_width_that_makes_no_sense_does_no_harm(columns: str) -> None:
    run = a_run()
    renderer, screen = renderer_at(80, run, COLUMNS=columns)
    play(renderer, run, scripts.EXAMPLES)
    renderer.done(run, 0)
    assert "deployed and healthy" in on_screen(screen.getvalue())


def test_several_regions_have_a_live_line_each_and_a_summary() -> None:
    runs = [a_run(label="eu-west-1"), a_run(label="us-east-1")]
    renderer, screen = renderer_at(80, *runs)
    for run in runs:
        play(renderer, run, scripts.successful_setup()[:-4])
    last = on_screen(screen.getvalue()).split("\n")[-2:]
    assert [line.split()[1] for line in last] == ["eu-west-1", "us-east-1"]
    for run in runs:
        renderer.done(run, 0)
    renderer.summarise([Outcome(run=run, exit_code=0, summary="done") for run in runs])
    assert on_screen(screen.getvalue()).rstrip().split("\n")[-1] == "✔ summary    us-east-1: done"


def test_a_question_stands_alone() -> None:
    run = a_run()
    renderer, screen = renderer_at(80, run)
    play(renderer, run, [scripts.started("destroy"), scripts.removal()])
    renderer.pause()
    assert "working" not in on_screen(screen.getvalue())


def test_no_color_is_respected() -> None:
    run = a_run()
    renderer, screen = renderer_at(80, run, NO_COLOR="1")
    play(renderer, run, scripts.EXAMPLES)
    assert "m" not in scripts.escapes(screen.getvalue())  # neither bold nor dim


def test_markup_in_a_reason_is_not_parsed() -> None:
    run = a_run()
    renderer, screen = renderer_at(200, run)
    play(renderer, run, [scripts.stack_event(reason="[bold]x[/bold] [/nothing] :smile:")])
    assert "[bold]x[/bold] [/nothing] :smile:" in on_screen(screen.getvalue())
