"""restore and status: what a person sees, is asked, and what the exit code says."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from plldb import debugger as ev
from plldb.cli.command import Stopped
from plldb.cli.debugger.explain import explain
from plldb.cli.debugger.invoke import invoked_lines
from plldb.cli.debugger.words import Words
from plldb.cli.interrupts import listen
from plldb.cli.main import main
from plldb.cli.run import perform
from plldb.debugger.attaching.plan import nothing_left
from plldb.debugger.errors import NoFunctionsError
from plldb.debugger.events.restore import RestoreEvent, RestoreFinished
from plldb.debugger.events.status import DebuggerStatus
from plldb.errors import CredentialsError, Hint, PlldbError
from tests.support.screens import on_screen
from tests.unit.cli.debugger import scripts
from tests.unit.cli.output.test_terminal import hold_against_golden, play, renderer_at
from tests.unit.cli.scripts import asked, complained, terminal, written

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from plldb.aws.place import Place
    from plldb.cli.output.renderer import Terminal


class Library:
    """Plays a script; an exception in it is raised."""

    def __init__(self, *script: Any) -> None:
        self._script = script
        self.calls: list[dict[str, Any]] = []

    async def restore(
        self, place: Place, stack: Sequence[str], functions: Sequence[str], **options: Any
    ) -> AsyncGenerator[RestoreEvent, None]:
        self.calls.append({"region": place.region, "names": (*stack, *functions), **options})
        for step in self._script:
            if isinstance(step, Exception):
                raise step
            yield step

    async def status(self, place: Place, stack: Sequence[str]) -> DebuggerStatus:
        self.calls.append({"region": place.region, "names": stack})
        return cast("DebuggerStatus", self._script[0])


class Keyboard(io.StringIO):
    """Keys that have been pressed already."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise NotImplementedError


async def run(library: Library, *argv: str, place: Terminal | None = None) -> tuple[int, Terminal]:
    place = place or terminal()
    invocation = asked(*argv)
    return await perform(invocation.load(invocation, library), invocation.settings, place, listen()), place


@pytest.mark.parametrize(
    ("name", "argv", "events"),
    [
        ("restore", ["restore", "shop", "--profile", "work"], scripts.restored()),
        ("restore-nothing", ["restore", "--all"], [RestoreFinished(restored=0, refused=0)]),
        ("take-over", ["restore", "shop", "--take-over"], [scripts.take_over()]),
        ("status", ["status"], [scripts.status()]),
        ("shared", ["attach", "shop"], scripts.shared()),
        ("invoke", ["invoke", "shop", "Orders"], [scripts.an_answer()]),
        (
            "invoke-not-taken",
            ["invoke", "shop", "Orders"],
            [scripts.an_answer(ran="deployed", who="", host="", not_taken_by=(scripts.ADA, scripts.BORIS))],
        ),
        ("invoke-failed", ["invoke", "orders"], [scripts.an_error()]),
        ("replay", ["replay", "one.json", "two.json", "--wait"], scripts.replayed()),
        (
            "attach",
            ["attach", "shop"],
            [*scripts.attached(), *scripts.invoked(), *scripts.detached()],
        ),
        (
            "attach-held",
            ["attach", "shop", "--profile", "work"],
            [*scripts.planned_beside_boris(), scripts.take_over()],
        ),
        (
            "attach-left",
            ["attach", "shop", "--profile", "work", "--wait"],
            [*scripts.attached(), *scripts.detached(scripts.MAILS)],
        ),
        (
            "status-nothing",
            ["status", "shop"],
            [scripts.status(stack_name="shop", functions=(), sessions=(), invocations=())],
        ),
    ],
)
def test_a_command_looks_as_in_the_golden_file(name: str, argv: list[str], events: Sequence[Any]) -> None:
    run = scripts.a_run(*argv)
    renderer, screen = renderer_at(80, run)
    play(renderer, run, events)
    renderer.done(run, 0)
    hold_against_golden(f"debugger-{name}-80", on_screen(screen.getvalue()))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("interrupted", Stopped(code="interrupted", reason="interrupted", exit_code=130)),
        (
            "expired",
            CredentialsError("The credentials have expired.", hint=Hint("sign-in", "Sign in again.")),
        ),
    ],
)
def test_what_is_left_armed_is_said_with_the_way_to_restore_it_and_until_when(
    name: str, why: Stopped | PlldbError
) -> None:
    run = scripts.a_run("attach", "shop")
    renderer, screen = renderer_at(80, run)
    play(renderer, run, [*scripts.attached(), *scripts.detached()[:2]])
    renderer.fail(run, explain(asked("attach", "shop", "Orders"), why, [run]))
    hold_against_golden(f"debugger-attach-{name}-80", on_screen(screen.getvalue()))


CONNECTED = [*scripts.planned(), ev.SessionConnected(seconds=0.4)]
REFUSED = ev.FunctionRefused(function=scripts.MAILS, reason="network", message="cannot be reached")
FAILED = [ev.Detaching(reason="failed", in_hand=0), ev.Restored(function=scripts.ORDERS, how="nothing-to-do")]


@pytest.mark.parametrize(
    ("code", "events", "hint"),
    [
        ("interrupted", scripts.planned(), "no function is left armed."),
        ("interrupted", CONNECTED, f"{scripts.ORDERS}, {scripts.MAILS} may be left armed, and"),
        (
            "interrupted",
            [*CONNECTED, ev.FunctionArmed(function=scripts.ORDERS)],
            f"{scripts.ORDERS} is left armed; {scripts.MAILS} may be left armed, and",
        ),
        (
            "interrupted",
            [*CONNECTED, REFUSED, ev.FunctionDeployed(function=scripts.ORDERS, armed=False)],
            "no function is left armed.",
        ),
        ("interrupted", [*CONNECTED, *FAILED, REFUSED], f"{scripts.MAILS} may be left armed, and"),
        (
            "interrupted",
            [*scripts.attached(), ev.FunctionDeployed(function=scripts.MAILS, armed=False), REFUSED, *FAILED],
            f"{scripts.MAILS} may be left armed, and",
        ),
        (
            "interrupted",
            [*scripts.attached(), *FAILED, REFUSED],
            f"{scripts.MAILS} is left armed, and",
        ),
        (
            "interrupted",
            [
                *scripts.attached(),
                ev.InvocationStarted(request_id=scripts.FIRST, function=scripts.MAILS, trigger=""),
                ev.Detaching(reason="asked", in_hand=1),
            ],
            f"{scripts.MAILS} is left armed; {scripts.ORDERS} may be left armed, and",
        ),
        ("output-closed", scripts.planned(), "no function is left armed."),
        ("output-closed", scripts.attached(), "the functions were put back"),
        (
            "output-closed",
            [*scripts.attached(), *scripts.detached(scripts.MAILS)],
            f"{scripts.MAILS} is left armed, and",
        ),
    ],
)
def test_what_may_be_left_armed_is_told_at_each_moment(code: Any, events: Sequence[Any], hint: str) -> None:
    run = scripts.a_run("attach", "shop")
    for event in events:
        run.progress.add(event, 0.0)
    why = Stopped(code=code, reason=code, exit_code=1)
    problem = explain(asked("attach", "shop"), why, [run])
    assert problem.hint.startswith(hint)
    proposed = [] if "no function" in hint else ["status" if "put back" in hint else "restore"]
    assert [step.command.split()[1] for step in problem.steps] == proposed


@pytest.mark.parametrize(
    ("events", "code", "result"),
    [
        (scripts.restored(), 1, "not_restored"),
        ([scripts.started("restore"), RestoreFinished(restored=2, refused=0)], 0, "restored"),
        ([scripts.started("restore"), RestoreFinished(restored=0, refused=0)], 0, "unchanged"),
    ],
)
async def test_the_exit_code_says_whether_anything_is_left_armed(
    events: Sequence[Any], code: int, result: str
) -> None:
    library = Library(*events)
    exit_code, place = await run(library, "restore", "--all", "--output", "json", "--region", "eu-west-1")
    last = json.loads(written(place).splitlines()[-1])
    assert (exit_code, last["exit_code"], last["result"]) == (code, code, result)
    assert library.calls == [{"region": "eu-west-1", "names": (), "take_over": False}]


@pytest.mark.parametrize(("argv", "typed", "code"), [([], "n\n", 1), ([], "y\n", 0), (["--yes"], "", 0)])
async def test_what_others_hold_is_taken_from_them_after_a_yes(
    argv: list[str], typed: str, code: int
) -> None:
    events = [scripts.started("restore"), scripts.take_over(), RestoreFinished(restored=1, refused=0)]
    place = replace(terminal(), stdin=Keyboard(typed))
    exit_code, _ = await run(Library(*events), "restore", "shop", "--take-over", *argv, place=place)
    assert exit_code == code
    asks = "Take 1 function away from user/boris? [y/N]" in complained(place)
    assert asks == (not argv)
    assert ("nothing was changed" in complained(place)) == (code == 1)


async def test_a_failure_names_the_way_out_in_this_place() -> None:
    error = NoFunctionsError("There is no stack shop.", hint=Hint("set-up", "Set up plldb."))
    code, place = await run(Library(error), "restore", "shop", "--region", "eu-west-1", "--profile", "work")
    assert code == 1
    assert "plldb bootstrap setup --region eu-west-1 --profile work" in complained(place)


@pytest.mark.parametrize(
    ("reason", "conditions", "options"),
    [("held", False, ["--take-over"]), ("held", True, ["--where", "--take-over"]), ("no-code", False, [])],
)
def test_who_finds_all_functions_held_is_proposed_to_take_or_to_share_them(
    reason: str, conditions: bool, options: list[str]
) -> None:
    refused = ev.FunctionRefused(
        function="orders", reason=reason, message="boris has it", shared_by_conditions=conditions
    )
    problem = explain(asked("attach", "shop"), nothing_left([refused]), [scripts.a_run("attach", "shop")])
    named = [[word for word in step.command.split() if word.startswith("--")] for step in problem.steps]
    assert [words[-1] for words in named] == options
    (line,) = Words(asked("attach", "shop"), None).say(refused, datetime.now(UTC))
    assert ("--where" in str(line)) == conditions


@pytest.mark.parametrize(
    ("reason", "named"), [("no-code", True), ("several-folders", True), ("source", False), ("denied", False)]
)
def test_a_function_whose_code_can_be_named_is_told_with_the_option_and_the_reason_once(
    reason: str, named: bool
) -> None:
    refused = ev.FunctionRefused(function="orders", reason=reason, message="its code is nowhere.")
    (line,) = Words(asked("attach", "shop"), None).say(refused, datetime.now(UTC))
    assert ("`--code orders=DIR`" in str(line)) == named
    error = nothing_left([refused])
    assert error.message == "There is no function to attach to: orders is left as it is."
    assert ("IAM action" in str(error.hint)) == (reason == "denied")


@pytest.mark.parametrize("argv", [["restore"], ["restore", "shop", "--all"]])
def test_restore_wants_a_stack_or_all(argv: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert "Give either the name of a stack or --all." in capfd.readouterr().err


def test_a_long_answer_leaves_the_rest_of_the_screen_where_it_is() -> None:
    answer = scripts.an_answer(text="\n".join(["<p>"] * 999), ran="unknown", who="", host="")
    shown = [line.text for line in invoked_lines(answer)]
    assert shown.count("<p>") == 200
    assert "3195 characters more; --output json has all of them" in shown
    assert "you may not read the notes" in shown[-2]


@pytest.mark.parametrize(
    ("who", "connected", "proposed"),
    [(scripts.ADA, False, True), (scripts.ADA, True, False), (scripts.BORIS, False, False)],
)
def test_what_an_own_session_has_left_armed_when_it_was_killed_is_proposed_to_be_restored(
    who: str, connected: bool, proposed: bool
) -> None:
    holder = replace(scripts.HOLDER, who=who)
    session = replace(scripts.status().sessions[0], who=who, host=holder.host, connected=connected)
    status = scripts.status(functions=(replace(scripts.HELD, holders=(holder,)),), sessions=(session,))
    said = Words(asked("status"), None).say(status, datetime.fromtimestamp(scripts.NOW, UTC))
    assert ("plldb restore" in str(said[-1])) == proposed


def test_of_an_arn_the_name_is_said_and_waiting_is_counted_from_the_time_of_being_attached() -> None:
    run = scripts.a_run("attach", "arn:aws:lambda:eu-west-1:123456789012:function:orders:1")
    assert "attach to orders:1" in str(run.words(scripts.started("attach", ""), datetime.now(UTC)))
    for event in scripts.attached():
        run.progress.add(event, 170.0)  # most of it at the question
    assert run.progress.activity(171.0).seconds == 1.0
