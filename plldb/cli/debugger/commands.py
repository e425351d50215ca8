"""``plldb attach``, ``restore``, ``status`` and ``invoke``: options in, an `Invocation` out. Pure.

Nothing is imported here that runs a command: a help page must not pay for AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick

from plldb.cli.debugger.values import (
    Given,
    Positive,
    check_code,
    check_conditions,
    check_folder,
    debug_port,
    parse_variables,
    python,
    refuse_together,
    split_code,
    typed_again,
    wait_for_debugger,
)
from plldb.cli.invocation import Invocation, command_line
from plldb.cli.options import ENVIRONMENT, EXIT_CODES, one_place_options, place_options, split_params

if TYPE_CHECKING:
    from plldb.cli.command import Command

ATTACH_HELP = f"""Run the invocations of deployed functions on this machine.

While it runs, invocations of the functions in the cloud run their code here, and stop at your breakpoints.
A NAME is a stack: every Python function of it whose code is here; or a function of the stacks before it, by
logical id or name: of its stack then only those that are named; or a function of no stack, by name or ARN.
STACK/FUNCTION tells those of several stacks apart. It shows what it will change, and on a terminal it asks.
Ctrl-C puts everything back. Functions that somebody else holds are left alone, unless --take-over is given.

\b
Examples:
  plldb attach my-stack --region eu-west-1
  plldb attach orders-stack billing-stack Bills --code src

{ENVIRONMENT}

{EXIT_CODES}
"""

RESTORE_HELP = f"""Put functions back as they were deployed.

Removes what the debugger has added to the functions that are named, as for 'plldb attach', or with --all to
every function in the region, whichever machine it was added from. What a deployment has changed since stays.
Functions that somebody else holds are left alone, unless --take-over is given.

\b
Examples:
  plldb restore my-stack --region eu-west-1
  plldb restore --all

{ENVIRONMENT}

{EXIT_CODES}
"""

STATUS_HELP = f"""Show who is debugging what, and which functions are armed.

Shows the sessions that are attached, the functions that the debugger has changed, and the last
invocations that ran on somebody's machine. Changes nothing.

\b
Examples:
  plldb status
  plldb status my-stack --output json | jq .functions

{ENVIRONMENT}

{EXIT_CODES}
"""

INVOKE_HELP = f"""Send one event to a function, and show its answer.

The event goes through the cloud, once, as any caller's does: if the function is attached, it runs on that
machine. Shows the answer or the error, the end of the log, and where it ran. A FUNCTION is a name or an ARN,
also of a version or an alias; with STACK its logical id. Without an event, {{}} is sent.

\b
Examples:
  plldb invoke my-stack Orders --data '{{"id": 7}}'
  plldb invoke orders --event - --output json < order.json | jq .answer

{ENVIRONMENT}

{EXIT_CODES}
"""


def invocation(ctx: asyncclick.Context, name: str, params: dict[str, Any], interrupted: str) -> Invocation:
    """Return what was typed; ``interrupted`` may have the command lines ``{again}`` and ``{status}``."""
    settings, values = split_params(ctx, params)
    words = (*values.get("names", values.get("stacks", ())), *typed_again(ctx, values))
    regions, profile = settings.proposed_regions, settings.proposed_profile
    again = command_line(name, regions=regions, profile=profile, options=words)
    status = command_line("status", regions=regions, profile=profile)
    return Invocation(
        name=name,
        settings=settings,
        values=values,
        words=words,
        load=_load,
        interrupted=interrupted.format(again=again, status=status),
    )


def _load(invocation: Invocation, library: Any) -> Command[Any, Any]:
    from plldb.cli.debugger.operations import make_command

    return make_command(invocation, library)


_names = asyncclick.argument("names", nargs=-1, metavar="[NAME]...")
_stacks = asyncclick.option(
    "--stack-name",
    "stacks",
    metavar="STACK",
    multiple=True,
    help="A stack, where a name alone may mean something else; may be repeated.",
)


@asyncclick.command(help=ATTACH_HELP, short_help="Run invocations on this machine.")
@_names
@_stacks
@asyncclick.option(
    "--code",
    metavar="[NAME=]DIR",
    type=Given("dir"),
    multiple=True,
    callback=check_code,
    help="Folder of the project, by default this one; or of one stack's or function's; may be repeated.",
)
@asyncclick.option(
    "--env",
    metavar="NAME[=VALUE]",
    multiple=True,
    callback=parse_variables,
    help="Variable of the functions here, over their own; without VALUE as on this machine; may be repeated.",
)
@debug_port
@asyncclick.option(
    "--no-debug", is_flag=True, help="No port for debuggers: breakpoint() asks in this terminal."
)
@asyncclick.option(
    "--write-launch", is_flag=True, help="Add an entry for this port to .vscode/launch.json of the project."
)
@wait_for_debugger
@python
@asyncclick.option(
    "--for",
    "hours",
    type=Positive(168, "hours"),
    default=8.0,
    metavar="HOURS",
    help="How long at most; by default 8, never more than 168.",
)
@asyncclick.option(
    "--until-idle",
    type=Positive(168 * 3600, "seconds"),
    metavar="SECONDS",
    help="End once nothing was invoked for this time.",
)
@asyncclick.option(
    "--credentials",
    type=asyncclick.Choice(["role", "local"]),
    default="role",
    help="Run as the function's role (the default), or as yourself.",
)
@asyncclick.option(
    "--record",
    metavar="DIR",
    type=Given("dir"),
    callback=check_folder,
    help="Keep each invocation as a file in this folder, for `plldb replay`.",
)
@asyncclick.option(
    "--where",
    metavar="PATH=PATTERN",
    multiple=True,
    callback=check_conditions,
    help="Only invocations whose event has that, as headers.x-debug=me; may be repeated, and all must hold.",
)
@asyncclick.option(
    "--take-over", is_flag=True, help="Also functions that somebody else holds; on a terminal it asks."
)
@asyncclick.option("--yes", is_flag=True, help="Do not ask.")
@one_place_options
@asyncclick.pass_context
def attach(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Attach."""
    if not params["names"] and not params["stacks"]:
        raise asyncclick.UsageError("Give the name of a stack, or functions.", ctx)
    refuse_together(ctx, params, "wait", "no_debug")
    refuse_together(ctx, params, "write_launch", "no_debug")
    params["code"], params["folders"] = split_code(params["code"])
    return invocation(ctx, "attach", params, "functions may be left armed; see '{status}'.")


@asyncclick.command(help=RESTORE_HELP, short_help="Put functions back as deployed.")
@_names
@_stacks
@asyncclick.option("--all", "everything", is_flag=True, help="Every function in the region.")
@asyncclick.option(
    "--take-over", is_flag=True, help="Also functions that somebody else holds; on a terminal it asks."
)
@asyncclick.option("--yes", is_flag=True, help="Do not ask.")
@place_options
@asyncclick.pass_context
def restore(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Put back."""
    if params["everything"] == bool(params["names"] or params["stacks"]):
        raise asyncclick.UsageError("Give either the name of a stack or --all.", ctx)
    return invocation(ctx, "restore", params, "functions may be left armed; '{again}' goes on.")


@asyncclick.command(help=STATUS_HELP, short_help="Show who is debugging what.")
@asyncclick.argument("stacks", nargs=-1, metavar="[STACK]...")
@place_options
@asyncclick.pass_context
def status(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Look."""
    return invocation(ctx, "status", params, "nothing was changed.")


@asyncclick.command(help=INVOKE_HELP, short_help="Send one event to a function.")
@asyncclick.argument("names", nargs=-1, metavar="[STACK] FUNCTION")
@asyncclick.option("--event", metavar="FILE", type=Given("file"), help="File with the event as JSON, or -.")
@asyncclick.option("--data", metavar="JSON", type=Given(), help="The event itself, as JSON.")
@one_place_options
@asyncclick.pass_context
def invoke(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Invoke."""
    if len(params["names"]) not in (1, 2) or "" in params["names"]:
        raise asyncclick.UsageError("Give a function, or a stack and one of its functions.", ctx)
    refuse_together(ctx, params, "event", "data")
    return invocation(ctx, "invoke", params, "if the event was sent, it still runs in the cloud.")
