"""The ways out that plldb proposes; each command acts where the run acted. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plldb.cli.invocation import command_line, place_words
from plldb.cli.output.renderer import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plldb.aws.place import Target
    from plldb.cli.invocation import Invocation, Settings
    from plldb.errors import Hint, HintKind

WORDS: dict[HintKind, str] = {
    "set-region": "Pass --region, set AWS_REGION, or put `region = …` into your profile in ~/.aws/config.",
    "tell-apart": "Name the function as {}, or give each stack with --stack-name.",
    "choose-port": "Another session or program may have it: --debug-port 0 takes a free one.",
}
"""What is said instead of the library's sentence to somebody who can give options; ``{}`` is `Hint.about`."""
MORE: dict[HintKind, str] = {
    "allow-action": "The complete policies are in plldb/bootstrap/policies of the installed package.",
}
"""What is said after the library's sentence."""
STEPS: dict[HintKind, tuple[str, tuple[str, ...]]] = {
    "set-up": ("set it up", ("bootstrap", "setup")),
    "wait-for-other": ("watch it", ("bootstrap", "watch")),
    "look-at-stack": ("look at it", ("bootstrap", "status")),
    "restore-functions": ("put them back", ("restore", "--all")),
    "delete-stack": ("delete all of it", ("bootstrap", "destroy")),
    "fix-or-delete": ("delete all of it", ("bootstrap", "destroy")),
}
"""The command of plldb that does what a hint asks for: what for, and its words."""
AWS_STEPS: dict[HintKind, tuple[str, str]] = {
    "unprotect-stack": (
        "turn the protection off",
        "cloudformation update-termination-protection --stack-name {} --no-enable-termination-protection",
    ),
    "keep-resources": (
        "delete the stack, leave those resources",
        "cloudformation delete-stack --stack-name {} --deletion-mode FORCE_DELETE_STACK",
    ),
    "delete-table": ("delete the table and all that is in it", "dynamodb delete-table --table-name {}"),
    "delete-log-group": (
        "delete the log group and all that is in it",
        "logs delete-log-group --log-group-name {}",
    ),
}
"""The command of the AWS CLI that does what a hint asks for; ``{}`` is what the hint is about."""
AGAIN: dict[HintKind, str] = {
    "run-again": "run it again",
    "fix-or-delete": "try again",
    "keep-resources": "try again",
    "unprotect-stack": "then try again",
    "fix-cause": "try again",
}
"""Hints after which the same command is to be run once more: what for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a run acts, in the words of the command line."""

    regions: tuple[str, ...] = ()
    profile: str | None = None

    def command(self, *words: str, options: Sequence[str] = ()) -> str:
        """Return the command line that does this there."""
        return command_line(*words, regions=self.regions, profile=self.profile, options=options)

    def aws(self, words: str, about: str) -> str:
        """Return the command line of the AWS CLI that does ``words`` there, with ``about`` for its ``{}``."""
        named = [word.format(about) for word in words.split()]
        return shlex.join(["aws", *named, *place_words(self.regions, self.profile)])


def where_of(settings: Settings, region: str | None, target: Target | None) -> Where:
    """Return where one region's run acts, as well as it is known."""
    found = target.region if target else region or settings.shell_region
    return Where(regions=(found,) if found else (), profile=settings.proposed_profile)


class RegionWords:
    """What puts the events of one region into words; `where` is what it knows so far of where that is.

    ``asked`` is what was typed; ``region`` None is the one that AWS's own settings name.
    """

    def __init__(self, asked: Invocation, region: str | None) -> None:
        self.asked = asked
        self.target: Target | None = None
        self._region = region

    @property
    def where(self) -> Where:
        """Where the commands that it proposes are to act."""
        return where_of(self.asked.settings, self._region, self.target)


def hint_text(hint: Hint | None) -> str:
    """Return a hint of the library as it is said on the command line; empty for none."""
    if hint is None:
        return ""
    words = WORDS[hint.kind].format(hint.about) if hint.kind in WORDS else hint.text
    return " ".join(filter(None, (words, MORE.get(hint.kind))))


def hint_steps(hint: Hint | None, asked: Invocation, group: str, where: Where) -> tuple[Step, ...]:
    """Return the commands that do what a hint asks for, best first; none if there is none.

    ``group`` is the word before the name of what was asked for; empty for none.
    """
    if hint is None:
        return ()
    steps = []
    if hint.kind in AWS_STEPS:
        purpose, words = AWS_STEPS[hint.kind]
        steps.append(Step(purpose=purpose, command=where.aws(words, hint.about)))
    if hint.kind in AGAIN:
        command = where.command(*filter(None, (group, asked.name)), options=asked.words)
        again = Step(purpose=AGAIN[hint.kind], command=command)
        steps.insert(0 if hint.kind == "keep-resources" else len(steps), again)
    if hint.kind == "share":
        options = (*asked.words, "--where", "PATH=PATTERN")
        steps.append(Step(purpose="take only your own", command=where.command(asked.name, options=options)))
    if hint.kind in ("share", "take-over"):
        command = where.command(asked.name, options=(*asked.words, "--take-over"))
        steps.append(Step(purpose="take them over", command=command))
    if hint.kind in STEPS:
        purpose, of_plldb = STEPS[hint.kind]
        steps.append(Step(purpose=purpose, command=where.command(*of_plldb)))
    return tuple(steps)
