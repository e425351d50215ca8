"""A job from its start to its exit code, with a scripted library. Talks to this process's signals."""

import io
import json
import logging
import os
import shlex
import signal
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from plldb.aws.place import Place
from plldb.bootstrap.errors import PackagingError, StackFailedError, StackNotOursError, StackStuckError
from plldb.bootstrap.events.looks import BootstrapStatus, DoctorFinished
from plldb.bootstrap.events.stack import ActionDecided
from plldb.bootstrap.options import SetupOptions
from plldb.cli.output.renderer import Terminal
from plldb.cli.prompts import question_text
from plldb.errors import CredentialsError, Hint, PlldbError, SettingsError
from tests.unit.cli import scripts
from tests.unit.cli.scripts import Screen, ScriptedLibrary, complained, run, terminal, written


def told(place: Terminal) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(place).splitlines()]


FAILED = StackFailedError(
    "it failed", stack="plldb", status="ROLLBACK_COMPLETE", failures=(scripts.failure(),)
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FAILED, 1),
        (PackagingError("too large"), 1),
        (CredentialsError("expired"), 1),
        (SettingsError("no region", hint=Hint("choose-place", "give --region")), 2),
        (StackStuckError("stuck", stack="plldb", status="DELETE_FAILED"), 3),
        (StackNotOursError("not ours", stack="plldb"), 3),
    ],
)
@pytest.mark.parametrize("output", ["text", "json"])
async def test_every_error_has_its_exit_code(error: PlldbError, code: int, output: str) -> None:
    exit_code, place = await run(ScriptedLibrary([error]), "setup", "--output", output)
    assert exit_code == code
    if output == "json":
        (line,) = told(place)
        assert (line["kind"], line["code"], line["exit_code"]) == ("failed", error.code, code)
    else:
        assert complained(place).startswith(f"error: {error.message}\n")


@pytest.mark.parametrize("output", ["text", "json"])
async def test_success_is_exit_code_0_and_closes_the_stream(output: str) -> None:
    library = ScriptedLibrary(scripts.successful_setup())
    exit_code, place = await run(library, "--output", output)
    assert (exit_code, library.closed, complained(place)) == (0, 1, "")


async def test_options_reach_the_library() -> None:
    library = ScriptedLibrary(scripts.successful_setup())
    arn = "arn:aws:iam::123456789012:policy/b"
    place = ("--profile", "p", "setup", "--region", "r")
    await run(library, *place, "--dry-run", "--tag", "a=b=c", "--tag", "d=", "--permissions-boundary", arn)
    ((name, values),) = library.calls
    assert name == "setup"
    assert values == {
        "place": Place(profile="p", region="r"),
        "options": SetupOptions(tags={"a": "b=c", "d": ""}, permissions_boundary=arn),
        "dry_run": True,
    }


async def test_destroy_and_watch_reach_the_library_and_plain_bootstrap_is_setup() -> None:
    library = ScriptedLibrary(scripts.finished_destroy())
    await run(library, "--dry-run")
    await run(library, "destroy", "--keep-bucket", "--yes")
    await run(library, "watch", "--region", "r")
    assert library.calls == [
        ("setup", {"place": Place(), "options": SetupOptions(), "dry_run": True}),
        ("destroy", {"place": Place(), "keep_bucket": True, "dry_run": False}),
        ("watch", {"place": Place(region="r")}),
    ]


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("healthy", [True, False])
async def test_status_is_0_only_if_healthy(healthy: bool, output: str) -> None:
    library = ScriptedLibrary([scripts.status(healthy=healthy)])
    exit_code, place = await run(library, "status", "--output", output)
    assert exit_code == (0 if healthy else 1)
    if output == "json":
        (line,) = told(place)
        assert (line["kind"], line["healthy"], line["exit_code"]) == ("finished", healthy, exit_code)


async def test_a_result_that_is_followed_by_a_failure_is_not_told() -> None:
    watched: list[scripts.Step] = [scripts.started("watch"), *scripts.EXAMPLES[-2:-1], FAILED]
    exit_code, place = await run(ScriptedLibrary(watched), "watch", "--output", "json")
    assert exit_code == 1
    assert [line["kind"] for line in told(place)] == ["started", "failed"]


async def test_the_failure_screen_names_cause_state_and_next_command() -> None:
    _, place = await run(ScriptedLibrary([*scripts.failed_setup(), FAILED]), "--region", "eu-west-1")
    tail = written(place).split("✘ cause", 1)[1]
    assert "PLDDBSessions (AWS::DynamoDB::Table) CREATE_FAILED after 1.2s, template.yaml:12" in tail
    assert scripts.LONG_REASON in tail
    assert "now        plldb is in ROLLBACK_COMPLETE: what had been created was deleted again" in tail
    assert complained(place).splitlines() == [
        "error: it failed",
        "  try again: plldb bootstrap setup --region eu-west-1",
    ]


async def test_expired_credentials_in_mid_stream_say_how_to_go_on() -> None:
    expired = CredentialsError("the credentials have expired", hint=Hint("sign-in", "sign in again."))
    script = [*scripts.successful_setup()[:12], expired]
    exit_code, place = await run(ScriptedLibrary(script), "setup", "--profile", "my profile")
    assert exit_code == 1
    assert complained(place).splitlines() == [
        "error: the credentials have expired",
        "hint: sign in again.",
        "  watch it:                   plldb bootstrap watch --region eu-west-1 --profile 'my profile'",
        "  go on with it:              plldb bootstrap setup --region eu-west-1 --profile 'my profile'",
        "  undo it (delete all of it): plldb bootstrap destroy --region eu-west-1 --profile 'my profile'",
    ]


def broken_off(*argv: str, decided: str = "update", error: PlldbError | None = None) -> ScriptedLibrary:
    """A run that is over while CloudFormation is still at work."""
    begun = ActionDecided(action=cast("Any", decided), stack_name="plldb", status=None, reason="")
    return ScriptedLibrary([scripts.started(), begun, error or CredentialsError("expired")])


WISHES = ("--tag", "a=b c", "--permissions-boundary", "")


@pytest.mark.parametrize(
    ("argv", "decided", "ways"),
    [
        (
            ("setup", *WISHES),
            "create",
            {"go on with it": ("setup", *WISHES), "undo it (delete all of it)": ("destroy",)},
        ),
        (("setup",), "update", {"go on with it": ("setup",), "delete all of it": ("destroy",)}),
        (("destroy", "--keep-bucket"), "delete", {"go on with it": ("destroy", "--keep-bucket")}),
        (("destroy", "--yes"), "delete", {"go on with it": ("destroy",)}),
        (("watch",), "update", {}),
    ],
    ids=["create", "update", "keep-bucket", "yes", "watch"],
)
async def test_the_ways_on_do_what_was_asked_for_and_no_more(
    argv: tuple[str, ...], decided: str, ways: dict[str, tuple[str, ...]]
) -> None:
    # The region is that which AWS's own settings named.
    _, place = await run(broken_off(decided=decided), *argv, "--output", "json")
    said = {step["purpose"]: step["command"] for step in told(place)[-1]["next"]}
    place_words = ("--region", "eu-west-1")
    assert said == {
        purpose: shlex.join(["plldb", "bootstrap", name, *place_words, *options])
        for purpose, (name, *options) in {"watch it": ("watch",), **ways}.items()
    }


async def test_trying_again_keeps_the_options() -> None:
    _, place = await run(ScriptedLibrary([FAILED]), "destroy", "--keep-bucket", "--yes")
    assert "  try again: plldb bootstrap destroy --keep-bucket" in complained(place).splitlines()


@pytest.mark.parametrize("verbose", [(), ("--verbose",)])
async def test_a_warning_of_botocore_is_a_line_of_verbose_and_nothing_else(
    verbose: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    class Warns(ScriptedLibrary):
        async def status(self, place: Place) -> BootstrapStatus:
            try:
                raise OSError("no token")
            except OSError:
                logging.getLogger("aiobotocore.credentials").warning("refreshing failed", exc_info=True)
            return await super().status(place)

    _, place = await run(Warns([scripts.status()]), "status", *verbose)
    assert capfd.readouterr().err == ""
    lines = complained(place).splitlines()
    assert [line.rpartition(": refreshing")[2] for line in lines] == (
        [" failed (OSError)"] if verbose else []
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("output", ["text", "json"])
async def test_an_interrupt_ends_the_run_and_says_how_to_go_on(number: signal.Signals, output: str) -> None:
    setup = scripts.successful_setup()
    library = ScriptedLibrary([*setup[:12], number, *setup * 9], delay=0.01)
    exit_code, place = await run(library, "--region", "eu-west-1", "--output", output)
    assert (exit_code, library.closed) == (130, 1)
    if output == "json":
        lines = told(place)
        assert [line["kind"] for line in lines].count("failed") == 1
        assert (lines[-1]["code"], lines[-1]["exit_code"]) == ("interrupted", 130)
        assert lines[-1]["next"][0]["command"] == "plldb bootstrap watch --region eu-west-1"
    else:
        assert "plldb bootstrap destroy --region eu-west-1" in complained(place)
        assert "CloudFormation goes on" in complained(place)


async def test_an_interrupt_before_anything_was_sent_gives_no_advice() -> None:
    script: list[Any] = [scripts.started(), signal.SIGINT, *[scripts.started()] * 99]
    exit_code, place = await run(ScriptedLibrary(script, delay=0.04))
    assert exit_code == 130
    assert complained(place).splitlines() == [
        "error: interrupted: plldb bootstrap setup has stopped",
        "hint: plldb has nothing running in CloudFormation.",
    ]


async def test_a_quiet_pipe_says_what_is_still_in_progress() -> None:
    begun = (scripts.operation_started(), scripts.stack_event("Slow", "CREATE_IN_PROGRESS"))
    library = ScriptedLibrary([*begun, scripts.root_event("CREATE_COMPLETE")], delay=0.4)
    _, place = await run(library, place=terminal(quiet=0.06))
    assert "▸ waiting    still at work after 0.0s, waiting for Slow (0.0s)" in written(place)


async def test_a_bug_keeps_its_traceback_and_still_ends_the_stream() -> None:
    place = terminal()
    with pytest.raises(ZeroDivisionError):
        await run(ScriptedLibrary([ZeroDivisionError("oops")]), "--output", "json", place=place)
    (line,) = told(place)
    assert (line["kind"], line["code"]) == ("failed", "internal")


class Closed(Screen):
    """A pipe whose reader goes away after two lines."""

    def flush(self) -> None:
        if self.getvalue().count("\n") > 2:
            raise BrokenPipeError


@pytest.mark.parametrize("command", ["status", "watch"])
async def test_who_has_seen_enough_of_a_look_is_told_nothing(command: str) -> None:
    place = replace(terminal(), stdout=Closed())
    exit_code, _ = await run(ScriptedLibrary([scripts.status(), *scripts.stages()]), command, place=place)
    assert (exit_code, complained(place)) == (1, "")


async def test_a_closed_pipe_ends_the_run_without_a_traceback() -> None:
    place = terminal()
    closed = Terminal(stdin=place.stdin, stdout=Closed(), stderr=place.stderr, environ={})
    library = ScriptedLibrary(scripts.successful_setup())
    exit_code, _ = await run(library, place=closed)
    assert (exit_code, library.closed) == (1, 1)
    assert "the reader of the output went away" in complained(place)


# --- several regions ----------------------------------------------------------------------------------------

TWO = ("--region", "eu-west-1", "--region", "us-east-1", "--region", "eu-west-1")


async def test_several_regions_end_with_the_exit_code_of_the_worst() -> None:
    stuck = StackStuckError("stuck", stack="plldb", status="DELETE_FAILED")
    library = ScriptedLibrary({"eu-west-1": scripts.successful_setup(), "us-east-1": [stuck]})
    exit_code, place = await run(library, *TWO)
    assert (exit_code, library.closed) == (3, 2)
    assert written(place).splitlines()[-2:] == [
        "✔ summary    eu-west-1: deployed",
        "✘ summary    us-east-1: stuck",
    ]
    assert "us-east-1 error: stuck" in complained(place)


async def test_several_regions_in_json_are_labelled_and_end_with_one_line() -> None:
    script: dict[str, Sequence[Any]] = {"eu-west-1": scripts.successful_setup(), "us-east-1": [FAILED]}
    exit_code, place = await run(ScriptedLibrary(script), *TWO, "--output", "json")
    *lines, last = told(place)
    assert {line["region"] for line in lines} == {"eu-west-1", "us-east-1"}
    assert {line["kind"] for line in lines} >= {"region_finished", "region_failed"}
    assert not {line["kind"] for line in lines} & {"finished", "failed"}
    assert (last["kind"], last["region"], last["exit_code"], exit_code) == ("failed", None, 1, 1)


@pytest.mark.parametrize("output", ["text", "json"])
async def test_a_bug_in_one_region_closes_the_others_and_ends_the_stream(output: str) -> None:
    quiet = [scripts.started("setup", region="us-east-1")] * 9_999
    script: dict[str, Sequence[Any]] = {"eu-west-1": [ZeroDivisionError("oops")], "us-east-1": quiet}
    library, place = ScriptedLibrary(script), terminal()
    with pytest.raises(ZeroDivisionError):
        await run(library, *TWO, "--output", output, place=place)
    assert library.closed == 2
    said = ["plldb has a bug: ZeroDivisionError: oops", "stopped, because of the bug in another region"]
    if output == "text":
        assert [line.partition(": ")[2] for line in written(place).splitlines()[-2:]] == said
    else:
        *lines, last = told(place)
        assert not {line["kind"] for line in lines} & {"finished", "failed"}
        assert (last["kind"], last["region"], last["exit_code"]) == ("failed", None, 1)
        assert [region["said"] for region in last["regions"]] == said


async def test_an_interrupt_of_several_regions_names_those_at_work() -> None:
    script: dict[str, Sequence[Any]] = {
        "eu-west-1": [*scripts.successful_setup()[:10], signal.SIGINT, *scripts.successful_setup()[:10] * 90],
        "us-east-1": [scripts.started()] * 900,
    }
    exit_code, place = await run(ScriptedLibrary(script, delay=0.01), *TWO, "--output", "json")
    ends = [line for line in told(place) if line["kind"] == "failed"]
    assert (exit_code, len(ends)) == (130, 1)
    assert ends[0]["next"][0]["command"] == "plldb bootstrap watch --region eu-west-1"


# --- questions ----------------------------------------------------------------------------------------------


def person(answer: str, *, tty: bool = True) -> Terminal:
    """A terminal at which ``answer`` has been typed."""
    reader, writer = os.pipe()
    os.write(writer, answer.encode())
    os.close(writer)
    place = terminal(tty=tty, TERM="dumb")
    return Terminal(stdin=Typed(reader, tty), stdout=place.stdout, stderr=place.stderr, environ=place.environ)


class Typed(io.TextIOWrapper):
    def __init__(self, descriptor: int, tty: bool) -> None:
        super().__init__(os.fdopen(descriptor, "rb"))
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


async def destroy(place: Terminal, *argv: str) -> tuple[int, str]:
    try:
        exit_code, _ = await run(ScriptedLibrary(scripts.finished_destroy()), "destroy", *argv, place=place)
    finally:
        place.stdin.close()
    return exit_code, written(place)


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yessir\n", "y\n", "YES\n"])
async def test_yes_alone_removes(answer: str) -> None:
    exit_code, text = await destroy(person(answer))
    yes = answer in ("y\n", "YES\n")
    assert (exit_code, "deleted" in text.split("[y/N]")[1]) == (0 if yes else 1, yes)
    assert text.endswith("[y/N] \n") == (not answer)  # a terminal shows the end of a line that is typed


@pytest.mark.parametrize(("argv", "keyboard"), [(("--yes",), True), (("--dry-run",), True), ((), False)])
async def test_who_says_yes_or_has_no_keyboard_is_not_asked(argv: tuple[str, ...], keyboard: bool) -> None:
    exit_code, text = await destroy(person("n\n", tty=keyboard), *argv)
    assert (exit_code, "[y/N]" in text) == (0, False)


@pytest.mark.parametrize("argv", [(), ("--output", "json")])
async def test_at_a_keyboard_the_question_is_put_wherever_the_output_goes(argv: tuple[str, ...]) -> None:
    place = replace(person("n\n"), stdout=Screen())
    exit_code, text = await destroy(place, *argv)
    assert (exit_code, "[y/N]" in text) == (1, False)
    assert f"Delete the stack plldb and the bucket {scripts.BUCKET} for good? [y/N]" in complained(place)


@pytest.mark.parametrize("output", ["text", "json"])
async def test_a_dry_run_of_destroy_ends_with_its_plan(output: str) -> None:
    library = ScriptedLibrary([scripts.started("destroy", dry_run=True), scripts.removal()])
    exit_code, place = await run(library, "destroy", "--dry-run", "--output", output)
    assert (exit_code, library.closed) == (0, 1)
    if output == "json":
        first, last = told(place)
        assert (first["dry_run"], last["result"], last["stack_name"]) == (True, "planned", "plldb")
    else:
        assert "would be deleted\n✔ plldb      dry run: nothing was changed\n" in written(place)
        assert written(place).endswith("`plldb bootstrap destroy --region eu-west-1` does it\n")


async def test_nothing_to_remove_is_no_question() -> None:
    nothing = scripts.removal(stack_status=None, bucket=None, versions=0)
    place = person("n\n")
    exit_code, _ = await run(ScriptedLibrary([nothing]), "destroy", place=place)
    place.stdin.close()
    assert (exit_code, "[y/N]" in written(place)) == (0, False)


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
def test_a_question_is_never_broken_within_a_name(columns: int) -> None:
    asked = [f"Delete the stack plldb and the bucket {scripts.BUCKET} for good?"] * 2
    text = question_text(asked, columns)
    assert text.split() == " ".join([*asked, "[y/N]"]).split()
    assert all(len(line) < columns for line in text.split("\n"))
    assert question_text(asked, 30).count(scripts.BUCKET) == 2  # longer than a line: the terminal breaks it


class Interrupted(Screen):
    """A terminal at which somebody answers a question with a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(tty=True)
        self._number = number

    def write(self, text: str) -> int:
        if "[y/N]" in text:
            os.kill(os.getpid(), self._number)
        return super().write(text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_question_may_be_answered_with_a_signal(number: int) -> None:
    reader, writer = os.pipe()
    place = replace(terminal(TERM="dumb"), stdin=Typed(reader, True), stdout=Interrupted(number))
    try:
        exit_code, text = await destroy(place)
    finally:
        os.close(writer)
    assert (exit_code, text.endswith("for good? [y/N] \n")) == (130, True)
    assert complained(place).startswith("error: interrupted: plldb bootstrap destroy has stopped\n")


async def test_several_regions_are_asked_about_once() -> None:
    exit_code, text = await destroy(person("y\n"), *TWO)
    assert (exit_code, text.count("[y/N]")) == (0, 1)
    question = text.index("[y/N]")
    assert text.rindex("will be deleted") < question


async def test_a_doctor_that_finds_problems_exits_with_1_and_names_each_remedy() -> None:
    script: list[scripts.Step] = [*scripts.findings(), DoctorFinished(problems=1, warnings=1)]
    exit_code, place = await run(ScriptedLibrary(script), "doctor")
    assert exit_code == 1
    said = written(place)
    assert "Run setup." in said
    assert "Set the clock right." in said
    assert "not examined: not allowed" in said


async def test_a_doctor_that_finds_no_problem_exits_with_0_in_json_too() -> None:
    script: list[scripts.Step] = [scripts.findings()[0], DoctorFinished(problems=0, warnings=0)]
    exit_code, place = await run(ScriptedLibrary(script), "doctor", "--output", "json")
    lines = told(place)
    assert (exit_code, [line["kind"] for line in lines]) == (0, ["finding", "finished"])
    assert lines[-1]["result"] == "ready"
