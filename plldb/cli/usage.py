"""Mistakes in a command line, and hints to the right one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncclick

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def usage_message(error: asyncclick.ClickException) -> str:
    """Return one sentence; without the near misses that asyncclick finds where the hint knows better."""
    if isinstance(error, asyncclick.NoSuchCommand) or _is_misplaced(error):
        return error.message
    return error.format_message()


def usage_hint(error: asyncclick.ClickException, argv: Sequence[str], root: asyncclick.Group) -> str:
    """Return the command line that is meant, or the page to look at."""
    page = _page_of(argv, root)
    if _is_misplaced(error):
        return f"put it after the command; see '{page} --help'."
    if isinstance(error, asyncclick.NoSuchCommand):
        from difflib import get_close_matches

        meant = {"version": "plldb --version", "help": "plldb --help", **dict(_command_lines(root))}
        for name in get_close_matches(error.command_name, meant, n=1):
            return f"did you mean '{meant[name]}'?"
    return f"see '{page} --help'."


def _command_lines(root: asyncclick.Group) -> Iterator[tuple[str, str]]:
    """The name of each command, with how it is typed; of equal names the shortest line comes last."""
    for name, command in root.commands.items():
        if isinstance(command, asyncclick.Group):
            yield from ((below, f"plldb {name} {below}") for below in command.commands)
    yield from ((name, f"plldb {name}") for name in root.commands)


def _is_misplaced(error: asyncclick.ClickException) -> bool:
    """Return whether an option of the commands was given before all of them."""
    if not isinstance(error, asyncclick.NoSuchOption) or error.ctx is None or error.ctx.parent is not None:
        return False
    root = error.ctx.command
    commands = root.commands.values() if isinstance(root, asyncclick.Group) else ()
    return any(error.option_name in param.opts for command in commands for param in command.params)


def _page_of(argv: Sequence[str], root: asyncclick.Group) -> str:
    """Return the command that is named, also where asyncclick had not come to it.

    A value of an option may stand between; no value is the name of a command.
    """
    found, group = ["plldb"], root
    for word in argv:
        command = group.commands.get(word)
        if command is not None:
            found.append(word)
            if not isinstance(command, asyncclick.Group):
                break
            group = command
    return " ".join(found)
