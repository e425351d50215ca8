"""What the words mean that a caller gives for functions, by the functions of stacks. Pure.

A word is the name of a stack, whose functions are all meant unless some of them are named as well; or a
function of the stacks before it, by logical id or name; or a function of no stack, by name or ARN.
``STACK/LogicalId`` tells functions of several stacks apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from plldb.aws.place import Target
from plldb.debugger.arming.functions import LATEST
from plldb.debugger.arming.naming.stacks import StackFunction
from plldb.debugger.errors import AmbiguousNameError, NoFunctionsError
from plldb.errors import Hint, SettingsError

_ARN = re.compile(r"arn:[^:]+:lambda:([^:]+):(\d+):function:([^:]+)(?::(.+))?")
_HOW = Hint("fix-argument", "Name a stack, or functions by logical id, name or ARN.")

Functions = Mapping[str, Sequence[StackFunction]]
"""The functions of each stack, by its name."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the caller has named: ``stacks``, and ``words``, which may be functions or more stacks."""

    stacks: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.stacks or self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A function that is meant. ``stack`` and ``logical_id`` are empty if it was named without a stack."""

    name: str
    logical_id: str = ""
    stack: str = ""

    @property
    def names(self) -> frozenset[str]:
        """What it goes by; in nested stacks the last part of a logical id is enough."""
        ids = {self.logical_id, self.logical_id.rpartition("/")[2]} - {""}
        return frozenset({self.name, *ids, *(f"{self.stack}/{each}" for each in ids)})


def stacks_of(wanted: Iterable[Wanted]) -> tuple[str, ...]:
    """Return the stacks of these functions."""
    return tuple(dict.fromkeys(each.stack for each in wanted if each.stack))


def decide(
    known: Functions, there: Functions, names: Sequence[str]
) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """Return the functions that these names mean, and the names that mean none of any stack.

    Args:
        known: stacks that are meant, with their functions.
        there: stacks that may be meant by a name.
        names: of stacks and functions, in the order in which they were given.

    Raises:
        NoFunctionsError: a stack has no functions.
        AmbiguousNameError: a name means several things.
    """
    stacks = dict.fromkeys(known)
    functions = {name: _of_stack(name, each) for name, each in {**there, **known}.items()}
    picked: dict[Wanted, None] = {}
    unknown: dict[str, None] = {}
    for name in names:
        stack = name.partition("/")[0]
        fitting = _match([*stacks, *({stack} - {*stacks, name}).intersection(there)], functions, name)
        fitting = [each for each in fitting if each not in picked] or fitting
        if name in there and name not in stacks:
            if fitting:
                raise _also_a_stack(name, fitting[0])
            stacks[name] = None
        elif len(fitting) > 1:
            raise _several(name, fitting)
        elif fitting:
            picked[fitting[0]] = stacks[fitting[0].stack] = None
        elif name not in stacks:
            unknown[name] = None
    narrowed = {each.stack for each in picked}
    wanted = [
        each for stack in stacks for each in functions[stack] if each in picked or stack not in narrowed
    ]
    for stack in stacks:
        if not functions[stack]:
            raise NoFunctionsError(f"The stack {stack} has no functions.", hint=_HOW)
    return tuple(wanted), tuple(unknown)


def _of_stack(stack: str, functions: Iterable[StackFunction]) -> list[Wanted]:
    return [Wanted(name=each.name, logical_id=each.logical_id, stack=stack) for each in functions]


def _match(stacks: Iterable[str], functions: Mapping[str, Sequence[Wanted]], word: str) -> list[Wanted]:
    """Return the functions of these stacks that a word means: their name, logical id, or its last part."""
    there = [each for stack in stacks for each in functions[stack]]
    ways = (
        [each for each in there if word in (each.name, each.logical_id, f"{each.stack}/{each.logical_id}")],
        [each for each in there if word in each.names],
    )
    return next(filter(None, ways), [])


def check_named(wanted: Sequence[Wanted], folders: Iterable[str]) -> None:
    """Refuse a folder that is named for none of these functions and stacks, or for several.

    Raises:
        NoFunctionsError: there is no such function or stack, or it is not meant.
        AmbiguousNameError: it is the logical id of functions of several stacks.
    """
    stacks = {each.stack for each in wanted}
    for name in folders:
        fitting = [each for each in wanted if name in each.names]
        if name in stacks and fitting:
            raise _also_a_stack(name, fitting[0])
        if name in stacks:
            continue
        if len({each.stack for each in fitting}) > 1:
            raise _several(name, fitting)
        if not fitting:
            names = ", ".join(each.logical_id or each.name for each in wanted)
            hint = Hint("fix-argument", "Name the folder by a function's logical id or name, or by a stack.")
            raise NoFunctionsError(
                f"A folder is named for {name!r}, but the functions are: {names}.", hint=hint
            )


def name_of(word: str, target: Target) -> str:
    """Return the name of a function whose ARN may have been given.

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
    if version not in (None, LATEST):
        raise SettingsError(
            f"{word} is a version or an alias; only $LATEST can be changed.",
            hint=Hint("fix-argument", f"Give {name} alone, and invoke it without a version."),
        )
    return name


def no_such(name: str, functions: Functions, region: str) -> NoFunctionsError:
    """Return that nothing is called like this in the stacks that are meant."""
    if not functions:
        message = f"There is no stack and no function {name} in region {region}."
        hint = Hint("choose-place", "Check the name, the account and the region.")
        return NoFunctionsError(message, hint=hint)
    known = "; ".join(
        f"{stack} has {', '.join(each.logical_id for each in there)}" for stack, there in functions.items()
    )
    return NoFunctionsError(f"There is no function and no stack {name}. The stack {known}.", hint=_HOW)


def _several(name: str, fitting: Sequence[Wanted]) -> AmbiguousNameError:
    known = " and ".join(f"{each.stack}/{each.logical_id}" for each in fitting)
    return AmbiguousNameError(
        f"{name} may mean {known}.", hint=Hint("fix-argument", "Name one of them like this.")
    )


def _also_a_stack(name: str, function: Wanted) -> AmbiguousNameError:
    full = f"{function.stack}/{function.logical_id}"
    hint = Hint("tell-apart", f"Name the function as {full}, or name both as stacks.", about=full)
    return AmbiguousNameError(f"{name} may mean the function {full}, or the stack {name}.", hint=hint)
