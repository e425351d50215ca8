"""``plldb replay``: options in, an `Invocation` out. Pure.

Nothing is imported here that runs a command: a help page must not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick

from plldb.cli.debugger.values import (
    Given,
    check_code,
    debug_port,
    parse_variables,
    python,
    refuse_together,
    split_code,
    typed_again,
    wait_for_debugger,
)
from plldb.cli.invocation import Invocation, command_line
from plldb.cli.options import split_params

if TYPE_CHECKING:
    from plldb.cli.command import Command

HELP = """Run recorded invocations again, on this machine alone.

A FILE is what `plldb attach --record` has written. The invocations run in the order of the files, in the code
of this folder, and stop at your breakpoints. No AWS is needed: no credentials, no network. A recording has no
variables of its function, which may be secret: --env gives them. The functions run with no credentials.

\b
Examples:
  plldb replay recordings/*.json --no-debug
  plldb replay failed.json --wait --env TABLE=orders

\b
Exit codes:
  0 every handler answered     2 nothing could be run
  1 a handler failed         130 interrupted
"""


@asyncclick.command(help=HELP, short_help="Run recorded invocations again.")
@asyncclick.argument("files", nargs=-1, required=True, metavar="FILE...", type=Given("file"))
@asyncclick.option(
    "--code",
    metavar="[FUNCTION=]DIR",
    type=Given("dir"),
    multiple=True,
    callback=check_code,
    help="Folder of the project, by default this one, or of one function's code; may be repeated.",
)
@asyncclick.option(
    "--env",
    metavar="NAME[=VALUE]",
    multiple=True,
    callback=parse_variables,
    help="Variable of the functions; without VALUE as on this machine; may be repeated.",
)
@debug_port
@asyncclick.option("--no-debug", is_flag=True, help="No port for debuggers; breakpoint() is passed over.")
@wait_for_debugger
@python
@asyncclick.option(
    "--credentials",
    type=asyncclick.Choice(["none", "local"]),
    default="none",
    help="Run with no credentials (the default), or as yourself.",
)
@asyncclick.option(
    "--output", type=asyncclick.Choice(["text", "json"]), help="Text for people (the default), or JSON lines."
)
@asyncclick.option("--verbose", is_flag=True, help="Log to stderr.")
@asyncclick.pass_context
def replay(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Run again."""
    refuse_together(ctx, params, "wait", "no_debug")
    settings, values = split_params(ctx, {"profile": None, "regions": (), **params})
    words = (*values["files"], *typed_again(ctx, values))
    values["code"], values["folders"] = split_code(values["code"])
    return Invocation(
        name="replay",
        settings=settings,
        values=values,
        words=words,
        load=_load,
        interrupted=f"`{command_line('replay', options=words)}` runs them again.",
    )


def _load(invocation: Invocation, library: Any) -> Command[Any, Any]:
    from plldb.cli.debugger.replay.operation import make_command

    return make_command(invocation, library)
