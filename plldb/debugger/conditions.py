"""Whether an event is one that a session wants, by conditions such as ``headers.x-debug=me``. Pure.

A condition is a path into the event, ``=``, and a pattern. Laptop and agent share this file, as they do
`plldb.debugger.wire`; the agent reads it only where there is a condition. Hence Python 3.9, and of the
standard library only what the agent has loaded anyway.

Numbers are compared as they are written in the event, so nothing is rounded.
"""

from __future__ import annotations

import binascii
import json

MOST = 10
"""Conditions of one session, at most: all of them travel in one message."""

LONGEST = 256
"""Characters of one condition, at most."""

SHAPE = "PATH=PATTERN, for example headers.x-debug=me or Records.*.body.user=a*"

_ANY = "*"
_ONE = "\0"  # stands for ``?`` in a pattern; nobody can type it
FOLDED = ("headers", "multiValueHeaders")
"""Below these, a name is that of a header: in capitals or not, it is the same."""


class Condition:
    """A condition that was read. Of ``steps``, `None` is any; ``parts`` are what is between the stars."""

    def __init__(self, steps: list[str | None], parts: list[str]) -> None:
        self.steps = steps
        self.parts = parts


def read_condition(text: str) -> Condition:
    """Return what a condition says.

    Raises:
        ValueError: it says nothing that could be asked; the text names it and the shape.
    """
    path, equals, pattern = _cut(text)
    steps = _split(path, ".")
    wrong = ""
    if len(text) > LONGEST:
        wrong = f"has more than {LONGEST} characters"
    elif _ONE in text:
        wrong = "has a character that no event is asked for"
    elif not equals:
        wrong = "has no '='"
    elif "" in steps:
        wrong = "has an empty name in its path"
    elif steps[0] == "$":
        wrong = "begins with '$', where a path begins with a name in the event"
    if wrong:
        shown = text if len(text) <= LONGEST else text[:40] + "..."
        raise ValueError(f"{shown!r} {wrong}: a condition is {SHAPE}.")
    names = [None if step == _ANY else _plain(step) for step in steps]
    return Condition(names, [_plain(part, one=True) for part in _split(pattern, _ANY)])


def read_conditions(texts: list[str] | tuple[str, ...]) -> list[Condition]:
    """Return what conditions say.

    Raises:
        ValueError: one says nothing that could be asked, or there are more than `MOST`.
    """
    if len(texts) > MOST:
        raise ValueError(f"{len(texts)} conditions are more than {MOST}.")
    return [read_condition(text) for text in texts]


def _cut(text: str) -> tuple[str, bool, str]:
    """Return what is before and behind the first ``=`` that no backslash is in front of."""
    path, *rest = _split(text, "=")
    return path, bool(rest), text[len(path) + 1 :]


def _split(text: str, at: str) -> list[str]:
    """Return the parts of a text; a character behind a backslash does not split it."""
    parts, quoted = [""], False
    for char in text:
        if char == at and not quoted:
            parts.append("")
        else:
            parts[-1] += char
        quoted = char == "\\" and not quoted
    return parts


def _plain(text: str, *, one: bool = False) -> str:
    """Return a text without its backslashes; with ``one``, a ``?`` stands for one character."""
    found, quoted = "", False
    for char in text:
        if char == "\\" and not quoted:
            quoted = True
            continue
        found += _ONE if one and char == "?" and not quoted else char
        quoted = False
    return found + "\\" * quoted


def matches(conditions: list[Condition], body: bytes) -> bool:
    """Return whether an event, as JSON, fulfils all the conditions; what is no JSON fulfils none."""
    event = _loaded(body)
    return event is not None and all(_leads(event, each.steps, each.parts, False) for each in conditions)


def _loaded(text: str | bytes) -> object:
    try:
        # Numbers stay as they are written.
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _leads(value: object, steps: list[str | None], parts: list[str], folded: bool) -> bool:
    """Return whether a path leads to what fits; ``folded``: the next name is that of a header."""
    if not steps:
        return _fits(value, parts)
    step, rest = steps[0], steps[1:]
    if isinstance(value, str):
        value = _opened(value)
    if isinstance(value, list):
        found = value if step is None else _element(value, step)
    elif not isinstance(value, dict):
        return False
    elif step is None:
        found = list(value.values())
    elif folded:
        found = [each for name, each in value.items() if name.lower() == step.lower()]
    else:
        # Behind a load balancer, an event may have its headers in the second place only.
        names = FOLDED if step == "headers" and rest else (step,)
        found = [value[name] for name in names if name in value]
    return any(_leads(each, rest, parts, step in FOLDED) for each in found)


def _element(value: list[object], step: str) -> list[object]:
    number = int(step) if step.isascii() and step.isdigit() and len(step) < 10 else len(value)
    return value[number : number + 1]


def _opened(text: str) -> object:
    """Return the JSON that a string holds, as it is or in base64; None if it holds none."""
    if text[:1] in ("e", "W"):  # that is how base64 of a brace or a bracket begins
        try:
            text = binascii.a2b_base64(text).decode()
        except ValueError:
            return None
    return _loaded(text) if text.lstrip()[:1] in ("{", "[") else None


def _fits(value: object, parts: list[str]) -> bool:
    if parts == ["", ""]:  # a star alone: it is there
        return True
    if isinstance(value, list):
        return any(not isinstance(each, list) and _fits(each, parts) for each in value)
    if isinstance(value, dict):
        return False
    return _like(value if isinstance(value, str) else json.dumps(value), parts)


def _like(text: str, parts: list[str]) -> bool:
    """Return whether a text has these parts, in this order, with anything in between."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return len(text) == len(first) and _is_at(text, first, 0)
    begin, end = len(first), len(text) - len(last)
    if end < begin or not _is_at(text, first, 0) or not _is_at(text, last, end):
        return False
    for part in parts[1:-1]:
        begin = _find(text, part, begin, end)
        if begin < 0:
            return False
        begin += len(part)
    return True


def _is_at(text: str, part: str, at: int) -> bool:
    if _ONE not in part:
        return text.startswith(part, at)
    return all(char in (_ONE, text[at + i]) for i, char in enumerate(part))


def _find(text: str, part: str, begin: int, end: int) -> int:
    if _ONE not in part:
        return text.find(part, begin, end)
    return next((at for at in range(begin, end - len(part) + 1) if _is_at(text, part, at)), -1)
