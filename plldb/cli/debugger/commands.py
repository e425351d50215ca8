"""``plldb restore`` and ``plldb status``: options in, an `Invocation` out. Pure.

Nothing is imported here that runs a command: a help page must not pay for AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick

from plldb.cli.command import Invocation, command_line
from plldb.cli.options import ENVIRONMENT, EXIT_CODES, as_typed, merge_settings, place_options

if TYPE_CHECKING:
    from plldb.cli.command import Command

RESTORE_HELP = f"""Put functions back as they were deployed.

Takes what the debugger has put there out of the functions of STACK, or with --all of every function in the
region, on whichever machine it was attached. What a deployment has changed since stays. What somebody else
holds is left to them, unless --take-over is given.

\b
Examples:
  plldb restore my-stack --region eu-west-1
  plldb restore --all

{ENVIRONMENT}

{EXIT_CODES}
"""

STATUS_HELP = f"""Show who debugs what, and which functions are armed.

Shows the sessions that are attached, the functions that the debugger has changed, and the last
invocations that ran on somebody's machine. Changes nothing.

\b
Examples:
  plldb status
  plldb status my-stack --output json | jq .functions

{ENVIRONMENT}

{EXIT_CODES}
"""


def invocation(ctx: asyncclick.Context, name: str, params: dict[str, Any], interrupted: str) -> Invocation:
    """Return what was typed; ``interrupted`` may name ``{again}``, the command line that does it again."""
    place = {name: params[name] for name in ("profile", "regions", "output", "verbose")}
    values = {name: value for name, value in params.items() if name not in place}
    options = [param.name or "" for param in ctx.command.params if isinstance(param, asyncclick.Option)]
    # A person says yes each time anew.
    typed = as_typed(ctx, [name for name in values if name in options and name != "yes"])
    arguments = [values["stack"]] if values["stack"] else []
    words = (*arguments, *typed)
    settings = merge_settings(ctx, **place)
    again = command_line(name, regions=settings.regions, profile=settings.profile, options=words)
    return Invocation(
        name=name,
        settings=settings,
        values=values,
        words=words,
        load=_load,
        interrupted=interrupted.format(again=again),
    )


def _load(invocation: Invocation, library: Any) -> Command[Any, Any]:
    from plldb.cli.debugger.operations import make_command

    return make_command(invocation, library)


@asyncclick.command(help=RESTORE_HELP, short_help="Put functions back as deployed.")
@asyncclick.argument("stack", required=False, default="")
@asyncclick.option("--all", "everything", is_flag=True, help="Every function of the region.")
@asyncclick.option("--take-over", is_flag=True, help="Also what somebody else holds; at a keyboard it asks.")
@asyncclick.option("--yes", is_flag=True, help="Do not ask.")
@place_options
@asyncclick.pass_context
def restore(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Put back."""
    if params["everything"] == bool(params["stack"]):
        raise asyncclick.UsageError("Give either the name of a stack or --all.", ctx)
    return invocation(ctx, "restore", params, "functions may be left armed; '{again}' goes on.")


@asyncclick.command(help=STATUS_HELP, short_help="Show who debugs what.")
@asyncclick.argument("stack", required=False, default="")
@place_options
@asyncclick.pass_context
def status(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Look."""
    return invocation(ctx, "status", params, "nothing was changed.")
