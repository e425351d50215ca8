"""The commands of ``plldb bootstrap``, and ``plldb doctor``: options in, an `Invocation` out. Pure.

Nothing is imported here that runs a command: a help page must not pay for AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick

from plldb.cli.invocation import Invocation, command_line
from plldb.cli.options import (
    ENVIRONMENT,
    EXIT_CODES,
    add_options,
    as_typed,
    is_given,
    parse_tags,
    place_options,
    split_params,
)

if TYPE_CHECKING:
    from plldb.cli.command import Command
    from plldb.cli.options import Decorated

GROUP_HELP = f"""Set up the debugger's infrastructure in your AWS account, or remove it.

Without a command it does what setup does.

\b
Examples:
  plldb bootstrap --region eu-west-1
  plldb bootstrap destroy --region eu-west-1

{ENVIRONMENT}

{EXIT_CODES}
"""

SETUP_HELP = f"""Deploy the infrastructure, or update it.

Creates the artifact bucket, uploads the packages, creates or updates the stack "plldb" and shows its
events. A second run changes nothing. If the stack is already being changed, it waits for that first.

Later setups keep the tags and the boundary unless others are given; --permissions-boundary "" removes
it.

\b
Examples:
  plldb bootstrap setup --profile work --region eu-west-1
  plldb bootstrap setup --dry-run --tag team=payments

{ENVIRONMENT}

{EXIT_CODES}
"""

DESTROY_HELP = f"""Delete all of the infrastructure.

Deletes the stack, then empties and deletes the artifact bucket. On a terminal it first shows what it
will delete, and asks. A bucket that holds anything else is kept.

\b
Examples:
  plldb bootstrap destroy
  plldb bootstrap destroy --yes --region eu-west-1 --region us-east-1

{ENVIRONMENT}

{EXIT_CODES}
"""

WATCH_HELP = f"""Follow the operation that is running on the stack. Changes nothing.

Its exit code tells how that operation ended. If none is running, it shows the last one.

\b
Examples:
  plldb bootstrap watch
  plldb bootstrap watch --output json | jq .kind

{ENVIRONMENT}

{EXIT_CODES}
"""

STATUS_HELP = f"""Show what is deployed, and whether it is healthy.

Shows version, status and age of the stack, its outputs, and the bucket. The exit code is 0 only if it
is deployed and healthy.

\b
Examples:
  plldb bootstrap status --region eu-west-1
  plldb bootstrap status --output json | jq .outputs

{ENVIRONMENT}

{EXIT_CODES}
"""


DOCTOR_HELP = f"""Find what would make a setup fail, and say what to do about it.

Checks credentials, region, clock, permissions, stack, bucket and leftovers. Changes nothing. The exit
code is 0 only if there is no problem.

\b
Examples:
  plldb doctor --region eu-west-1
  plldb doctor --output json | jq 'select(.verdict == "problem")'

{ENVIRONMENT}

{EXIT_CODES}
"""


class _InOrder(asyncclick.Group):
    """Lists its commands in the order in which they stand below; asyncclick would begin with destroy."""

    def list_commands(self, ctx: asyncclick.Context) -> list[str]:  # noqa: ARG002 - asyncclick gives it
        """Return the names in that order."""
        return list(self.commands)


def setup_options(command: Decorated) -> Decorated:
    """Add what only setup takes; each is a field of `plldb.bootstrap.options`, but for --dry-run."""
    return add_options(
        command,
        asyncclick.option("--dry-run", is_flag=True, help="Show what would happen and change nothing."),
        asyncclick.option(
            "--tag",
            "tags",
            multiple=True,
            metavar="KEY=VALUE",
            callback=parse_tags,
            help="Tag for the stack and its resources; may be repeated.",
        ),
        asyncclick.option(
            "--permissions-boundary", metavar="ARN", help="Permissions boundary for the roles."
        ),
    )


def invocation(ctx: asyncclick.Context, name: str, params: dict[str, Any]) -> Invocation:
    """Return what was typed: the settings that all commands share, and the options of this one."""
    settings, values = split_params(ctx, params)
    # A person says yes each time anew.
    words = as_typed(ctx, [name for name in values if name != "yes"])
    regions, profile = settings.proposed_regions, settings.proposed_profile
    watch = command_line("bootstrap", "watch", regions=regions, profile=profile)
    return Invocation(
        name=name,
        settings=settings,
        values=values,
        words=words,
        load=_load,
        interrupted=f"what CloudFormation has begun goes on; '{watch}' follows it.",
    )


def _load(invocation: Invocation, library: Any) -> Command[Any, Any]:
    from plldb.cli.bootstrap.operations import make_command

    return make_command(invocation, library)


@asyncclick.group(
    cls=_InOrder,
    help=GROUP_HELP,
    short_help="Set up, show, watch, destroy the infrastructure.",
    invoke_without_command=True,
)
@setup_options
@place_options
@asyncclick.pass_context
def bootstrap(ctx: asyncclick.Context, /, **params: Any) -> Invocation | None:
    """Do what setup does, or hand the settings on to a command."""
    asked = invocation(ctx, "setup", params)
    ctx.obj = asked.settings
    if ctx.invoked_subcommand is None:
        return asked
    if misplaced := [name for name in asked.values if is_given(ctx, name)]:
        # Silently ignored, `bootstrap --dry-run destroy` would be a disaster.
        (option, *_) = (param.opts[0] for param in ctx.command.params if param.name == misplaced[0])
        raise asyncclick.UsageError(f"{option} goes after the command that it is for.", ctx)
    return None


@bootstrap.command(help=SETUP_HELP, short_help="Deploy, or update.")
@setup_options
@place_options
@asyncclick.pass_context
def setup(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Deploy."""
    return invocation(ctx, "setup", params)


@bootstrap.command(help=STATUS_HELP, short_help="Show what is deployed.")
@place_options
@asyncclick.pass_context
def status(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Look."""
    return invocation(ctx, "status", params)


@bootstrap.command(help=WATCH_HELP, short_help="Follow what is running.")
@place_options
@asyncclick.pass_context
def watch(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Follow."""
    return invocation(ctx, "watch", params)


@bootstrap.command(help=DESTROY_HELP, short_help="Delete everything.")
@asyncclick.option("--dry-run", is_flag=True, help="Show what would be deleted and change nothing.")
@asyncclick.option("--yes", is_flag=True, help="Do not ask.")
@asyncclick.option("--keep-bucket", is_flag=True, help="Keep the artifact bucket and what is in it.")
@place_options
@asyncclick.pass_context
def destroy(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Delete."""
    return invocation(ctx, "destroy", params)


@asyncclick.command(help=DOCTOR_HELP, short_help="Find what would make a setup fail.")
@place_options
@asyncclick.pass_context
def doctor(ctx: asyncclick.Context, /, **params: Any) -> Invocation:
    """Examine."""
    return invocation(ctx, "doctor", params)
