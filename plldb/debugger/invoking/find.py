"""Which function is meant by a word. Talks to CloudFormation and Lambda."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.debugger.arming.functions import LATEST, Lambda, list_names
from plldb.debugger.arming.naming.names import decide, name_of
from plldb.debugger.arming.naming.stacks import list_stack_functions
from plldb.debugger.errors import NoFunctionsError
from plldb.errors import Hint, PlldbError, SettingsError

_IN_STACK = Hint("fix-argument", "Give the logical id of a function of this stack, or its name.")
_WORD = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,140})(?::(?P<version>\$LATEST|[A-Za-z0-9_-]{1,128}))?")
_ARN = re.compile(r"(?P<name>arn:[^:]+:lambda:[^:]+:\d+:function:[^:]+)(?::(?P<version>.+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A function, and which version of it is called: a number, an alias, or ``$LATEST``."""

    name: str
    version: str


async def find_called(aws: Aws, target: Target, stack: str, word: str) -> Called:
    """Return the function that a word means: its name or ARN, or with a stack its logical id, or a version.

    ``STACK/LogicalId`` is the same as both of them.

    Raises:
        NoFunctionsError: the stack has none of this name.
        SettingsError: it cannot be a function, or is of another account or region.
    """
    if not stack and not word.startswith("arn:"):
        stack, _, word = word.rpartition("/") if word.count("/") == 1 else ("", "", word)
    found = _ARN.fullmatch(word) or _WORD.fullmatch(word)
    if found is None and not (stack and "/" in word):
        raise SettingsError(
            f"{word!r} cannot be a function.",
            hint=Hint("fix-argument", "Give the name or the ARN of a function."),
        )
    bare, version = (found["name"], found["version"] or LATEST) if found else (word, LATEST)
    name = name_of(bare, target)
    if stack:
        there = {stack: await list_stack_functions(aws, stack)}
        wanted, unknown = decide(there, {}, (name,))
        if unknown or name == stack:
            known = ", ".join(each.logical_id for each in there[stack])
            raise NoFunctionsError(
                f"The stack {stack} has no function {name}. It has {known}.", hint=_IN_STACK
            )
        name = wanted[0].name
    return Called(name=name, version=version)


async def not_found(functions: Lambda, called: Called, target: Target) -> NoFunctionsError:
    """Return that there is no such function, with those whose names are alike, if they may be listed."""
    try:
        names = [name async for name in list_names(functions)]
    except PlldbError:  # then without
        names = []
    alike = close_names(called.name, names)
    if called.name in names:
        problem = f"The function {called.name} has no version or alias {called.version}."
    else:
        problem = (
            f"There is no function {called.name} in account {target.account} and region {target.region}."
        )
        problem += f" Similar names: {', '.join(alike)}." if alike else ""
    hint = Hint("fix-argument", "Give the name or the ARN of a function, or its stack and its logical id.")
    return NoFunctionsError(problem, hint=hint)


def close_names(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return names, five at most, that are like a word, or have it in them as a logical id is. Pure."""
    names = sorted(names)
    inside = [name for name in names if word.lower() in name.lower()]
    return tuple(dict.fromkeys([*inside, *get_close_matches(word, names, n=5)]))[:5]
