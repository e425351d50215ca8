"""Invocations as files: what is in them, what is refused, and how they come onto the disk."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.debugger.errors import RecordingError
from plldb.debugger.events.attach import RecordingFailed
from plldb.debugger.protocol.decisions import Start
from plldb.debugger.protocol.invocations import Answer, Identity, Invocation, Sandbox
from plldb.debugger.recordings.recorder import Recorder
from plldb.debugger.recordings.recordings import make_recording, read_recording, write_recording
from plldb.debugger.workers.settings import FunctionSettings

SETTINGS = FunctionSettings(
    name="orders",
    arn="arn:aws:lambda:eu-west-1:123456789012:function:orders",
    handler="datadog_lambda.handler.handler",
    runtime="python3.12",
    layers=("arn:aws:lambda:eu-west-1:123456789012:layer:tools:3",),
    variables={"DD_LAMBDA_HANDLER": "app.handler", "PASSWORD": "a variable"},
)
CREDENTIALS = (
    ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "a secret"),
    ("AWS_SESSION_TOKEN", "a token"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/26/[$LATEST]0a"),
)
HEADERS = (
    ("lambda-runtime-aws-request-id", "r1"),
    ("lambda-runtime-deadline-ms", "1795000000000"),
    ("lambda-runtime-client-context", '{"custom": {"a": "Ä\x83"}}'),
)


def invocation(body: bytes, at: float = 1_795_000_000.25) -> Invocation:
    return Invocation(headers=HEADERS, environment=CREDENTIALS, body=body, delivered=at, deadline=at + 3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(event=JSON | st.binary(max_size=20), answer=JSON | st.none())
def test_what_is_read_is_what_was_written_without_what_is_secret(event: Any, answer: Any) -> None:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    end = Answer(kind="response", body=json.dumps(answer).encode()) if answer else None
    made = make_recording(SETTINGS, invocation(body), end, "answered", 0.1234)
    text = write_recording(made)
    assert not [secret for secret in ("AKIAEXAMPLE", "a secret", "a token", "a variable") if secret in text]
    read = read_recording(text.encode(), "file")
    assert replace(read, event=b"", answer=None) == replace(made, event=b"", answer=None)
    assert (read.function.handler, read.function.variables) == ("app.handler", {})
    assert "lambda-runtime-deadline-ms" not in dict(read.headers)
    try:
        same = json.loads(read.event) == json.loads(body)
    except ValueError:
        same = read.event == body
    assert same
    assert (json.loads(read.answer) if read.answer else None) == (answer or None)


def changed(**fields: Any) -> bytes:
    told = json.loads(write_recording(make_recording(SETTINGS, invocation(b"{}"), None, "cancelled", 1)))
    return json.dumps({name: value for name, value in {**told, **fields}.items() if value != "-"}).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"form":\n 1,}', "a.json is not JSON: line 2, column "),
        (changed(function={"name": "orders", "handler": "a.b", "timeout": -5}), "no usable timeout"),
        (b" \n", "a.json is not JSON: it is empty."),
        (b'{"form":\n"\xe4"}', "a.json is not JSON: line 2: it is not written in UTF-8."),
        (b"[" * 100_000, "a.json is not JSON: it is nested too deeply."),
        (b"1" * 5000, "a.json is not JSON: Exceeds the limit"),
        (b"[]", "it does not begin as one"),
        (b'{"Records": []}', "it does not begin as one"),
        (changed(form="plldb recording 9"), "it says 'plldb recording 9', not 'plldb recording 1'"),
        (changed(event="-"), "it has no event"),
        (changed(function=[]), "it has no function"),
        (changed(function={"name": "orders"}), "no usable handler"),
        (changed(function={"name": "orders", "handler": "a.b", "timeout": "3"}), "no usable timeout"),
        (changed(function={"name": "a\nb", "handler": "a.b"}), "no usable name"),
        (
            changed(function={"name": "orders", "handler": "a.b", "layers": ["a:b:layer:../x:1"]}),
            "usable layers",
        ),
        (changed(context={}), "has no lambda-runtime-aws-request-id"),
        (changed(context={"lambda-runtime-aws-request-id": "a\r\nx: y"}), "an unusable 'lambda-runtime-aws"),
        (changed(context={"host": "x"}), "an unusable 'host'"),
        (changed(time="yesterday"), "Invalid isoformat"),
        (changed(seconds="long"), "could not convert"),
        (changed(event="-", event_base64="é"), "a.json is damaged"),
        (changed(log_stream=None), "it has no usable log_stream"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_name(data: bytes, why: str) -> None:
    with pytest.raises(RecordingError) as raised:
        read_recording(data, "a.json")
    assert raised.value.message.startswith("a.json ")
    assert why in raised.value.message


def test_an_event_however_deep_is_written_and_read_or_refused() -> None:
    for depth in (*range(880, 1000), 1200, 1498):  # the limits of Python's versions
        event = b"[" * depth + b"]" * depth
        text = write_recording(make_recording(SETTINGS, invocation(event), None, "cancelled", 1))
        with suppress(RecordingError):
            assert read_recording(text.encode(), "a.json").event == event


START = Start(
    identity=Identity(sandbox=Sandbox("k", "s"), request_id="r1", nonce="n"),
    function="orders",
    invocation=invocation(b'{"a": 1}'),
)


async def test_files_are_for_their_owner_and_sort_by_time(tmp_path: Path) -> None:
    told: list[RecordingFailed] = []
    folder = tmp_path / "new" / "folder"
    recorder = Recorder(folder, {"orders": SETTINGS}, told.append)
    await recorder.open()
    later = replace(START, invocation=invocation(b"2", 1_795_000_001.0))
    await recorder.keep(later, None, "cancelled", 0.1)
    await asyncio.gather(*[recorder.keep(START, None, "cancelled", 0.1) for _ in range(3)])
    names = sorted(path.name for path in folder.iterdir())
    assert len({*names}) == 4
    times = ("20261118T110640.250Z", "20261118T110641.000Z")
    assert [name[:27] for name in names] == [f"{times[0]}-orders"] * 3 + [f"{times[1]}-orders"]
    assert [path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())] == [0o700, *[0o600] * 4]
    assert not told


@pytest.mark.parametrize("folder", ["file", "file/folder"])
async def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path, folder: str) -> None:
    told: list[RecordingFailed] = []
    (tmp_path / "file").touch()
    recorder = Recorder(tmp_path / folder, {"orders": SETTINGS}, told.append)
    await recorder.open()
    assert told
    for _ in range(2):
        await recorder.keep(START, None, "cancelled", 0.1)
    assert [each.message for each in told] == ["Not a directory"]


FULL = """
import resource, sys
from pathlib import Path
from plldb.debugger.recordings.recorder import write_file
from tests.unit.debugger.test_recordings import SETTINGS, invocation, make_recording
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
try:
    write_file(Path(sys.argv[1]), make_recording(SETTINGS, invocation(b"{}"), None, "cancelled", 1))
except OSError as error:
    print(error.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, before)  # what coverage writes at the end shall fit
"""


def test_of_a_file_that_does_not_fit_nothing_is_left(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "File too large\n"
    assert not [*tmp_path.iterdir()]
