"""The entry for VS Code in ``.vscode/launch.json``: where it goes in the text. Pure.

Text is only ever inserted, or the digits of a port replaced: comments, order and style of a file stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from plldb.debugger.editors.jsonc import Node, parse

NAME = "plldb"
Change = Literal["created", "added", "updated", "unchanged"]


class LaunchError(ValueError):
    """The file is not one of VS Code's; the message says in what."""


def entry(port: int) -> dict[str, Any]:
    """Return the entry by which VS Code attaches to a session of plldb on this machine."""
    return {
        "name": NAME,
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": "127.0.0.1", "port": port},
        "subProcess": True,
    }


def new_file(port: int) -> str:
    """Return a whole ``launch.json``."""
    return json.dumps({"version": "0.2.0", "configurations": [entry(port)]}, indent=4) + "\n"


def add_entry(text: str, port: int) -> tuple[str, Change]:
    """Return a ``launch.json`` in which the entry is, with this port, and what has been changed for it.

    Raises:
        LaunchError: it cannot be told where the entry would go.
        JsoncError: the text is not JSON, comments and trailing commas apart.
    """
    root = parse(text)
    if root is None:
        # Behind a comment nothing is read until the next line.
        return text + ("\n" if text.strip() and not text.endswith("\n") else "") + new_file(port), "created"
    if not isinstance(root.value, Mapping):
        raise LaunchError("it is no object")
    entries = root.value.get("configurations")
    if entries is None:
        return _insert_list(text, root, root.value, port), "added"
    if not isinstance(entries.value, tuple):
        raise LaunchError('"configurations" is no list')
    for each in entries.value:
        name = _member(each, "name")
        if name is not None and name.value == NAME:
            return _update_port(text, _member(each, "connect", "port"), port)
    return _insert_entry(text, entries, entries.value, port), "added"


def _member(node: Node | None, *names: str) -> Node | None:
    for name in names:
        node = node.value.get(name) if node is not None and isinstance(node.value, Mapping) else None
    return node


def _update_port(text: str, found: Node | None, port: int) -> tuple[str, Change]:
    if found is None or found.value == port:  # None: somebody's own entry, which attaches in another way
        return text, "unchanged"
    return text[: found.start] + str(port) + text[found.end :], "updated"


def _insert_entry(text: str, entries: Node, items: Sequence[Node], port: int) -> str:
    """Put the entry first, as VS Code's own button does: nothing of the others has to change for it."""
    if items and "\n" not in text[entries.start : items[0].start]:
        at = entries.start + 1
        return f"{text[:at]}{json.dumps(entry(port))}, {text[at:]}"
    outer = _indent_at(text, entries.start)
    inner = _indent_at(text, items[0].start) if items else outer + _unit(text, outer)
    written = _written(entry(port), inner, _unit(text, outer), text)
    return _insert_first(text, entries, written, inner, outer, more=bool(items))


def _insert_list(text: str, root: Node, members: Mapping[str, Node], port: int) -> str:
    outer = _indent_at(text, root.start)
    first = min((each.start for each in members.values()), default=None)
    inner = outer + "    " if first is None else _indent_at(text, first) or outer + "    "
    listed = _written({"configurations": [entry(port)]}, outer, inner[len(outer) :], text)
    member = listed.partition("{")[2].rpartition("}")[0].strip()
    return _insert_first(text, root, member, inner, outer, more=bool(members))


def _insert_first(text: str, into: Node, written: str, inner: str, outer: str, *, more: bool) -> str:
    """Insert something as the first item, behind a comment that stands beside the bracket."""
    comment = re.compile(r"[ \t]*//[^\r\n]*").match(text, into.start + 1)
    at = comment.end() if comment else into.start + 1
    newline = _newline(text)
    rest = text[at : into.end - 1]
    after = "," if more else "" if "\n" in rest else newline + outer
    return f"{text[:at]}{newline}{inner}{written}{after}{text[at:]}"


def _written(value: Any, indent: str, unit: str, text: str) -> str:
    lines = json.dumps(value, indent=unit).splitlines()
    return _newline(text).join([lines[0], *(indent + line for line in lines[1:])])


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent_at(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str, indent: str) -> str:
    """Return one step of indentation: that of the list itself, which is one level deep."""
    return indent or ("\t" if "\n\t" in text else "    ")
