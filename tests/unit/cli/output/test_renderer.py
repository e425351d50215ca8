"""Everything that the library can say is shown by all three faces. Pure."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.bootstrap import events as ev
from plldb.bootstrap.errors import StackFailedError
from plldb.bootstrap.progress import Progress
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.cli.bootstrap.explain import explain_error
from plldb.cli.bootstrap.words import header_lines
from plldb.cli.jobs import Settings
from plldb.cli.output.console import ConsoleFace, open_console
from plldb.cli.output.jsonlines import JsonFace, result_of
from plldb.cli.output.plain import PlainFace
from plldb.cli.output.renderer import Face, Lane, choose_face
from tests.support.screens import on_screen
from tests.unit.cli import scripts
from tests.unit.cli.scripts import Shown, event_classes, terminal, written


def test_there_is_an_example_of_every_event() -> None:
    assert {type(example) for example in scripts.EXAMPLES} == event_classes()


def show(face: Face, lane: Lane, events: Sequence[Shown]) -> None:
    for event in events:
        lane.progress.add(event, scripts.T0.timestamp())
        face.show(lane, event)


@pytest.mark.parametrize("event", scripts.EXAMPLES, ids=lambda event: str(event.kind))
@pytest.mark.parametrize("width", ["80", "200"])
def test_every_event_is_shown_on_a_terminal(event: Shown, width: str) -> None:
    screen, lane = terminal(tty=True, TERM="xterm", COLUMNS=width), Lane()
    face = ConsoleFace(open_console(screen), screen, [lane])
    # artifacts are gathered into one line, which the next stage brings
    then = [scripts.started()] if isinstance(event, ev.ArtifactReady) else []
    show(face, lane, [event, *then])
    *said, live = [line for line in on_screen(written(screen)).splitlines() if line.strip()]
    assert len(said) > (len(header_lines(then[0])) if then else 0), live


@pytest.mark.parametrize("event", scripts.EXAMPLES, ids=lambda event: str(event.kind))
def test_every_event_is_shown_as_plain_lines(event: Shown) -> None:
    screen, lane = terminal(), Lane()
    show(PlainFace(screen, [lane]), lane, [event])
    # artifacts are gathered into one line, which the next stage brings
    assert written(screen).endswith("\n") or isinstance(event, ev.ArtifactReady)
    assert "\x1b" not in written(screen)
    assert "\r" not in written(screen)


def plain_value(value: object) -> Any:
    """What JSON is to say of a value, found by another way than the program's."""
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
    screen, lane = terminal(), Lane()
    face = JsonFace("setup", screen, several=False)
    face.show(lane, event)
    if result_of(event):
        assert written(screen) == ""
        face.done(lane, 0)
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
    JsonFace("setup", screen, several=False).show(Lane(), scripts.stack_event(at=1.5))
    told = json.loads(written(screen))
    assert (told["time"], told["timestamp"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:00:01.500000Z")


def test_json_of_one_event_is_what_docs_promise() -> None:
    screen = terminal()
    JsonFace("setup", screen, several=True).show(Lane(label="eu-west-1"), ev.BucketDeleted(bucket="b"))
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
def test_no_face_lets_text_from_aws_write_escapes_or_lines(name: str, reason: str) -> None:
    event = scripts.stack_event(name, "CREATE_FAILED", reason=reason)
    error = StackFailedError(
        reason, stack="plldb", status=name, failures=(scripts.failure(name, reason),), hint=reason
    )
    problem = explain_error(error, scripts.job(), Settings(), Progress())
    plain, lane = terminal(), Lane()
    lines = PlainFace(plain, [lane])
    lines.show(lane, event)
    assert len(written(plain).splitlines()) == 1
    lines.fail(lane, problem)
    assert all(line.isprintable() for line in written(plain).split("\n"))
    assert all(line.isprintable() for line in scripts.complained(plain).split("\n"))
    screen = terminal(tty=True, TERM="xterm", COLUMNS="200", NO_COLOR="1")
    console = ConsoleFace(open_console(screen), screen, [lane])
    console.show(lane, event)
    console.fail(lane, problem)
    # rich itself writes only styles (m), moves (A), and erasures (K)
    assert set(scripts.escapes(written(screen))) <= {"m", "A", "K"}
    assert "31" not in scripts.parameters(written(screen))
    machine = terminal()
    JsonFace("setup", machine, several=False).show(lane, event)
    assert written(machine)[:-1].isprintable()


@pytest.mark.parametrize(
    ("output", "tty", "term", "face"),
    [
        ("text", True, "xterm", ConsoleFace),
        ("text", True, "dumb", PlainFace),
        ("text", False, "xterm", PlainFace),
        ("json", True, "xterm", JsonFace),
    ],
)
def test_the_face_fits_the_place(output: Any, tty: bool, term: str, face: type) -> None:
    assert type(choose_face(output, "setup", terminal(tty=tty, TERM=term), [Lane()])) is face


@pytest.mark.parametrize("status", StackStatus)
def test_every_stack_status_has_a_sentence(status: StackStatus) -> None:
    screen, lane = terminal(), Lane()
    PlainFace(screen, [lane]).show(lane, ev.WatchFinished(stack_name="plldb", status=status))
    assert f"plldb is in {status}" in written(screen)


def test_ascii_output_has_ascii_signs_only() -> None:
    screen, lane = terminal(encoding="ascii"), Lane()
    show(PlainFace(screen, [lane]), lane, scripts.EXAMPLES)
    assert written(screen).isascii()
