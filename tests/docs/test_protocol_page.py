"""docs/protocol.md has every message, with its fields, and the figures of the code."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import get_args

import pytest

from plldb.debugger.protocol import messages
from plldb.debugger.protocol.invocations import Identity, Sandbox
from tests.support.frames import TOKEN, Agent

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
SANDBOX = Sandbox("0", "ab")
IDENTITY = Identity(sandbox=SANDBOX, request_id="r", nonce="1")
SAMPLES: tuple[messages.ToAgent, ...] = (
    messages.Accepted(IDENTITY),
    messages.Heartbeat(IDENTITY),
    messages.AnswerPiece(identity=IDENTITY, i=0, of=1, z=0, d=""),
    messages.Unknown(IDENTITY),
    messages.Moved(session="5e", connection="a="),
    messages.Detached("5e"),
)


def row_of(kind: str) -> str:
    """The row of a table that begins with a message's name."""
    found = re.search(rf"^\| `{kind}` \|(.*)$", PAGE, re.MULTILINE)
    assert found, kind
    return found[1]


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_what_a_laptop_says_is_described(message: messages.ToAgent) -> None:
    frame = messages.write_frame(message, SANDBOX, TOKEN, at=1)
    fields = json.loads(frame.split(" ", 3)[3])
    row = row_of(fields["t"])
    assert re.findall(r"`(\w+)`", row.split("|")[0]) == [
        name for name in fields if name not in ("t", "sb", "at")
    ]


def test_every_message_of_a_laptop_is_among_them() -> None:
    assert {type(sample) for sample in SAMPLES} == set(get_args(messages.ToAgent))


@pytest.mark.parametrize(("kind", "more"), [("invocation", ("i", "of", "z", "d")), ("resume", ("have",))])
def test_what_a_sandbox_says_is_described(kind: str, more: tuple[str, ...]) -> None:
    assert tuple(re.findall(r"`(\w+)`", row_of(kind).split("|")[0])) == more
    common = json.loads(Agent(now=0).frame(kind).split(" ", 3)[3])
    missing = [name for name in common if f"`{name}`" not in PAGE]
    assert missing == []


def test_the_figures_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| ([\d.]+) \| .* \| `([\w.]+)` \|$", PAGE, re.MULTILINE)
    assert len(rows) > 15
    for figure, name in rows:
        module, _, constant = name.rpartition(".")
        assert float(figure) == getattr(importlib.import_module(f"plldb.debugger.{module}"), constant), name
