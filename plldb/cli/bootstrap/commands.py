"""The commands of ``plldb bootstrap``: options in, a `Job` out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick

from plldb.cli.jobs import Job
from plldb.cli.options import ENVIRONMENT, EXIT_CODES, merge_settings, place_options, setup_options

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from plldb.aws.place import Place
    from plldb.bootstrap.events import BootstrapStatus
    from plldb.bootstrap.options import SetupOptions
    from plldb.cli.jobs import Library

GROUP_HELP = f"""Puts the debugger's infrastructure into your AWS account, and takes it away again.

Without a command it does the same as setup.

\b
Examples:
  plldb bootstrap --region eu-west-1
  plldb bootstrap destroy --region eu-west-1

{ENVIRONMENT}

{EXIT_CODES}
"""

SETUP_HELP = f"""Deploys the infrastructure, or brings it up to date.

Makes the artifact bucket, uploads the packages, creates or updates the stack "plldb" and shows every
event of it. A second run changes nothing; a run while the stack is being changed follows that first.

Later setups keep tags and boundary until they are given others; --permissions-boundary "" removes it.

\b
Examples:
  plldb bootstrap setup --profile work --region eu-west-1
  plldb bootstrap setup --dry-run --tag team=payments

{ENVIRONMENT}

{EXIT_CODES}
"""

DESTROY_HELP = f"""Removes the infrastructure without a trace.

Deletes the stack, then empties and deletes the artifact bucket. On a terminal it shows first what it
will remove, and asks. A bucket that holds anything else stays.

\b
Examples:
  plldb bootstrap destroy
  plldb bootstrap destroy --yes --region eu-west-1 --region us-east-1

{ENVIRONMENT}

{EXIT_CODES}
"""

WATCH_HELP = f"""Follows whatever is running on the stack, and changes nothing.

Exits with the result of that operation. With nothing running it shows the last one.

\b
Examples:
  plldb bootstrap watch
  plldb bootstrap watch --output json | jq .kind

{ENVIRONMENT}

{EXIT_CODES}
"""

STATUS_HELP = f"""Shows what is deployed, and whether it is healthy.

Version, state and age of the stack, its outputs, the bucket. Exit code 0 only if deployed and healthy.

\b
Examples:
  plldb bootstrap status --region eu-west-1
  plldb bootstrap status --output json | jq .outputs

{ENVIRONMENT}

{EXIT_CODES}
"""


DOCTOR_HELP = f"""Finds what stands in the way of a setup, and says what to do about it.

Examines credentials, region, clock, permissions, stack, bucket and leftovers, and changes nothing.
Exit code 0 only if there is no problem.

\b
Examples:
  plldb doctor --region eu-west-1
  plldb doctor --output json | jq 'select(.verdict == "problem")'

{ENVIRONMENT}

{EXIT_CODES}
"""


class _InOrder(asyncclick.Group):
    """Lists its commands in the order in which one needs them; asyncclick would begin with destroy."""

    def list_commands(self, ctx: asyncclick.Context) -> list[str]:  # noqa: ARG002 - asyncclick gives it
        """In that order."""
        return ["setup", "status", "watch", "destroy"]


@asyncclick.group(
    cls=_InOrder,
    help=GROUP_HELP,
    short_help="Set up, destroy, watch the infrastructure.",
    invoke_without_command=True,
)
@setup_options
@place_options
@asyncclick.pass_context
def bootstrap(
    ctx: asyncclick.Context,
    /,
    *,
    dry_run: bool,
    tags: Mapping[str, str] | None,
    permissions_boundary: str | None,
    **place: Any,
) -> Job | None:
    """Does what setup does, or hands the settings on to a command."""
    ctx.obj = merge_settings(ctx, **place)
    if ctx.invoked_subcommand is None:
        return setup_job(ctx, dry_run, tags, permissions_boundary, **place)
    if dry_run or tags or permissions_boundary is not None:
        # Silently ignored, `bootstrap --dry-run destroy` would be a disaster.
        raise asyncclick.UsageError(
            "--dry-run, --tag and --permissions-boundary go behind the command setup.", ctx
        )
    return None


@bootstrap.command(help=SETUP_HELP, short_help="Deploy, or bring up to date.")
@setup_options
@place_options
@asyncclick.pass_context
def setup(
    ctx: asyncclick.Context,
    /,
    *,
    dry_run: bool,
    tags: Mapping[str, str] | None,
    permissions_boundary: str | None,
    **place: Any,
) -> Job:
    """Deploys."""
    return setup_job(ctx, dry_run, tags, permissions_boundary, **place)


def setup_job(
    ctx: asyncclick.Context,
    dry_run: bool,
    tags: Mapping[str, str] | None,
    permissions_boundary: str | None,
    **place: Any,
) -> Job:
    """``plldb bootstrap`` and ``plldb bootstrap setup``."""
    settings = merge_settings(ctx, **place)
    return Job(
        name="setup",
        settings=settings,
        open=lambda library, region: library.setup(
            settings.place(region),
            _options(tags=tags, permissions_boundary=permissions_boundary),
            dry_run=dry_run,
        ),
        options=tuple(_setup_words(dry_run, tags, permissions_boundary)),
    )


def _setup_words(
    dry_run: bool, tags: Mapping[str, str] | None, permissions_boundary: str | None
) -> Iterator[str]:
    if dry_run:
        yield "--dry-run"
    for key, value in (tags or {}).items():
        yield from ("--tag", f"{key}={value}")
    if permissions_boundary is not None:
        yield from ("--permissions-boundary", permissions_boundary)


@bootstrap.command(help=DESTROY_HELP, short_help="Remove everything.")
@asyncclick.option("--yes", is_flag=True, help="Do not ask.")
@asyncclick.option("--keep-bucket", is_flag=True, help="Leave the artifact bucket and what is in it.")
@place_options
@asyncclick.pass_context
def destroy(ctx: asyncclick.Context, /, *, yes: bool, keep_bucket: bool, **place: Any) -> Job:
    """Removes."""
    settings = merge_settings(ctx, **place)
    return Job(
        name="destroy",
        settings=settings,
        open=lambda library, region: library.destroy(settings.place(region), keep_bucket=keep_bucket),
        asks=not yes,
        options=("--keep-bucket",) if keep_bucket else (),
    )


@bootstrap.command(help=WATCH_HELP, short_help="Follow what is running.")
@place_options
@asyncclick.pass_context
def watch(ctx: asyncclick.Context, /, **place: Any) -> Job:
    """Follows."""
    settings = merge_settings(ctx, **place)
    return Job(
        name="watch",
        settings=settings,
        open=lambda library, region: library.watch(settings.place(region)),
    )


@bootstrap.command(help=STATUS_HELP, short_help="Show what is deployed.")
@place_options
@asyncclick.pass_context
def status(ctx: asyncclick.Context, /, **place: Any) -> Job:
    """Looks."""
    settings = merge_settings(ctx, **place)
    return Job(
        name="status",
        settings=settings,
        open=lambda library, region: _look(library, settings.place(region)),
    )


@asyncclick.command(help=DOCTOR_HELP, short_help="Find what stands in the way.")
@place_options
@asyncclick.pass_context
def doctor(ctx: asyncclick.Context, /, **place: Any) -> Job:
    """Examines."""
    settings = merge_settings(ctx, **place)
    return Job(
        name="doctor",
        settings=settings,
        open=lambda library, region: library.doctor(settings.place(region)),
    )


def _options(**given: Any) -> SetupOptions:
    """Made when the command runs: a help page must not pay for AWS."""
    from plldb.bootstrap.options import SetupOptions

    return SetupOptions(**given)


async def _look(library: Library, place: Place) -> AsyncGenerator[BootstrapStatus, None]:
    """A stream of one, so that status runs like everything else."""
    yield await library.status(place)
