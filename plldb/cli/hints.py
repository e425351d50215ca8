"""The ways out that plldb proposes; each command acts where the run acted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plldb.cli.command import command_line
from plldb.cli.output.renderer import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plldb.aws.place import Target
    from plldb.cli.command import Invocation, Settings
    from plldb.errors import Hint, HintKind

WORDS: dict[HintKind, str] = {
    "set-region": "Pass --region, set AWS_REGION, or put `region = …` into your profile in ~/.aws/config.",
}
"""What is said instead of the library's sentence to somebody who can give options."""
STEPS: dict[HintKind, tuple[str, tuple[str, ...]]] = {
    "set-up": ("set it up", ("bootstrap", "setup")),
    "wait-for-other": ("watch it", ("bootstrap", "watch")),
    "look-at-stack": ("look at it", ("bootstrap", "status")),
    "delete-stack": ("delete all of it", ("bootstrap", "destroy")),
}
"""The command that does what a hint asks for: what for, and its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a run acts, in the words of the command line."""

    regions: tuple[str, ...] = ()
    profile: str | None = None

    def command(self, *words: str, options: Sequence[str] = ()) -> str:
        """Return the command line that does this there."""
        return command_line(*words, regions=self.regions, profile=self.profile, options=options)


def where_of(settings: Settings, region: str | None, target: Target | None) -> Where:
    """Return where one region's run acts, as well as it is known."""
    found = target.region if target else region
    return Where(regions=(found,) if found else (), profile=settings.profile)


def hint_text(hint: Hint | None) -> str:
    """Return a hint of the library as it is said on the command line; empty for none."""
    return WORDS.get(hint.kind, hint.text) if hint else ""


def hint_steps(hint: Hint | None, asked: Invocation, group: str, where: Where) -> tuple[Step, ...]:
    """Return the command that does what a hint asks for, if there is one.

    ``group`` is the word before the name of what was asked for; empty for none.
    """
    if hint is None:
        return ()
    if hint.kind == "run-again":
        again = filter(None, (group, asked.name))
        return (Step(purpose="run it again", command=where.command(*again, options=asked.words)),)
    if hint.kind in STEPS:
        purpose, words = STEPS[hint.kind]
        return (Step(purpose=purpose, command=where.command(*words)),)
    return ()
