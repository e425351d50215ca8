"""Options of ``plldb attach`` and ``plldb replay``, and values of their options. Talks to the disk."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import asyncclick

from plldb.cli.options import as_typed

if TYPE_CHECKING:
    from asyncclick.shell_completion import CompletionItem

_OF_FUNCTION = re.compile(r"([A-Za-z0-9_/-]+)=(.*)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_LAMBDA = re.compile(r"AWS_LAMBDA_.*|AWS_EXECUTION_ENV|LAMBDA_.*|_HANDLER|PLLDB")
"""Variables that Lambda, or plldb, sets and that no function can set."""

debug_port = asyncclick.option(
    "--debug-port",
    type=asyncclick.IntRange(0, 65535),
    default=5678,
    metavar="PORT",
    help="Port for debuggers on 127.0.0.1; by default 5678, 0 for any free one.",
)
wait_for_debugger = asyncclick.option(
    "--wait", is_flag=True, help="Hold the first invocation until a debugger is connected."
)


class Positive(asyncclick.ParamType[float]):
    """A number above 0, at most ``most``, of this unit."""

    name = "number"

    def __init__(self, most: int, unit: str) -> None:
        self._most, self._unit = most, unit

    def convert(
        self, value: Any, param: asyncclick.Parameter | None, ctx: asyncclick.Context | None
    ) -> float:
        """Return the number."""
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number <= self._most:  # nan is neither
            what = f"a number of {self._unit} above 0, at most {self._most}"
            self.fail(f"{str(value)!r} is not {what}.", param, ctx)
        return number


class Given(asyncclick.ParamType[str]):
    """A text that is not empty: an unset variable of a shell would silently mean the default.

    ``what`` is what a shell completes it by: ``file``, ``dir``, or ``plain`` for nothing.
    """

    name = "text"

    def __init__(self, what: str = "plain") -> None:
        self._what = what

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Let the shell complete it."""
        from asyncclick.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=self._what)] if self._what != "plain" else []

    def convert(self, value: Any, param: asyncclick.Parameter | None, ctx: asyncclick.Context | None) -> str:
        """Return the text."""
        if not value:
            self.fail("it is empty.", param, ctx)
        return str(value)


def _find_command(ctx: asyncclick.Context, param: asyncclick.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    """Return where a command such as ``python3.12`` is, as a shell finds it; a path stays."""
    if not value or value != os.path.basename(value) or os.path.exists(value):
        return value
    import shutil  # a help page must not pay for it

    return shutil.which(value) or value


python = asyncclick.option(
    "--python",
    metavar="PATH",
    type=Given("file"),
    callback=_find_command,
    help="Interpreter; by default that of the project.",
)


def check_folder(ctx: asyncclick.Context, param: asyncclick.Parameter, value: str | None) -> str | None:
    """Refuse a file where a folder is named, before anything has begun; what is not there is made later."""
    if value and os.path.exists(value) and not os.path.isdir(value):
        raise asyncclick.BadParameter(
            f"{value!r} is no folder: name one, or a new one, which is then made.", ctx=ctx, param=param
        )
    return value


def typed_again(ctx: asyncclick.Context, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options that were typed, for who does the same again.

    Without ``--yes``, which a person says each time anew; variables by their names alone, since their values
    may be secret: they are then taken from the environment.
    """
    options = [param.name or "" for param in ctx.command.params if isinstance(param, asyncclick.Option)]
    typed = as_typed(ctx, [name for name in values if name in options and name not in ("yes", "env")])
    return (*typed, *(word for name in values.get("env", ()) for word in ("--env", name)))


def refuse_together(ctx: asyncclick.Context, params: Mapping[str, Any], one: str, other: str) -> None:
    """Raise UsageError if both of these options were given."""
    if params[one] and params[other]:
        words = " and ".join(f"--{name.replace('_', '-')}" for name in (one, other))
        raise asyncclick.UsageError(f"{words} cannot be used together.", ctx)


def split_code(values: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return the folder of the project and those of single functions; ``./a=b`` is a folder of that name."""
    found = [_function_and_folder(each) for each in values]
    projects = [folder for function, folder in found if not function]
    return (projects or ["."])[-1], {function: folder for function, folder in found if function}


def _function_and_folder(word: str) -> tuple[str, str]:
    found = _OF_FUNCTION.fullmatch(word)
    return (found[1], found[2]) if found else ("", word)


def check_code(ctx: asyncclick.Context, param: asyncclick.Parameter, value: tuple[str, ...]) -> Any:
    """Refuse two folders of the project, or two of one function, or one with no name."""
    seen = set()
    for function, folder in map(_function_and_folder, value):
        what = f"the folder of {function or 'the project'}"
        if function in seen:
            raise asyncclick.BadParameter(f"{what} is given twice.", ctx=ctx, param=param)
        if not folder:
            raise asyncclick.BadParameter(f"{what} is empty.", ctx=ctx, param=param)
        seen.add(function)
    return value


def check_conditions(
    ctx: asyncclick.Context, param: asyncclick.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse what is no condition on events."""
    if not value:
        return value
    from plldb.debugger.conditions import read_conditions

    try:
        read_conditions(value)
    except ValueError as error:
        raise asyncclick.BadParameter(str(error), ctx=ctx, param=param) from None
    return value


def parse_variables(
    ctx: asyncclick.Context, param: asyncclick.Parameter, value: tuple[str, ...]
) -> dict[str, str]:
    """Turn ``NAME=VALUE`` words into a mapping; ``NAME`` alone has the value of this machine's variable."""
    return dict(_variable(ctx, param, each, os.environ) for each in value)


def _variable(
    ctx: asyncclick.Context, param: asyncclick.Parameter, word: str, environ: Mapping[str, str]
) -> tuple[str, str]:
    name, equals, text = word.partition("=")
    wrong = ""
    if not _VARIABLE.fullmatch(name):
        wrong = (
            "a variable is given as NAME=VALUE, with letters, digits and _ in its name."  # word: a secret?
        )
    elif _OF_LAMBDA.fullmatch(name):
        wrong = f"{name} is set by Lambda itself."
    elif not equals and name not in environ:
        wrong = f"{name} has no value: it is not set on this machine. Give {name}=VALUE."
    if wrong:
        raise asyncclick.BadParameter(wrong, ctx=ctx, param=param)
    return name, text if equals else environ[name]
