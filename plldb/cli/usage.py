"""What is wrong with a command line, and the way to the right one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncclick

from plldb.cli.bootstrap.commands import bootstrap, doctor

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "bootstrap": "plldb bootstrap",
    "doctor": "plldb doctor",
    "version": "plldb --version",
    "help": "plldb --help",
    **{name: f"plldb bootstrap {name}" for name in bootstrap.commands},
}
"""What somebody may write where no such command is, and the command line that is meant."""
PLACES = frozenset(option for param in doctor.params for option in param.opts)
"""The options that stand behind a command and not before it."""


def usage_message(error: asyncclick.ClickException) -> str:
    """One sentence; without the near misses that asyncclick finds where the hint knows better."""
    if isinstance(error, asyncclick.NoSuchCommand) or _is_misplaced(error):
        return error.message
    return error.format_message()


def usage_hint(error: asyncclick.ClickException, argv: Sequence[str]) -> str:
    """The command line that is meant, or the page to look at."""
    if _is_misplaced(error):
        return "it stands behind the command; see 'plldb bootstrap --help'."
    if isinstance(error, asyncclick.NoSuchCommand):
        from difflib import get_close_matches

        for name in get_close_matches(error.command_name, COMMANDS, n=1):
            return f"did you mean '{COMMANDS[name]}'?"
    return f"see '{_page_of(argv)} --help'."


def _is_misplaced(error: asyncclick.ClickException) -> bool:
    if not isinstance(error, asyncclick.NoSuchOption) or error.ctx is None:
        return False
    return error.option_name in PLACES and error.ctx.parent is None


def _page_of(argv: Sequence[str]) -> str:
    """The command that is named, also where asyncclick had not come to it."""
    words = [word for word in argv if not word.startswith("-")]
    if words[:1] == ["doctor"]:
        return "plldb doctor"
    if words[:1] != ["bootstrap"]:
        return "plldb"
    # A value of an option before the command may stand between; no value is the name of a command.
    command = next((word for word in words[1:] if word in bootstrap.commands), "")
    return f"plldb bootstrap {command}".rstrip()
