"""Everything that the library can say is shown by all three renderers. Pure."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb import bootstrap as ev
from plldb.bootstrap.errors import StackFailedError
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.cli.bootstrap.explain import explain
from plldb.cli.bootstrap.operations import make_command, result_of
from plldb.cli.bootstrap.words import header_lines
from plldb.cli.invocation import Settings
from plldb.cli.output.jsonlines import JsonRenderer
from plldb.cli.output.plain import PlainRenderer
from plldb.cli.output.renderer import RegionRun, Renderer
from plldb.cli.output.terminal import TerminalRenderer, open_console
from plldb.cli.run import choose_renderer
from plldb.errors import Hint
from tests.support.screens import on_screen
from tests.unit.cli import scripts
from tests.unit.cli.scripts import Shown, a_run, asked, event_classes, terminal, written


def test_there_is_an_example_of_every_event() -> None:
    assert {type(example) for example in scripts.EXAMPLES} == event_classes()


def show(renderer: Renderer, run: RegionRun[Any], events: Sequence[Shown]) -> None:
    for event in events:
        run.progress.add(event, scripts.T0.timestamp())
        renderer.show(run, event)


@pytest.mark.parametrize("event", scripts.EXAMPLES, ids=lambda event: str(event.kind))
@pytest.mark.parametrize("width", ["80", "200"])
def test_every_event_is_shown_on_a_terminal(event: Shown, width: str) -> None:
    screen, run = terminal(tty=True, TERM="xterm", COLUMNS=width), a_run()
    renderer = TerminalRenderer(open_console(screen), screen, [run])
    # artifacts are gathered into one line, which the next stage brings
    then = [scripts.started()] if isinstance(event, ev.ArtifactReady) else []
    show(renderer, run, [event, *then])
    *said, live = [line for line in on_screen(written(screen)).splitlines() if line.strip()]
    assert len(said) > (len(header_lines(then[0])) if then else 0), live


@pytest.mark.parametrize("event", scripts.EXAMPLES, ids=lambda event: str(event.kind))
def test_every_event_is_shown_as_plain_lines(event: Shown) -> None:
    screen, run = terminal(), a_run()
    show(PlainRenderer(screen, [run]), run, [event])
    # artifacts are gathered into one line, which the next stage brings
    assert written(screen).endswith("\n") or isinstance(event, ev.ArtifactReady)
    assert "\x1b" not in written(screen)
    assert "\r" not in written(screen)


def plain_value(value: object) -> Any:
    """What JSON is to say of a value, found by another way than the program's."""
    if isinstance(value, Hint):
        return value.text
    if dataclasses.is_dataclass(value):
        return {f.name: plain_value(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [plain_value(item) for item in value]
    return value


def revived(value: Any) -> Any:
    """Times back from their text."""
    if isinstance(value, dict):
        return {k: datetime.fromisoformat(v) if is_time(k, v) else revived(v) for k, v in value.items()}
    return [revived(item) for item in value] if isinstance(value, list) else value


def is_time(name: str, value: object) -> bool:
    return isinstance(value, str) and name in ("time", "timestamp", "created", "updated")


@pytest.mark.parametrize("event", scripts.EXAMPLES, ids=lambda event: str(event.kind))
def test_every_event_survives_the_way_through_json(event: Shown) -> None:
    screen, run = terminal(), a_run()
    renderer = JsonRenderer("setup", result_of, screen, several=False)
    renderer.show(run, event)
    if result_of(event):
        assert written(screen) == ""
        renderer.done(run, 0)
    (line,) = written(screen).splitlines()
    told = revived(json.loads(line))
    for name, value in plain_value(event).items():
        if name == "kind":
            continue
        assert told[name] == value
    assert (told["version"], told["time"]) == (1, scripts.T0)
    assert told["kind"] == ("finished" if result_of(event) else event.kind)


def test_times_in_json_are_utc_with_z() -> None:
    screen = terminal()
    JsonRenderer("setup", result_of, screen, several=False).show(a_run(), scripts.stack_event(at=1.5))
    told = json.loads(written(screen))
    assert (told["time"], told["timestamp"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:00:01.500000Z")


def test_json_of_one_event_is_what_docs_promise() -> None:
    screen = terminal()
    JsonRenderer("setup", result_of, screen, several=True).show(
        a_run(label="eu-west-1"), ev.BucketDeleted(bucket="b")
    )
    assert written(screen) == (
        '{"version": 1, "kind": "bucket_deleted", "time": "2026-03-01T12:00:00Z", '
        '"region": "eu-west-1", "bucket": "b"}\n'
    )


EVIL = st.text(
    alphabet=st.one_of(
        st.sampled_from("\x1b\x9b\n\r\x07\u202e\u2028[/]{}mAJK;31"), st.characters(codec="utf-8")
    )
)


@given(EVIL, EVIL)
def test_no_renderer_lets_text_from_aws_write_escapes_or_lines(name: str, reason: str) -> None:
    event = scripts.stack_event(name, "CREATE_FAILED", reason=reason)
    error = StackFailedError(
        reason,
        stack="plldb",
        status=name,
        failures=(scripts.failure(name, reason),),
        hint=Hint("report", reason),
    )
    plain, run = terminal(), a_run()
    problem = explain(asked("bootstrap"), error, [run])
    lines = PlainRenderer(plain, [run])
    lines.show(run, event)
    assert len(written(plain).splitlines()) == 1
    lines.fail(run, problem)
    assert all(line.isprintable() for line in written(plain).split("\n"))
    assert all(line.isprintable() for line in scripts.complained(plain).split("\n"))
    screen = terminal(tty=True, TERM="xterm", COLUMNS="200", NO_COLOR="1")
    console = TerminalRenderer(open_console(screen), screen, [run])
    console.show(run, event)
    console.fail(run, problem)
    # rich itself writes only styles (m), moves (A), and erasures (K)
    assert set(scripts.escapes(written(screen))) <= {"m", "A", "K"}
    assert "31" not in scripts.parameters(written(screen))
    machine = terminal()
    JsonRenderer("setup", result_of, machine, several=False).show(run, event)
    assert written(machine)[:-1].isprintable()


@pytest.mark.parametrize(
    ("output", "tty", "environ", "kind"),
    [
        ("text", True, {"TERM": "xterm"}, TerminalRenderer),
        ("text", True, {"TERM": "xterm", "TTY_COMPATIBLE": "1"}, TerminalRenderer),
        ("text", True, {"TERM": "xterm", "TTY_COMPATIBLE": "0"}, PlainRenderer),
        ("text", True, {"TERM": "dumb"}, PlainRenderer),
        ("text", False, {"TERM": "xterm", "TTY_COMPATIBLE": "1", "FORCE_COLOR": "1"}, PlainRenderer),
        ("json", True, {"TERM": "xterm"}, JsonRenderer),
    ],
)
def test_the_renderer_fits_the_place(output: Any, tty: bool, environ: Any, kind: type) -> None:
    command = make_command(asked("bootstrap"), None)
    place = terminal(tty=tty, **environ)
    assert type(choose_renderer(command, Settings(output=output), place, [a_run()])) is kind


@pytest.mark.parametrize("status", StackStatus)
def test_every_stack_status_has_a_sentence(status: StackStatus) -> None:
    screen, run = terminal(), a_run()
    PlainRenderer(screen, [run]).show(run, ev.WatchFinished(stack_name="plldb", status=status))
    assert f"plldb is in {status}" in written(screen)


def test_ascii_output_has_ascii_signs_only() -> None:
    screen, run = terminal(encoding="ascii"), a_run()
    show(PlainRenderer(screen, [run]), run, scripts.EXAMPLES)
    assert written(screen).isascii()
