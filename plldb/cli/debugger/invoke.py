"""``plldb invoke``: the event of a file; the answer in words. Talks to the disk for the event."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from plldb.cli.debugger.status import person
from plldb.cli.output.layout import Line, Tone, last_line
from plldb.cli.output.text import counted, short_time
from plldb.debugger.invoking.event import LARGEST, check_event
from plldb.errors import Hint, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from plldb.debugger.events.invoke import FunctionError, Invoked

MOST_LINES = 200
MOST_CHARACTERS = 20_000
"""Of an answer that people are shown: more of it moves all else off the screen. Programs get all of it."""


def invoked_lines(event: Invoked) -> list[Line]:
    """Return what is to be said of an answer; the end of it, which is seen first, is the verdict."""
    what = _answer_lines(event) if event.error is None else _error_lines(event.error)
    return [
        *_block("log", event.log, "dim"),
        *what,
        Line(name="ran", text=_where_text(event)),
        last_line(f"{invoked_text(event)} ({event.request_id})", good=event.error is None),
    ]


def invoked_text(event: Invoked) -> str:
    """Say in a few words what became of an event."""
    how = "answered" if event.error is None else "failed"
    return f"{event.function} {how} after {short_time(event.seconds)}"


def _block(name: str, texts: Iterable[str], tone: Tone = "plain") -> list[Line]:
    return [
        Line(name="" if number else name, text=text, tone=tone, verbatim=True)
        for number, text in enumerate(texts)
    ]


def _answer_lines(event: Invoked) -> list[Line]:
    text = event.text or json.dumps(event.answer, indent=2, ensure_ascii=False)
    shown = text[:MOST_CHARACTERS].splitlines()[:MOST_LINES]
    lines = _block("answer", shown)
    left = len(text) - sum(len(line) + 1 for line in shown)
    if left > 0:
        more = f"{counted(left, 'character')} more; --output json has all of them"
        lines.append(Line(mark="warn", text=more, tone="warn"))
    return lines


def _error_lines(error: FunctionError) -> list[Line]:
    told = ": ".join(filter(None, (error.type, error.message))) or "an error without a message"
    return [
        Line(mark="fail", name="error", text=told, tone="bad"),
        *_block("stack", error.stack),
    ]


def _where_text(event: Invoked) -> str:
    if event.ran == "machine":
        where = f"on {event.host}, where {person(event.who)} is attached"
        return f"{where}; what it printed is on the screen of plldb attach there"
    if event.ran == "deployed":
        others = [*dict.fromkeys(person(each) for each in event.not_taken_by)]
        take = "takes" if len(others) == 1 else "take"
        why = f"; {' and '.join(others)} {take} other events only" if others else ""
        return f"in Lambda: the deployed code, version {event.function_version}{why}"
    if event.who:
        return (
            f"probably in Lambda: {person(event.who)} on {event.host} is attached to it, "
            "but that machine has noted nothing of it"
        )
    return "in Lambda, or on a machine that is attached: you may not read the notes of that"


async def read_event(name: str | None, stdin: BinaryIO) -> bytes:
    """Return the event in a file, or with ``-`` the one at the standard input; without a name ``{}``.

    Raises:
        SettingsError: it cannot be read, is no JSON, or is larger than Lambda takes.
    """
    if not name:
        return b"{}"

    def read() -> bytes:
        most = 4 * LARGEST  # as many bytes as UTF-32 would need
        if name == "-":
            return stdin.read(most)
        with Path(name).open("rb") as file:
            return file.read(most)

    try:
        text = await asyncio.to_thread(read)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        way = "--data takes the event itself." if name.lstrip()[:1] in ("{", "[") else ""
        hint = Hint("fix-argument", way or "Name a file with an event, or - for the standard input.")
        raise SettingsError(f"The event {name!r} cannot be read: {why}.", hint=hint) from error
    return check_event(text, "The standard input" if name == "-" else name)
