"""JSON with comments and trailing commas, as VS Code reads it: its values, and where each stands. Pure.

Nothing is written here: whoever inserts text at a place that a `Node` tells leaves every other byte alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

_BLANK = re.compile(r"(?:\s|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_WORD = re.compile(r"[-+.\w]+")
_DEEPEST = 100
"""Levels within each other; no file of settings has as many."""


class JsoncError(ValueError):
    """The text is not JSON, comments and trailing commas apart; the message begins with line and column."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it stands in the text: ``text[start:end]``.

    ``value`` is a scalar, the items of an array as a tuple of nodes, or the members of an object by name.
    """

    start: int
    end: int
    value: str | float | bool | tuple[Node, ...] | Mapping[str, Node] | None


def parse(text: str) -> Node | None:
    """Return the value of a text; None if it has blanks and comments only.

    Raises:
        JsoncError: it is not JSON, comments and trailing commas apart.
    """
    reader = _Reader(text)
    start = reader.skip(0)
    if start == len(text):
        return None
    node = reader.read(start, 0)
    end = reader.skip(node.end)
    if end != len(text):
        raise reader.error("there is something after the end", end)
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def skip(self, at: int) -> int:
        """Return where the next thing is that is no blank and no comment."""
        found = _BLANK.match(self._text, at)
        return found.end() if found else at

    def error(self, what: str, at: int) -> JsoncError:
        line = self._text.count("\n", 0, at) + 1
        column = at - self._text.rfind("\n", 0, at)
        return JsoncError(f"line {line}, column {column}: {what}")

    def read(self, at: int, depth: int) -> Node:
        if depth > _DEEPEST:
            raise self.error("it is nested too deeply", at)
        match self._text[at : at + 1]:
            case "{":
                return self._read_object(at, depth)
            case "[":
                return self._read_array(at, depth)
            case _:
                return self._read_scalar(at)

    def _read_scalar(self, at: int) -> Node:
        return self._read_match(_STRING.match(self._text, at) or _WORD.match(self._text, at), "a value", at)

    def _read_match(self, found: re.Match[str] | None, what: str, at: int) -> Node:
        if found is None:
            raise self.error(f"{what} is missing", at)
        try:  # a tab in a string is no error to VS Code
            return Node(at, found.end(), json.loads(found[0], strict=False))
        except ValueError:
            raise self.error(f"{what} is not JSON", at) from None

    def _read_array(self, start: int, depth: int) -> Node:
        items: list[Node] = []
        at = self.skip(start + 1)
        while self._text[at : at + 1] != "]":
            items.append(self.read(at, depth + 1))
            at = self._after_item(items[-1].end, "]")
        return Node(start, at + 1, tuple(items))

    def _read_object(self, start: int, depth: int) -> Node:
        members: dict[str, Node] = {}
        at = self.skip(start + 1)
        while self._text[at : at + 1] != "}":
            name = self._read_match(_STRING.match(self._text, at), "a name in quotes", at)
            at = self.skip(name.end)
            if self._text[at : at + 1] != ":":
                raise self.error("a colon is missing", at)
            value = self.read(self.skip(at + 1), depth + 1)
            members[str(name.value)] = value
            at = self._after_item(value.end, "}")
        return Node(start, at + 1, members)

    def _after_item(self, at: int, close: str) -> int:
        """Return where the next item, or the end, is; a comma may stand before the end."""
        at = self.skip(at)
        if self._text[at : at + 1] == ",":
            return self.skip(at + 1)
        if self._text[at : at + 1] != close:
            raise self.error(f"a comma or {close} is missing", at)
        return at
