"""Which functions are meant, by the stacks and the words that the caller gives. Talks to AWS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import plldb
from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.debugger.arming.functions import GONE
from plldb.debugger.arming.naming.names import Names, Wanted, decide, name_of, no_such, stacks_of
from plldb.debugger.arming.naming.stacks import StackFunction, list_stack_functions
from plldb.debugger.errors import NoFunctionsError
from plldb.debugger.events.restore import OperationName, Started
from plldb.errors import AccessDeniedError, AwsError, PlldbError
from plldb.streams import Tell
from plldb.tasks import gather_all

_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
"""Name of a stack (API reference of CloudFormation, CreateStack)."""
_FUNCTION = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Name of a function (API reference of AWS Lambda, CreateFunction)."""

Listed = Mapping[str, tuple[StackFunction, ...] | PlldbError]
"""The functions of each stack, by its name, or why they are not known."""


async def list_stacks(aws: Aws, given: Names) -> Listed:
    """Return the functions of all stacks that are named, or may be; where they are not known, why."""
    parts = [word.partition("/")[0] for word in given.words]
    names = list(dict.fromkeys([*given.stacks, *filter(_STACK.fullmatch, parts)]))

    async def list_one(name: str) -> tuple[StackFunction, ...] | PlldbError:
        try:
            return await list_stack_functions(aws, name)
        except PlldbError as error:  # told after who acts where, if it matters at all
            return error

    return dict(zip(names, await gather_all(*[list_one(name) for name in names]), strict=True))


async def tell_and_find(
    aws: Aws, target: Target, operation: OperationName, given: Names, listed: Listed, tell: Tell[Started]
) -> tuple[Wanted, ...]:
    """Return what these names mean, as `find_wanted` does, and tell what is done where.

    That is told also if they mean nothing: the wrong account or region is the usual reason.
    """

    async def tell_start(stacks: Iterable[str]) -> None:
        names = ", ".join(stacks)
        version = plldb.__version__
        await tell(Started(operation=operation, plldb_version=version, target=target, stack_name=names))

    try:
        wanted = await find_wanted(aws, target, given, listed)
    except PlldbError:
        await tell_start(given.stacks)
        raise
    await tell_start(stacks_of(wanted))
    return wanted


async def find_wanted(aws: Aws, target: Target, given: Names, listed: Listed) -> tuple[Wanted, ...]:
    """Return the functions that are meant; ``listed`` is what `list_stacks` has returned.

    Raises:
        NoFunctionsError: there is no such stack, or no such function.
        AmbiguousNameError: a word means several things.
        SettingsError: an ARN is of another account or region, or of a version.
        AwsError: AWS refused a request, or could not be reached.
    """
    for name, answer in listed.items():
        doubtful = isinstance(answer, NoFunctionsError | AccessDeniedError) and name not in given.stacks
        if isinstance(answer, PlldbError) and not doubtful:
            raise answer
    functions = {name: each for name, each in listed.items() if isinstance(each, tuple)}
    names = [name_of(word, target) for word in given.words]
    known = {name: functions[name] for name in given.stacks}
    wanted, unknown = decide(known, functions, names)
    asked = [name for name in unknown if name in given.words]  # the others were given by their ARNs
    for name, exists in zip(asked, await gather_all(*[_exists(aws, name) for name in asked]), strict=True):
        if not exists:
            # Who may not look at stacks is told that first.
            if isinstance(denied := listed.get(name.partition("/")[0]), AccessDeniedError):
                raise denied
            raise no_such(name, {each: functions[each] for each in stacks_of(wanted)}, aws.region)
    return tuple(dict.fromkeys([*wanted, *(Wanted(name=name) for name in unknown)]))


async def _exists(aws: Aws, name: str) -> bool:
    if not _FUNCTION.fullmatch(name):
        return False
    client = await aws.client("lambda")
    try:
        await aws.call(client.get_function, FunctionName=name)
    except AwsError as error:
        if error.aws_code == GONE:
            return False
        raise
    return True
