"""What a command line asks for, as values. Pure.

Named tuples, for a help page waits for this module: two dataclasses would cost it 3 ms of 60.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plldb.cli.command import Command

OutputName = Literal["text", "json"]


class Settings(NamedTuple):
    """What every command takes. No region: the one that AWS's own settings name.

    ``shell_region`` and ``shell_profile`` are those of AWS's variables, where no option overrules them. A run
    finds them by itself; they are for the commands that it proposes, which may be pasted into another shell.
    """

    profile: str | None = None
    regions: tuple[str, ...] = ()
    shell_profile: str | None = None
    shell_region: str | None = None
    output: OutputName = "text"
    verbose: bool = False

    @property
    def proposed_profile(self) -> str | None:
        """The profile that a proposed command is to name."""
        return self.profile or self.shell_profile

    @property
    def proposed_regions(self) -> tuple[str, ...]:
        """The regions that a proposed command is to name."""
        return self.regions or ((self.shell_region,) if self.shell_region else ())


class Invocation(NamedTuple):
    """What was typed: parsed without an event loop and without AWS.

    ``values`` are the options that belong to the command alone, ``words`` the same as they were typed, to
    do the same again. ``load`` imports what running it takes; its second argument stands in for the
    library, None for the real one. ``interrupted`` is the hint where an interrupt ends it without a word.
    """

    name: str
    settings: Settings
    values: Mapping[str, Any]
    words: tuple[str, ...]
    load: Callable[[Invocation, Any], Command[Any, Any]]
    interrupted: str


def command_line(
    *words: str, regions: Sequence[str] = (), profile: str | None = None, options: Sequence[str] = ()
) -> str:
    """Return the command line that does something in these regions, to be pasted into any shell."""
    import shlex

    return shlex.join(["plldb", *words, *place_words(regions, profile), *options])


def place_words(regions: Sequence[str], profile: str | None) -> list[str]:
    """Return the options that say where to act, of plldb and of the AWS CLI."""
    places = [part for region in regions for part in ("--region", region)]
    return [*places, "--profile", profile] if profile else places
