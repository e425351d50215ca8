"""Which functions to attach to, by the names that the caller gives. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plldb.aws.place import Target
from plldb.debugger.arming.stacks import StackFunction
from plldb.debugger.errors import NoFunctionsError
from plldb.errors import Hint, SettingsError

_ARN = re.compile(r"arn:[^:]+:lambda:([^:]+):(\d+):function:([^:]+)(?::(.+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A function to attach to. ``named``: the caller has named it, and does not only mean the whole stack."""

    name: str
    logical_id: str
    named: bool


def find_wanted(
    target: Target, stack: str, there: Sequence[StackFunction], words: Sequence[str]
) -> tuple[Wanted, ...]:
    """Return the functions that are meant: by logical id, name or ARN; with no words all of the stack.

    ``there`` are the functions of the stack; with an empty name of it the words are names or ARNs.

    Raises:
        NoFunctionsError: the stack has none, or none of this name.
        SettingsError: an ARN is of another account or region, or of a version.
    """
    names = [name_of(word, target) for word in words]
    if not stack:
        return tuple(Wanted(name=name, logical_id="", named=True) for name in dict.fromkeys(names))
    if not there:
        raise NoFunctionsError(f"The stack {stack} has no functions.", hint=_check(stack))
    if not names:
        return tuple(Wanted(name=each.name, logical_id=each.logical_id, named=False) for each in there)
    found = [match(stack, there, name) for name in names]
    return tuple(
        Wanted(name=each.name, logical_id=each.logical_id, named=True) for each in dict.fromkeys(found)
    )


def check_named(wanted: Sequence[Wanted], folders: Iterable[str]) -> None:
    """Refuse a folder that is named for none of these functions. Pure.

    Raises:
        NoFunctionsError: there is no such function, or it is not meant.
    """
    known = {
        word for each in wanted for word in (each.name, each.logical_id, each.logical_id.rpartition("/")[2])
    }
    for function in folders:
        if function not in known:
            names = ", ".join(each.logical_id or each.name for each in wanted)
            hint = Hint("fix-argument", "Name the folder by the logical id or name of a function.")
            raise NoFunctionsError(
                f"A folder is named for {function!r}, but the functions are: {names}.", hint=hint
            )


def match(stack: str, there: Sequence[StackFunction], word: str) -> StackFunction:
    """Return the function of a stack that a word means: its name, or its logical id. Pure.

    Raises:
        NoFunctionsError: it means none, or several in nested stacks.
    """
    # Within nested stacks the last part of a logical id may be enough.
    ways = (
        [each for each in there if word in (each.name, each.logical_id)],
        [each for each in there if each.logical_id.rpartition("/")[2] == word],
    )
    found = next(filter(None, ways), [])
    if len(found) == 1:
        return found[0]
    known = ", ".join(each.logical_id for each in found or there)
    problem = f"{word} means several functions" if found else f"There is no function {word}"
    raise NoFunctionsError(f"{problem} of stack {stack}: {known}.", hint=_check(stack))


def name_of(word: str, target: Target) -> str:
    """Return the name of a function whose ARN may have been given. Pure.

    Raises:
        SettingsError: an ARN of another account or region, or of a version or an alias.
    """
    if not word.startswith("arn:"):
        return word
    found = _ARN.fullmatch(word)
    if not found:
        raise SettingsError(
            f"{word} is not the ARN of a function.",
            hint=Hint("fix-argument", "Give the name or the ARN of a function."),
        )
    region, account, name, version = found.groups()
    if (region, account) != (target.region, target.account):
        raise SettingsError(
            f"{word} is not in account {target.account} and region {target.region}.",
            hint=Hint("choose-place", "Choose the account and the region of the function."),
        )
    if version not in (None, "$LATEST"):
        raise SettingsError(
            f"{word} is a version or an alias; only $LATEST can be changed.",
            hint=Hint("fix-argument", f"Give {name} alone, and invoke it without a version."),
        )
    return name


def _check(stack: str) -> Hint:
    return Hint("fix-argument", f"Name functions of the stack {stack} by logical id, name or ARN.")
